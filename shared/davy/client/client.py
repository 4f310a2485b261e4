"""The client: one object per site, with one attribute per kind of thing."""

import ssl
from os import PathLike, fspath
from pathlib import Path
from types import TracebackType
from typing import Self

from pydantic import SecretStr

from davy.adapters.tls import Tls, TlsSettings, client_context
from davy.client.alarms import Alarms
from davy.client.cameras import Cameras
from davy.client.clips import Clips
from davy.client.connection import Connection
from davy.client.events import Events
from davy.client.images import EnhancedImage, enhance
from davy.client.messages import Site
from davy.client.recordings import Recordings
from davy.domain.errors import ConfigError


class Client:
    """Client of an aggregator, and of an enhancer where its address is given. Close it, or use it in `async with`.

    Every method raises UnavailableError where the service does not answer, RefusedError where the caller may not do this, and
    InvalidInputError, or a subclass of it, in the words of the service. Iterators reconnect by themselves.

    Args:
        aggregator: http[s]://host:8080.
        enhancer: http[s]://host:8081; empty where `enhance` is not used.
        token: Token of this program; None reads DAVY_TOKEN or the file that DAVY_TOKEN_FILE names.
        ca: File of the site's authority in PEM, for https with a token; None trusts the system's authorities.
        identity: Client certificate: the folder that `davy identity` writes, or an open identity. It has its own authority.

    Attributes:
        cameras: Cameras and their frames.
        events: The archive of events.
        alarms: Alarms and their answers.
        clips: Video of recordings, and clips of them.
        recordings: Recorded segments, as they are stored.

    Raises:
        ConfigError: an address or a file cannot be used.
    """

    def __init__(
        self,
        aggregator: str,
        enhancer: str = "",
        *,
        token: str | SecretStr | None = None,
        ca: str | PathLike[str] | None = None,
        identity: str | PathLike[str] | Tls | None = None,
    ) -> None:
        context, secret = _context(ca, identity), SecretStr(token) if isinstance(token, str) else token
        self._aggregator = Connection("aggregator", aggregator, secret, context)
        self._enhancer = Connection("enhancer", enhancer, secret, context) if enhancer else None
        self.cameras = Cameras(self._aggregator)
        self.events = Events(self._aggregator)
        self.alarms = Alarms(self._aggregator)
        self.clips = Clips(self._aggregator)
        self.recordings = Recordings(self._aggregator)

    async def site(self) -> Site:
        """Get a summary of the site."""
        return await self._aggregator.ask(Site, "GET", "/v1/site")

    async def enhance(self, image: bytes, *, strength: float = 1.0, quality: int = 90, accept: str = "*/*") -> EnhancedImage:
        """Enhance one encoded image by the enhancer.

        Args:
            image: JPEG, PNG or WebP.
            strength: 0 leaves the image unchanged, 1 is the full effect.
            quality: 1 to 100, of JPEG and WebP.
            accept: Wanted media types in order of preference; the input's own by default.

        Raises:
            ConfigError: this client has no enhancer.
            InvalidInputError: the image cannot be read, or a value is out of range.
        """
        if self._enhancer is None:
            raise ConfigError("enhance needs an enhancer: Client(aggregator, enhancer='https://host:8081')")
        return await enhance(self._enhancer, image, strength, quality, accept)

    async def close(self) -> None:
        """Close the connections."""
        await self._aggregator.close()
        if self._enhancer is not None:
            await self._enhancer.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def _context(ca: str | PathLike[str] | None, identity: str | PathLike[str] | Tls | None) -> ssl.SSLContext:
    if identity is None and ca is not None:
        try:
            return ssl.create_default_context(cafile=fspath(ca))
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(f"{fspath(ca)} holds no certificate of an authority: {error}") from error
    if identity is None or isinstance(identity, Tls):
        return client_context(identity)
    return client_context(Tls.of(TlsSettings(folder=Path(identity))))
