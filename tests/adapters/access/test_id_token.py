"""ID tokens as a hostile or broken provider, or somebody in between, would make them."""

import base64
import hmac
import time

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

from davy.access.external import role_of
from davy.access.roles import Role
from davy.adapters.access.id_token import TokenRefusedError, UnknownKeyError, check_id_token
from davy.adapters.access.oidc_settings import OidcSettings

ISSUER = "https://sso.mine.example"
KEY = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"}, auto_kid=False)
PUBLISHED = KeySet.import_key_set({"keys": [KEY.as_dict(private=False)]})


def claims(**changes):
    now = int(time.time())
    good = {"iss": ISSUER, "sub": "17", "aud": "davy", "exp": now + 60, "iat": now, "nonce": "n"}
    return {name: value for name, value in (good | changes).items() if value is not None}


def checked(token: str):
    return check_id_token(token, PUBLISHED, ISSUER, "davy", "n")


def signed(content, key=KEY, **header):
    return jwt.encode({"alg": "RS256", "kid": "one"} | header, content, key, algorithms=["RS256", "ES256"])


def test_a_good_token_is_believed():
    assert checked(signed(claims()))["sub"] == "17"
    assert checked(signed(claims(aud=["davy"])))["sub"] == "17"
    assert checked(signed(claims(aud=["davy", "other"], azp="davy")))["sub"] == "17"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"exp": 1_700_000_000}, "has expired"),
        ({"exp": None}, "the claim exp"),
        ({"iat": 9_000_000_000}, "from the future"),
        ({"iat": None}, "the claim iat|from the future"),
        ({"aud": "other"}, "for another client"),
        ({"aud": None}, "for another client"),
        ({"aud": ["davy", "other"]}, "issued to another client"),
        ({"azp": "other"}, "issued to another client"),
        ({"iss": "https://evil.example"}, "another issuer"),
        ({"iss": ISSUER + "/"}, "another issuer"),
        ({"nonce": "older"}, "another attempt"),
        ({"nonce": None}, "another attempt"),
        ({"sub": None}, "the claim sub"),
        ({"sub": ""}, "the claim sub"),
        ({"sub": ["17"]}, "the claim sub"),
    ],
)
def test_a_token_with_a_wrong_claim_is_refused_with_the_reason(changes, reason):
    with pytest.raises(TokenRefusedError, match=reason):
        checked(signed(claims(**changes)))


def test_a_token_by_another_key_under_the_same_id_is_refused():
    with pytest.raises(TokenRefusedError, match="signature"):
        checked(signed(claims(), RSAKey.generate_key(2048, {"kid": "one"}, auto_kid=False)))


def test_a_token_by_an_unknown_key_says_so():
    with pytest.raises(UnknownKeyError):
        checked(signed(claims(), kid="two"))


def test_the_public_key_is_no_shared_secret_and_no_signature_is_none():
    """The two classic confusions: HS256 with the public key as secret, and alg none."""
    header, body, _ = signed(claims()).split(".")
    symmetric = base64.urlsafe_b64encode(b'{"alg":"HS256","kid":"one"}').rstrip(b"=").decode()
    digest = hmac.digest(KEY.as_pem(private=False), f"{symmetric}.{body}".encode(), "sha256")
    forged = f"{symmetric}.{body}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"
    unsigned = f"eyJhbGciOiJub25lIn0.{body}."
    for token in (forged, unsigned, f"{header}.{body}.", "", "a.b.c", "." * 9):
        with pytest.raises((TokenRefusedError, UnknownKeyError)):
            checked(token)


def test_an_elliptic_key_is_as_good():
    key = ECKey.generate_key("P-256", {"kid": "ec"}, auto_kid=False)
    keys = KeySet.import_key_set({"keys": [KEY.as_dict(private=False), key.as_dict(private=False)]})
    token = signed(claims(), key, alg="ES256", kid="ec")
    assert check_id_token(token, keys, ISSUER, "davy", "n")["sub"] == "17"


def test_the_highest_role_of_all_groups_counts_and_the_default_only_without_any():
    roles = {"shift": Role.OPERATOR, "chiefs": Role.ADMIN, "guests": Role.VIEWER}
    assert role_of(["guests", "chiefs", "shift"], roles, None) is Role.ADMIN
    assert role_of(["canteen"], roles, Role.VIEWER) is Role.VIEWER
    assert role_of(["canteen"], roles, None) is None
    assert role_of(["guests"], roles, Role.ADMIN) is Role.VIEWER


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"issuer": "http://sso.mine.example"}, "plain http only on this machine"),
        ({"issuer": "https://user:pass@sso.mine.example"}, "https://HOST"),
        ({"issuer": "https://sso.mine.example?x=1"}, "https://HOST"),
        ({"issuer": "ftp://sso.mine.example"}, "https://HOST"),
        ({"client_id": ""}, "client_id is missing"),
        ({"scopes": ("profile",)}, "openid"),
        ({"roles": {}}, "nobody could sign in"),
        ({"roles": {"x": "edge"}}, "a person is"),
        ({"default_role": "aggregator"}, "a person is"),
    ],
)
def test_settings_that_cannot_work_are_refused(changes, reason):
    good = {"issuer": ISSUER, "client_id": "davy", "roles": {"shift": "operator"}}
    with pytest.raises(ValueError, match=reason):
        OidcSettings(**good | changes)
