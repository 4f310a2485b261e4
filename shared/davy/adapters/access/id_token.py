"""Checks the ID token of an OpenID Connect provider (OpenID Connect Core 1.0, section 3.1.3.7)."""

from typing import Any, Final

from joserfc import jwt
from joserfc.errors import BadSignatureError, ClaimError, ExpiredTokenError, InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
"""Signatures by a key that the provider alone has."""
LEEWAY_S = 60  # clocks of two machines


class UnknownKeyError(Exception):
    """The token names a key that the set lacks: the provider may have changed its keys."""


class TokenRefusedError(Exception):
    """The token is not good; the text says why."""


def check_id_token(token: str, keys: KeySet, issuer: str, client_id: str, nonce: str) -> dict[str, Any]:
    """Return the claims of a token that is genuine, for this client, in time, and of this sign-in.

    Raises:
        UnknownKeyError: The set lacks its key.
        TokenRefusedError: It is not.
    """
    try:
        claims = jwt.decode(token, keys, algorithms=ALGORITHMS).claims
        _check_claims(claims, issuer, client_id, nonce)
    except InvalidKeyIdError as error:
        raise UnknownKeyError(str(error)) from error
    except BadSignatureError as error:
        raise TokenRefusedError("the signature of its ID token is not by one of its keys") from error
    except ExpiredTokenError as error:
        raise TokenRefusedError("its ID token has expired: compare the clocks of both machines") from error
    except ClaimError as error:
        raise TokenRefusedError(_REASONS.get(error.claim, f"the claim {error.claim} of its ID token is wrong")) from error
    except (JoseError, ValueError) as error:
        raise TokenRefusedError(f"its ID token is malformed: {error}") from error
    return claims


def _check_claims(claims: dict[str, Any], issuer: str, client_id: str, nonce: str) -> None:
    jwt.JWTClaimsRegistry(
        leeway=LEEWAY_S,
        iss={"essential": True, "value": issuer},
        sub={"essential": True},
        aud={"essential": True, "value": client_id},
        exp={"essential": True},
        iat={"essential": True},
        nonce={"essential": True, "value": nonce},
    ).validate(claims)
    several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if several or "azp" in claims:
        jwt.JWTClaimsRegistry(azp={"essential": True, "value": client_id}).validate(claims)


_REASONS: Final = {
    "aud": "its ID token is for another client: compare client_id with the provider's configuration",
    "azp": "its ID token was issued to another client: compare client_id with the provider's configuration",
    "iss": "its ID token names another issuer: compare issuer with the provider's configuration",
    "nonce": "its ID token answers another attempt to sign in: begin again",
    "iat": "its ID token comes from the future: compare the clocks of both machines",
}
