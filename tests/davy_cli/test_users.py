"""`davy users` and `davy tokens` on the database of an aggregator."""

import pytest
from typer.testing import CliRunner

from davy.access.secrets import TOKEN_PREFIX, digest
from davy_cli import tokens, users

pytestmark = pytest.mark.system

PASSWORD = "a long enough one"


@pytest.fixture
def run(tmp_path):
    """Run a command; returns its exit status and its output, or the text of its error."""

    def run(app, *words: str, given: str = "") -> tuple[int, str]:
        result = CliRunner().invoke(app, [*words, "--data", str(tmp_path)], input=given, env={"COLUMNS": "200"})
        return result.exit_code, result.output + (str(result.exception) if result.exception else "")

    return run


def test_a_user_is_added_changed_listed_and_removed(run):
    assert run(users.app, "add", "ada", "--role", "admin", given=f"{PASSWORD}\n") == (0, "ada may sign in as admin\n")
    assert run(users.app, "add", "vera", given=f"{PASSWORD}\n")[1] == "vera may sign in as viewer\n"
    assert run(users.app, "set", "vera", "--role", "operator", "--disabled")[1] == "vera: operator, disabled\n"
    listed = run(users.app, "list")[1].splitlines()
    assert [line.split()[:2] for line in listed] == [["ada", "admin"], ["vera", "operator"]] and "disabled" in listed[1]
    assert run(users.app, "remove", "vera") == (0, "vera is removed\n")
    assert "vera" not in run(users.app, "list")[1]


@pytest.mark.parametrize(
    ("words", "given", "text"),
    [
        (("add", "ada"), "short\n", "10 to 256 characters"),
        (("add", "a\nb"), f"{PASSWORD}\n", "not legal"),
        (("remove", "nobody"), "", "there is no user 'nobody'"),
        (("set", "nobody", "--role", "viewer"), "", "there is no user 'nobody'"),
    ],
)
def test_what_is_wrong_is_said(run, words, given, text):
    status, output = run(users.app, *words, given=given)
    assert status != 0 and text in output


def test_a_token_is_printed_once_listed_without_its_secret_and_revoked(run):
    token = run(tokens.app, "make", "north", "--role", "edge", "--edge", "north")[1].strip()
    assert token.startswith(TOKEN_PREFIX)
    listed = run(tokens.app, "list")[1]
    assert "edge of north" in listed and token not in listed and digest(token) not in listed
    assert run(tokens.app, "revoke", listed.split()[0])[0] == 0
    assert run(tokens.app, "list")[1] == ""
    assert "no token" in run(tokens.app, "revoke", "none")[1]


def test_a_link_is_printed_for_a_user_that_exists(run):
    run(users.app, "add", "ada", "--role", "admin", given=f"{PASSWORD}\n")
    status, printed = run(users.app, "link", "ada", "--console", "https://mine:8080/")
    assert status == 0 and printed.startswith("https://mine:8080/login#link=")
    assert "there is no user 'nobody'" in run(users.app, "link", "nobody")[1]
