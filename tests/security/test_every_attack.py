"""Every attack has a test whose name begins with its number, and the page of attacks is fresh."""

import pytest
from tests.security.attacks import ATTACKS, PAGE, by_code, render, shown_by


@pytest.mark.parametrize("attack", [f"a{number:02}" for number in range(1, 44)])
def test_every_attack_has_a_test_and_an_answer(attack: str):
    assert attack in ATTACKS
    assert shown_by(attack), f"no test begins with test_{attack}_"


def test_no_test_names_an_attack_that_there_is_not():
    assert {code for code in by_code() if code.startswith("a")} <= ATTACKS.keys()


def test_the_page_of_attacks_is_fresh():
    assert PAGE.read_text(encoding="utf-8") == render(), "run: python tests/security/attacks.py"
