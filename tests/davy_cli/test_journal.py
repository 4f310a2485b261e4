"""`davy journal`, `davy users` and `davy tokens` on an aggregator's data folder."""

import getpass
import json
import socket
import stat

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from davy.access.journal import JournalEntry
from davy.access.journal_keys import journal_folder, own_key
from davy.adapters.storage.journal_store import JournalStore
from davy.adapters.storage.opening import open_database
from davy_cli import journal, tokens, users

pytestmark = pytest.mark.system

PASSWORD = "a long enough one"


@pytest.fixture
def run(tmp_path):
    """Runs a command on a data folder with the journal's key."""
    own_key(journal_folder(tmp_path))

    def run(app, *words, status: int = 0, given: str = "") -> str:
        result = CliRunner().invoke(app, [*words, "--data", str(tmp_path)], input=given, env={"COLUMNS": "200"})
        assert result.exit_code == status, result.output
        return result.output

    return run


@pytest.fixture
def filled(run):
    run(users.app, "add", "ada", "--role", "admin", given=f"{PASSWORD}\n")
    run(users.app, "add", "vera", given=f"{PASSWORD}\n")
    run(users.app, "remove", "vera")
    return run


def rows(folder):
    database = open_database(folder)
    found = list(JournalStore(database).rows())
    database.close()
    return found


def test_changes_by_commands_are_recorded_under_the_system_s_user(filled, tmp_path):
    filled(users.app, "remove", "ada", status=1)  # the last administrator
    secret = filled(tokens.app, "make", "grafana", "--role", "monitor").strip()
    found = [row.entry for row in rows(tmp_path)]
    assert [(each.operation, each.target, each.answer) for each in found] == [
        ("davy users add", "ada", "ok"),
        ("davy users add", "vera", "ok"),
        ("davy users remove", "vera", "ok"),
        ("davy users remove", "ada", "InvalidInputError"),
        ("davy tokens make", "grafana", "ok"),
    ]
    assert {(each.who, each.via, each.address) for each in found} == {(getpass.getuser(), "process", socket.gethostname())}
    assert json.loads(found[0].after) == {"name": "ada", "role": "admin", "disabled": False, "password_changed": True}
    assert json.loads(found[2].before)["name"] == "vera"
    assert not any(hidden in str(found) for hidden in (PASSWORD, secret, "argon2"))


def test_the_newest_rows_are_listed(filled):
    lines = filled(journal.app, "list", "--limit", "2").splitlines()
    assert [line.split()[0] for line in lines] == ["3", "2"]
    assert "davy users remove  vera" in lines[0]
    assert filled(journal.app, "list", "--who", "nobody") == ""


def test_verify_names_the_first_changed_row(filled, tmp_path):
    assert "3 rows are intact" in filled(journal.app, "verify")
    database = open_database(tmp_path)
    with database.transaction("test") as connection:
        connection.execute(text("UPDATE journal SET target = 'eve' WHERE sequence = 2"))
    database.close()
    assert "not intact: row 2: its content does not match its hash" in filled(journal.app, "verify", status=1)


def test_an_export_is_verified_removed_and_recorded(filled, tmp_path):
    file = tmp_path / "journal.jsonl"
    assert "3 rows up to row 3" in filled(journal.app, "export", "-o", str(file), "--then-remove")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "3 rows are intact, up to row 3; signed up to row 3" in filled(journal.app, "verify", str(file))
    (left,) = rows(tmp_path)
    assert (left.sequence, left.entry.operation) == (4, "davy journal export --then-remove")
    assert json.loads(left.entry.after)["removed_to"] == 3
    assert "1 rows are intact, up to row 4; signed up to row 4" in filled(journal.app, "verify")
    filled(users.app, "add", "zoe", given=f"{PASSWORD}\n")
    assert "the last 1 rows await the next checkpoint" in filled(journal.app, "verify")


def test_a_changed_export_is_found(filled, tmp_path):
    file = tmp_path / "journal.jsonl"
    filled(journal.app, "export", "-o", str(file))
    file.write_text(file.read_text().replace("vera", "vere", 1))
    assert "row 2" in filled(journal.app, "verify", str(file), status=1)


def test_nothing_is_removed_without_a_file_or_over_an_existing_one(filled, tmp_path):
    filled(journal.app, "export", "--then-remove", status=1)
    file = tmp_path / "taken"
    file.write_text("x")
    filled(journal.app, "export", "-o", str(file), "--then-remove", status=1)
    assert file.read_text() == "x"
    assert len(rows(tmp_path)) == 3


def test_text_of_strangers_breaks_neither_a_terminal_nor_an_export(run, tmp_path):
    database = open_database(tmp_path)
    target = "/\x1b[31m\u2028\x85\n"
    JournalStore(database).append([JournalEntry(1, "anonymous", "anonymous", "none", "", "GET /x", target, answer="401")])
    database.close()
    assert run(journal.app, "list").rstrip("\n").endswith("/\\x1b[31m\\x2028\\x85\\x0a")
    file = tmp_path / "journal.jsonl"
    run(journal.app, "export", "-o", str(file))
    assert "1 rows are intact" in run(journal.app, "verify", str(file))


def test_rows_are_sent_to_a_syslog_server_as_rfc_5424(filled):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(5)
        printed = filled(journal.app, "export", "--format", "syslog", "--send", f"127.0.0.1:{server.getsockname()[1]}")
        received = [server.recv(65_536).decode() for _ in range(3)]
    assert received == [line for line in printed.splitlines() if line.startswith("<")]
    head, _, message = received[0].partition(" - journal - ")
    assert head.startswith("<110>1 20")
    assert json.loads(message)["operation"] == "davy users add"
