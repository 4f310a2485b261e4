"""Signed links: a URL that lets a player view one output of one camera until a time, without an account.

A player sends no Authorization header. Its URL carries a JSON Web Token (RFC 7519), signed by the aggregator with HMAC SHA-256,
in the parameter `token`. A WHEP player may send it as its bearer token.
"""

import re
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from davy.access.principal import Principal
from davy.access.roles import Role
from davy.adapters.access.credentials import Authenticator, Credentials
from davy.atomic import write_atomic

PARAMETER = "token"
"""Name of the parameter of a URL."""

Output = Literal["whep", "hls", "rtsp"]
OUTPUTS: tuple[Output, ...] = get_args(Output)
MAX_MINUTES = 1440

_PATHS: dict[Output, str] = {
    "whep": "/v1/cameras/{camera}/whep(/[A-Za-z0-9_-]+)?",
    "hls": "/v1/cameras/{camera}/(live.m3u8|hls/[A-Za-z0-9_.-]+)",
    "rtsp": "/{camera}",
}
_AUDIENCE = "davy-outputs"
_JWT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Link:
    """What a link lets its holder do.

    Attributes:
        camera: Id of the camera, "edge.camera".
        output: Which player it is for.
        by: Who made it.
        expires_s: Unix time in s.
    """

    camera: str
    output: Output
    by: str
    expires_s: int

    def covers(self, path: str) -> bool:
        """Return whether it is for this path of a URL."""
        pattern = _PATHS[self.output].replace(".m3u8", r"\.m3u8").replace("{camera}", re.escape(self.camera))
        return re.fullmatch(pattern, path) is not None


class LinkSigner:
    """Makes and checks links.

    Args:
        key: 32 random bytes. Who has them can make links; a new key ends all links.
    """

    def __init__(self, key: bytes) -> None:
        self._key = OctKey.import_key(key)

    @classmethod
    def of_file(cls, path: Path) -> "LinkSigner":
        """Read the key from a file; make it if there is none.

        Raises:
            OSError: the file cannot be read or written.
        """
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(path, secrets.token_bytes(32), 0o600)
        return cls(path.read_bytes())

    def sign(self, link: Link) -> str:
        """Return the token of a link."""
        claims = {"aud": _AUDIENCE, "cam": link.camera, "out": link.output, "sub": link.by, "exp": link.expires_s}
        return jwt.encode({"alg": "HS256"}, claims, self._key)

    def read(self, token: str) -> Link | None:
        """Return the link of a token; None if it is not genuine or has expired."""
        try:
            claims = jwt.decode(token, self._key, algorithms=["HS256"]).claims
            registry = jwt.JWTClaimsRegistry(
                aud={"essential": True, "value": _AUDIENCE},
                exp={"essential": True},
                out={"essential": True, "values": [str(each) for each in OUTPUTS]},
                cam={"essential": True},
                sub={"essential": True},
            )
            registry.validate(claims)
        except (JoseError, ValueError):
            return None
        return Link(str(claims["cam"]), claims["out"], str(claims["sub"]), int(claims["exp"]))


class LinkAuthenticator:
    """Names the holder of a link, and leaves everybody else to another authenticator.

    Args:
        others: Asked where a request carries no link.
    """

    def __init__(self, signer: LinkSigner, others: Authenticator) -> None:
        self._signer, self._others = signer, others

    async def identify(self, credentials: Credentials) -> Principal | None:
        """Return the principal: for a link a viewer, on the paths that it covers alone; None for an invalid link.

        Raises:
            UnavailableError: The principal cannot be looked up at the moment.
        """
        token = next((each for each in (credentials.link, credentials.token) if _JWT.fullmatch(each)), "")
        if not token:
            return await self._others.identify(credentials)
        link = self._signer.read(token)
        if link is None or not link.covers(credentials.path):
            return None
        return Principal(f"link of {link.by}", Role.VIEWER, "link")


def expiry(minutes: float) -> int:
    """Return the Unix time in s at which a link that is made now for some minutes expires."""
    return int(time.time() + minutes * 60)
