"""Ids, and the address of a camera."""

import re
from dataclasses import dataclass
from typing import Self

from davy.domain.errors import InvalidIdError

ID_PATTERN = r"[a-z0-9-]{1,64}"


def check_id(kind: str, value: str) -> str:
    """Return value if it is a legal id, `[a-z0-9-]{1,64}`.

    Raises:
        InvalidIdError: it is not; kind ("site", "edge", "camera") stands in the message.
    """
    if not re.fullmatch(ID_PATTERN, value):
        raise InvalidIdError(kind, value)
    return value


@dataclass(frozen=True, slots=True, order=True)
class CameraAddress:
    """The address of a camera, written site/edge/camera; each part is `[a-z0-9-]{1,64}`."""

    site: str
    edge: str
    camera: str

    def __post_init__(self) -> None:
        for kind in ("site", "edge", "camera"):
            check_id(kind, getattr(self, kind))

    @classmethod
    def parse(cls, text: str, site: str = "") -> Self:
        """Read an address.

        Args:
            text: "site/edge/camera". Within a site also the forms of version 0.1.0: "edge/camera" and "edge.camera".
            site: The site of the short forms; empty accepts none of them.

        Raises:
            InvalidIdError: text has another form, or an id in it is illegal.
        """
        match text.split("/"):
            case [found, edge, camera]:
                return cls(found, edge, camera)
            case [edge, camera] if site:
                return cls(site, edge, camera)
            case [_] if site and text.count(".") == 1:
                return cls(site, *text.split("."))
        raise InvalidIdError("camera", text)

    @property
    def key(self) -> str:
        """The id within the site, "edge.camera", as REST paths and stored events have it since version 0.1.0."""
        return f"{self.edge}.{self.camera}"

    def __str__(self) -> str:
        return f"{self.site}/{self.edge}/{self.camera}"
