import json
import stat

import pytest
from cryptography import x509

from davy.domain.errors import IdentityRefusedError, InvalidIdentityError, InvalidInputError
from davy.identity import Authority, Identity, Token, enroll, make_request, new_token

WEST = Identity.parse("davy://demo/edge/west")


def test_a_token_enrols_its_identity_once(authority):
    token = Token.parse(str(new_token(authority, WEST)))
    assert token.fingerprint == authority.fingerprint
    cert = enroll(authority, token, make_request()[1])
    assert Identity.of_certificate(x509.load_pem_x509_certificate(cert)) == WEST
    with pytest.raises(IdentityRefusedError, match="used"):
        enroll(authority, token, make_request()[1])


def test_a_token_outlives_an_invalid_request(authority):
    token = new_token(authority, WEST)
    with pytest.raises(InvalidIdentityError):
        enroll(authority, token, b"no request")
    assert enroll(authority, token, make_request()[1])


def test_an_expired_or_unknown_token_is_refused(authority, tmp_path):
    with pytest.raises(IdentityRefusedError):
        enroll(authority, new_token(authority, WEST, hours=-1), make_request()[1])
    other = Authority.create(tmp_path / "other", "demo")
    with pytest.raises(IdentityRefusedError):
        enroll(authority, new_token(other, WEST), make_request()[1])


def test_the_authority_keeps_no_secret_of_a_token(authority):
    token = new_token(authority, WEST)
    kept = authority.folder / "tokens.json"
    assert token.secret.hex() not in kept.read_text()
    assert str(token).rsplit(".", 1)[1] not in kept.read_text()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert [each["identity"] for each in json.loads(kept.read_text())] == [str(WEST)]
    assert "***" in repr(token)


@pytest.mark.parametrize("text", ["", "davy1", "davy1.a.b", "davy2." + "A" * 43 + "." + "A" * 43, "davy1.é.b", "davy1...."])
def test_another_text_is_no_token(text):
    with pytest.raises(InvalidInputError, match="davy identity token"):
        Token.parse(text)
