from tests.faults.promises import FAULTS, NOT_MADE, PROMISES, TABLE, render, shown_by


def test_every_promise_and_fault_has_a_test_or_a_reason_why_not():
    shown = shown_by()
    assert [each for each in (*PROMISES, *FAULTS) if each not in shown and each not in NOT_MADE] == []


def test_no_test_shows_what_nobody_promised():
    assert sorted(set(shown_by()) - {*PROMISES, *FAULTS}) == []


def test_the_page_is_what_the_tests_say():
    assert TABLE.read_text() == render(), "run: python tests/faults/promises.py"
