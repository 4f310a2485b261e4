"""Frames of a live stream: multipart JPEG."""

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, field
from typing import Literal

from davy.domain.errors import UnreadableError
from davy.domain.frame import MAX_JPEG_BYTES, BgrImage

Variant = Literal["enhanced", "raw"]
MAX_HEAD_BYTES = 8192
END_OF_HEAD = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame of a camera.

    Attributes:
        camera: edge.camera.
        variant: "enhanced" or "raw".
        jpeg: The picture as its edge encoded it.
        seq: 1, 2, 3, ... per camera and boot of its edge; a gap is a dropped frame.
        captured_ns: Unix time of capture in ns, on the edge's clock.
        age_ms: Age when the aggregator sent it, in ms.
        model: Id of the enhancing model.
    """

    camera: str
    variant: Variant
    jpeg: bytes = field(repr=False)
    seq: int
    captured_ns: int
    age_ms: int
    model: str

    @classmethod
    def of(cls, camera: str, variant: Variant, jpeg: bytes, headers: dict[str, str]) -> "Frame":
        """A frame by the headers of its answer or part, whose names are in lower case.

        Raises:
            UnreadableError: a header is missing or is no number.
        """
        try:
            seq, captured_ns, age_ms = (int(headers[f"x-davy-{name}"]) for name in ("seq", "captured-ns", "age-ms"))
        except (KeyError, ValueError) as error:
            raise UnreadableError(f"a frame of {camera} has no valid header {error}") from error
        return cls(camera, variant, jpeg, seq, captured_ns, age_ms, headers.get("x-davy-model", ""))

    def decode(self) -> BgrImage:
        """Decode the picture: BGR, shape (H, W, 3), uint8.

        Raises:
            UnreadableImageError: it is damaged.
        """
        from davy.adapters.media import jpeg

        return jpeg.decode(self.jpeg)


async def read_parts(chunks: AsyncIterator[bytes]) -> AsyncGenerator[tuple[dict[str, str], bytes], None]:
    """Yield the headers and the body of each part of a multipart stream whose parts have a Content-Length.

    Raises:
        UnreadableError: a part has another form, or is larger than any frame.
    """
    waiting = bytearray()
    head: dict[str, str] | None = None
    async for chunk in chunks:
        waiting += chunk
        while True:
            if head is None:
                end = waiting.find(END_OF_HEAD)
                if end < 0:
                    if len(waiting) > MAX_HEAD_BYTES:
                        raise UnreadableError("the live stream is no multipart of JPEGs")
                    break
                head = _headers(bytes(waiting[:end]))
                del waiting[: end + len(END_OF_HEAD)]
            length = _length(head)
            if len(waiting) < length:
                break
            body = bytes(waiting[:length])
            del waiting[:length]
            yield head, body
            head = None


def _headers(head: bytes) -> dict[str, str]:
    lines = [line.partition(":") for line in head.decode("latin-1").split("\r\n")]
    return {name.strip().lower(): value.strip() for name, colon, value in lines if colon}


def _length(head: dict[str, str]) -> int:
    text = head.get("content-length", "")
    if not (text.isascii() and text.isdigit() and len(text) < 9 and int(text) <= MAX_JPEG_BYTES):
        raise UnreadableError(f"a part of the live stream has the length {text!r}")
    return int(text)
