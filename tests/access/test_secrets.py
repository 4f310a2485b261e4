import pytest
from argon2 import extract_parameters
from argon2.profiles import RFC_9106_LOW_MEMORY
from tests.conftest import PRODUCT_HASHER

from davy.access import secrets
from davy.access.secrets import digest, hash_password, new_token, verify_password
from davy.domain.errors import InvalidInputError


@pytest.fixture(autouse=True)
def product_hasher(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(secrets, "_hasher", PRODUCT_HASHER)


def test_a_password_is_stored_as_argon2id_and_verified():
    stored = hash_password("a long enough one")
    assert stored.startswith("$argon2id$") and "long" not in stored
    assert verify_password("a long enough one", stored)
    assert not verify_password("another one", stored)
    assert not verify_password("a long enough one", None)
    assert not verify_password("a long enough one", "no hash")


def test_an_unknown_name_takes_as_long_as_a_wrong_password():
    unknown, stored = extract_parameters(secrets._NOBODY), extract_parameters(hash_password("a long enough one"))
    assert unknown == stored == RFC_9106_LOW_MEMORY


@pytest.mark.parametrize("password", ["", "nine char", "x" * 257])
def test_short_and_endless_passwords_are_refused(password):
    with pytest.raises(InvalidInputError, match="10 to 256 characters"):
        hash_password(password)


def test_tokens_carry_their_id_and_are_stored_as_digests():
    token_id, token = new_token()
    assert token.startswith(f"davy_{token_id}_") and len(token) > 50
    assert len(digest(token)) == 64 and digest(token) != digest(token + "x")
