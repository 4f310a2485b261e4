"""Signed links: a URL that lets a player view one output of one camera until a time, without an account.

A player sends no Authorization header. Its URL carries a JSON Web Signature (RFC 7515) by HMAC SHA-256 over the output and the
camera, which stand in the URL already and are therefore detached (appendix F). That keeps a token at some 95 characters: FFmpeg
cuts a password in an RTSP URL at 120. The token is the parameter `token`, a bearer token, or the password of RTSP.
"""

import re
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OctKey
from joserfc.registry import HeaderParameter

from davy.access.principal import Principal
from davy.access.roles import Role
from davy.adapters.access.credentials import Authenticator, Credentials
from davy.atomic import write_atomic

PARAMETER = "token"
"""Name of the parameter of a URL."""

Output = Literal["whep", "hls", "rtsp", "recording"]
MAX_MINUTES = 1440

_PATHS: dict[Output, re.Pattern[str]] = {
    "whep": re.compile(r"/v1/cameras/([^/]+)/whep(?:/[A-Za-z0-9_-]+)?"),
    "hls": re.compile(r"/v1/cameras/([^/]+)/(?:live\.m3u8|hls/[0-9a-z.-]+)"),
    "rtsp": re.compile(r"/([^/]+)"),
    "recording": re.compile(r"/v1/cameras/([^/]+)/recording/([^/]+/[^/]+)/[0-9a-z.-]+"),
}
_TOKEN = re.compile(r"[A-Za-z0-9_-]+\.\.[A-Za-z0-9_-]+")
_REGISTRY = jws.JWSRegistry({"exp": HeaderParameter("Unix time in s at which it expires", "int", True)}, ["HS256"])


@dataclass(frozen=True, slots=True)
class Link:
    """What a link lets its holder view.

    Attributes:
        camera: Id of the camera, "edge.camera".
        output: Which player it is for.
        expires_s: Unix time in s.
        span: Of a recording: start and end as its URL has them, "START/END".
    """

    camera: str
    output: Output
    expires_s: int
    span: str = ""

    @classmethod
    def of_minutes(cls, camera: str, output: Output, minutes: float, span: str = "") -> "Link":
        """A link that expires some minutes from now."""
        return cls(camera, output, int(time.time() + minutes * 60), span)


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
        header = {"alg": "HS256", "exp": link.expires_s}
        return jws.detach_content(
            jws.serialize_compact(header, _content(link.output, link.camera, link.span), self._key, registry=_REGISTRY)
        )

    def covers(self, token: str, path: str) -> bool:
        """Return whether a token is genuine, has not expired, and is for this path of a URL."""
        return any(
            (found := pattern.fullmatch(path)) and self._is_genuine(token, _content(output, *found.groups()))
            for output, pattern in _PATHS.items()
        )

    def _is_genuine(self, token: str, content: bytes) -> bool:
        try:
            header = jws.deserialize_compact(token, self._key, payload=content, registry=_REGISTRY).headers()
        except (JoseError, ValueError):
            return False
        return int(header["exp"]) > time.time()


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
        token = next((each for each in (credentials.link, credentials.token) if _TOKEN.fullmatch(each)), "")
        if not token:
            return await self._others.identify(credentials)
        return Principal("link", Role.VIEWER, "link") if self._signer.covers(token, credentials.path) else None


def _content(output: Output, camera: str, span: str = "") -> bytes:
    return f"davy {output} {camera} {span}".rstrip().encode()
