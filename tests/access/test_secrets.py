import pytest

from davy.access.secrets import digest, hash_password, new_token, verify_password
from davy.domain.errors import InvalidInputError


def test_a_password_is_stored_as_argon2id_and_verified():
    stored = hash_password("a long enough one")
    assert stored.startswith("$argon2id$") and "long" not in stored
    assert verify_password("a long enough one", stored)
    assert not verify_password("another one", stored)
    assert not verify_password("a long enough one", None)
    assert not verify_password("a long enough one", "no hash")


@pytest.mark.parametrize("password", ["", "nine char", "x" * 257])
def test_short_and_endless_passwords_are_refused(password):
    with pytest.raises(InvalidInputError, match="10 to 256 characters"):
        hash_password(password)


def test_tokens_carry_their_id_and_are_stored_as_digests():
    token_id, token = new_token()
    assert token.startswith(f"davy_{token_id}_") and len(token) > 50
    assert len(digest(token)) == 64 and digest(token) != digest(token + "x")
