"""Single images, enhanced by the enhancer."""

from dataclasses import dataclass, field

from davy.client.connection import Connection

DEADLINE_S = 60.0


@dataclass(frozen=True, slots=True)
class EnhancedImage:
    """An enhanced image.

    Attributes:
        data: The encoded image.
        media_type: Such as image/jpeg.
        model: Id of the model.
        notes: What the enhancer says about the image; mostly empty.
    """

    data: bytes = field(repr=False)
    media_type: str
    model: str
    notes: str = ""


async def enhance(connection: Connection, image: bytes, strength: float, quality: int, accept: str) -> EnhancedImage:
    """Enhance one encoded image; see `Client.enhance`."""
    answer = await connection.send(
        "POST",
        "/v1/enhance",
        content=image,
        params={"strength": str(strength), "quality": str(quality)},
        headers={"Accept": accept, "Content-Type": "application/octet-stream"},
        timeout=DEADLINE_S,
    )
    headers = answer.headers
    return EnhancedImage(answer.content, headers["content-type"], headers.get("davy-model", ""), headers.get("davy-notes", ""))
