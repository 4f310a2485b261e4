"""People, tokens, sessions and links, on SQLite and on PostgreSQL."""

import time

import pytest

from davy.access.roles import Role
from davy.adapters.storage.access_store import AccessStore, Token, User

NOW = time.time_ns()
LATER = NOW + 3600 * 10**9
ADA = User("ada", Role.ADMIN, "hash")


@pytest.fixture
def store(database):
    found = AccessStore(database)
    found.put_user(ADA)
    return found


def test_a_user_comes_back_as_it_was_and_changes(store, reopen):
    store.put_user(User("bob", Role.VIEWER, "", origin="https://id.example", subject="7"))
    again = AccessStore(reopen())
    assert [(each.name, each.role, each.origin, each.subject) for each in again.users()] == [
        ("ada", Role.ADMIN, "", ""),
        ("bob", Role.VIEWER, "https://id.example", "7"),
    ]
    again.put_user(User("ada", Role.OPERATOR, "hash"))
    assert store.user("ada").role is Role.OPERATOR
    assert store.delete_user("bob")
    assert not store.delete_user("bob")
    assert store.user("bob") is None


def test_a_token_is_found_by_its_digest_until_it_expires(store):
    token = Token("t1", "camera wall", Role.VIEWER, "", "ada", NOW, LATER)
    store.add_token(token, "digest")
    assert store.token("digest", NOW) == token
    assert store.token("digest", LATER) is None
    assert store.tokens() == [token]
    assert store.delete_token("t1")
    assert store.token("digest", NOW) is None


def test_a_session_ends_by_time_by_sign_out_and_by_a_change_of_its_user(store):
    for digest in ("one", "two"):
        store.add_session(digest, "ada", "127.0.0.1", LATER)
    found, expires_ns = store.session("one", NOW)
    assert (found.name, expires_ns) == ("ada", LATER)
    assert store.session("one", LATER) is None
    store.extend_session("one", LATER + 1)
    assert store.session("one", LATER) is not None
    store.delete_session("one")
    assert store.session("one", NOW) is None
    store.put_user(User("ada", Role.ADMIN, "another"))
    assert store.session("two", NOW) is None


def test_a_link_signs_in_once(store):
    store.add_link("digest", "ada", LATER)
    assert store.take_link("digest", LATER) is None  # too late, and spent
    store.add_link("digest", "ada", LATER)
    assert store.take_link("digest", NOW).name == "ada"
    assert store.take_link("digest", NOW) is None


def test_a_disabled_user_has_no_session_and_no_link(store):
    store.add_session("session", "ada", "", LATER)
    store.put_user(User("ada", Role.ADMIN, "hash", disabled=True))
    store.add_link("link", "ada", LATER)
    assert store.session("session", NOW) is None
    assert store.take_link("link", NOW) is None
