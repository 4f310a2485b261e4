import json

import pytest

from davy.access.journal import (
    MAX_STATE,
    MAX_TEXT,
    JournalEntry,
    is_recorded,
    note_change,
    note_principal,
    shown_target,
    state_text,
    taking_notes,
)
from davy.access.permissions import GRPC, REST
from davy.access.principal import OWNER
from davy.access.refusals import PER_ADDRESS, PER_WINDOW, RefusedAttempts
from davy.access.secrets import new_token


def test_every_operation_that_changes_something_is_recorded():
    recorded = {name for name, permission in REST["aggregator"].items() if is_recorded(name, permission)}
    changing = {name for name in REST["aggregator"] if not name.startswith(("GET ", "WS "))}
    assert recorded == changing - {"POST /v1/session/introspect"}
    assert {name.rpartition("/")[2] for name, permission in GRPC.items() if is_recorded(name, permission)} == {
        "CreateRollout",
        "PauseRollout",
        "ResumeRollout",
        "AbortRollout",
        "ConfirmRollout",
        "StartTrainingRun",
        "CancelTrainingRun",
        "ResumeTrainingRun",
        "AcknowledgeAlarm",
        "ShelveAlarm",
        "UnshelveAlarm",
    }
    assert not any(is_recorded(name, needs) for name, needs in REST["enhancer"].items())


def test_passwords_and_tokens_are_hidden_at_any_depth():
    shown = state_text({"a": [{"password": "canary", "Secret": "canary"}], "source": "rtsp://u:canary@cam/x?token=canary"})
    assert "canary" not in shown
    assert json.loads(shown)["a"] == [{"password": "***", "Secret": "***"}]
    assert json.loads(state_text({"password_changed": True})) == {"password_changed": True}


def test_a_long_state_is_kept_by_its_digest():
    shown = state_text({"text": "x" * 100_000})
    assert len(shown) <= MAX_STATE
    assert json.loads(shown)["characters"] > 100_000


def test_a_target_is_short_and_without_secrets():
    assert shown_target("/v1/users/ada@mine", "") == "/v1/users/ada@mine"
    assert shown_target("/v1/models", "keep=3&token=canary") == "/v1/models?keep=3&token=***"
    assert len(shown_target("/" + "x" * 100_000)) == MAX_TEXT
    _, token = new_token()
    assert shown_target(f"/v1/tokens/{token}") == "/v1/tokens/davy_***"


def test_a_handler_s_notes_belong_to_its_operation():
    note_change({"a": 1}, {"a": 2})  # outside of an operation: nothing happens
    with taking_notes() as notes:
        note_change({"a": 1}, {"a": 2})
        note_principal(OWNER)
    assert (notes.before, notes.after, notes.principal) == ('{"a":1}', '{"a":2}', OWNER)


def attempt(address: str, answer: str = "401") -> JournalEntry:
    return JournalEntry(1, "anonymous", "anonymous", "none", address, "GET /v1/site", "/v1/site", answer=answer)


@pytest.mark.parametrize(
    ("answer", "via", "refused"),
    [("200", "none", False), ("401", "none", True), ("422", "none", True), ("403", "session", True), ("422", "session", False)],
)
def test_an_attempt_is_refused_by_its_answer(answer, via, refused):
    assert JournalEntry(1, "x", "viewer", via, "", "POST /v1/session", answer=answer).refused == refused


def test_a_flood_from_one_address_gets_few_rows_and_one_count():
    attempts = RefusedAttempts()
    assert sum(attempts.admit(attempt("10.0.0.1"), brief=False) for _ in range(5000)) == PER_ADDRESS
    assert attempts.admit(attempt("10.0.0.2"), brief=False), "others are still recorded"
    (summary,) = attempts.summaries(60, brief=False)
    assert (summary.address, summary.answer) == ("10.0.0.1", "401")
    assert summary.target == f"{5000 - PER_ADDRESS} further refused attempts; the last: /v1/site"
    assert attempts.admit(attempt("10.0.0.1"), brief=False), "the next minute begins anew"


def test_a_flood_from_many_addresses_gets_few_rows():
    attempts = RefusedAttempts()
    admitted = sum(attempts.admit(attempt(f"10.0.{n >> 8}.{n & 255}"), brief=False) for n in range(20_000))
    summaries = list(attempts.summaries(60, brief=False))
    assert admitted == PER_WINDOW
    assert len(summaries) <= 6
    assert admitted + sum(int(each.target.split()[0]) for each in summaries) == 20_000


def test_a_half_full_journal_gets_one_count_an_hour():
    attempts = RefusedAttempts()
    assert not any(attempts.admit(attempt(f"10.0.0.{n % 7}"), brief=True) for n in range(1000))
    assert list(attempts.summaries(3599, brief=True)) == []
    (summary,) = attempts.summaries(3600, brief=True)
    assert summary.target.startswith("1000 further")
    assert summary.address == "7 addresses"
