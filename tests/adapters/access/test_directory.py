import asyncio

import pytest
from argon2 import PasswordHasher

from davy.access import secrets
from davy.access.roles import Role
from davy.adapters.access.credentials import Credentials
from davy.adapters.access.directory import Directory
from davy.adapters.storage.access_store import AccessStore
from davy.adapters.storage.opening import open_database
from davy.domain.errors import (
    InvalidInputError,
    TooManyAttemptsError,
    UnauthenticatedError,
    UnknownTokenError,
    UnknownUserError,
)

PASSWORD = "a long enough one"


@pytest.fixture
def directory(tmp_path, monkeypatch):
    quick = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)  # the strong one has its own tests: half a second each
    monkeypatch.setattr(secrets, "_hasher", quick)
    monkeypatch.setattr(secrets, "_NOBODY", quick.hash("nobody's"))
    database = open_database(tmp_path)
    found = Directory(AccessStore(database), "mine", 60)
    found.put_user("ada", Role.ADMIN, PASSWORD)
    found.put_user("vera", Role.VIEWER, PASSWORD)
    yield found
    database.close()


async def who(directory, **credentials):
    principal = await directory.identify(Credentials(**credentials))
    return principal and (principal.name, principal.role, principal.via)


async def test_a_person_signs_in_and_out(directory):
    secret, principal = await directory.sign_in("vera", PASSWORD, "10.0.0.1")
    assert (principal.name, principal.role) == ("vera", Role.VIEWER)
    assert await who(directory, session=secret) == ("vera", "viewer", "session")
    await directory.sign_out(secret)
    assert await who(directory, session=secret) is None


@pytest.mark.parametrize(("name", "password"), [("vera", "wrong password"), ("nobody", PASSWORD), ("", "")])
async def test_a_wrong_name_and_a_wrong_password_are_answered_alike(directory, name, password):
    with pytest.raises(UnauthenticatedError, match="the name or the password is wrong"):
        await directory.sign_in(name, password, "10.0.0.1")


async def test_a42_guessing_is_slowed_down_per_name(directory):
    with pytest.raises(TooManyAttemptsError, match="try again in"):
        for attempt in range(6):
            with pytest.raises(UnauthenticatedError):
                await directory.sign_in("vera", "wrong password", f"10.0.0.{attempt}")
            await asyncio.sleep(0.25)
    await asyncio.sleep(1)
    assert (await directory.sign_in("ada", PASSWORD, "10.0.0.9"))[1].name == "ada", "others still sign in"


async def test_a_change_of_role_or_state_ends_sessions(directory):
    for change in ({"role": Role.OPERATOR}, {"disabled": True}):
        secret, _ = await directory.sign_in("vera", PASSWORD, "10.0.0.1")
        directory.put_user("vera", change.get("role"), None, change.get("disabled"))
        assert await who(directory, session=secret) is None
    with pytest.raises(UnauthenticatedError):
        await directory.sign_in("vera", PASSWORD, "10.0.0.1")


async def test_a_link_signs_in_once(directory):
    link = directory.new_link("ada")
    secret, _ = await directory.follow_link(link, "127.0.0.1")
    assert await who(directory, session=secret) == ("ada", "admin", "session")
    with pytest.raises(UnauthenticatedError, match="used or is too old"):
        await directory.follow_link(link, "127.0.0.1")


async def test_a_person_changes_the_own_password(directory):
    secret, _ = await directory.sign_in("vera", PASSWORD, "10.0.0.1")
    with pytest.raises(UnauthenticatedError, match="old password is wrong"):
        await directory.change_password("vera", "wrong password", "another long one", "10.0.0.1")
    await directory.change_password("vera", PASSWORD, "another long one", "10.0.0.1")
    assert await who(directory, session=secret) is None
    await directory.sign_in("vera", "another long one", "10.0.0.1")


async def test_a_token_names_its_program_until_it_is_revoked(directory):
    record, token = directory.add_token("grafana", Role.MONITOR, "", 1, "ada")
    assert await who(directory, token=token) == ("grafana", "monitor", "token")
    assert await who(directory, token=token + "x") is None
    assert token not in repr(Credentials(token=token)) and [each.name for each in directory.tokens()] == ["grafana"]
    directory.delete_token(record.id)
    assert await who(directory, token=token) is None
    with pytest.raises(UnknownTokenError):
        directory.delete_token(record.id)


async def test_an_expired_token_names_nobody(directory):
    _, token = directory.add_token("grafana", Role.MONITOR, "", 1e-9, "ada")
    await asyncio.sleep(0.001)
    assert await who(directory, token=token) is None


async def test_a_certificate_names_its_machine_of_this_site_alone(directory):
    assert await who(directory, identity="davy://mine/edge/north") == ("north", "edge", "certificate")
    assert await who(directory, identity="davy://other/edge/north") is None
    assert await who(directory, identity="davy://mine/broker/b") is None
    assert await who(directory, identity="nonsense") is None


def test_the_last_administrator_stays(directory):
    for attempt in (
        lambda: directory.delete_user("ada"),
        lambda: directory.put_user("ada", Role.VIEWER, None),
        lambda: directory.put_user("ada", None, None, disabled=True),
    ):
        with pytest.raises(InvalidInputError, match="last administrator"):
            attempt()


@pytest.mark.parametrize(
    ("name", "role", "password", "text"),
    [
        ("eve", None, None, "no user 'eve'"),
        ("eve", Role.EDGE, PASSWORD, "for machines"),
        ("e\nve", Role.VIEWER, PASSWORD, "not legal"),
        ("eve", Role.VIEWER, "short", "10 to 256"),
    ],
)
def test_unusable_users_are_refused(directory, name, role, password, text):
    with pytest.raises(InvalidInputError, match=text):
        directory.put_user(name, role, password)


def test_unusable_tokens_and_unknown_users_are_refused(directory):
    for role, edge in ((Role.EDGE, ""), (Role.VIEWER, "north"), (Role.ANONYMOUS, ""), (Role.EDGE, "No!")):
        with pytest.raises(InvalidInputError):
            directory.add_token("x", role, edge, 1, "ada")
    with pytest.raises(UnknownUserError, match="did you mean 'vera'"):
        directory.delete_user("vara")
