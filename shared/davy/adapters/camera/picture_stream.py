"""Extract pictures from a byte stream by their content, regardless of headers.

Many cameras send wrong media types, wrong lengths or no first boundary.
"""

import re
from collections.abc import Iterable, Iterator

JPEG, PNG = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"
JPEG_END, PNG_END = b"\xff\xd9", b"IEND\xaeB`\x82"
MAX_PICTURE_BYTES = 64 * 2**20
_HEADER_BYTES = 64 * 1024  # upper limit of the header of a part
_LENGTH = re.compile(rb"content-length[ \t]*:[ \t]*(\d{1,9})[ \t]*\r?\n", re.IGNORECASE)
_BOUNDARY = re.compile(rb"^--[^\r\n]{1,200}", re.MULTILINE)
_START_OF_SCAN = 0xDA


def split_pictures(chunks: Iterable[bytes], boundary: bytes = b"") -> Iterator[bytes]:
    """Split a stream into its JPEG and PNG pictures, each as soon as its last byte arrives.

    Args:
        chunks: The stream, in pieces of any length.
        boundary: Boundary of the parts from the header of the response; if empty, it is learned from the parts.

    Yields:
        Complete and truncated pictures; a decoder checks them.

    Raises:
        ValueError: a picture has over 64 MiB.
    """
    buffer = _Buffer(boundary)
    for chunk in chunks:
        buffer.data += chunk
        while (picture := buffer.next_picture()) is not None:
            yield picture
        if len(buffer.data) > MAX_PICTURE_BYTES:
            raise ValueError(f"a picture has over {MAX_PICTURE_BYTES // 2**20} MiB")
    remainder = bytes(buffer.data)
    if buffer.in_picture and len(remainder) > len(PNG):
        yield remainder


class _Buffer:
    """The unread bytes; in a picture they begin with its first byte."""

    def __init__(self, boundary: bytes) -> None:
        self.data, self.in_picture = bytearray(), False
        self._boundary = b"\n--" + boundary.removeprefix(b"--") if boundary else b""
        self._length, self._search_from = 0, 0

    def next_picture(self) -> bytes | None:
        """Return the next picture, or None if its end is missing."""
        if not self.in_picture and not self._find_start():
            return None
        end = self._find_end()
        if end is None:
            return None
        picture = bytes(self.data[:end])
        del self.data[:end]
        self.in_picture = False
        return picture

    def _find_start(self) -> bool:
        starts = [at for at in (self.data.find(JPEG), self.data.find(PNG)) if at >= 0]
        if not starts:
            del self.data[:-_HEADER_BYTES]
            return False
        header = bytes(self.data[: min(starts)][-_HEADER_BYTES:])
        lengths, boundaries = _LENGTH.findall(header), _BOUNDARY.findall(header)
        complete = header.endswith((b"\r\n\r\n", b"\n\n"))  # the length counts from here
        self._length = int(lengths[-1]) if lengths and complete else 0
        if boundaries and not self._boundary:
            self._boundary = b"\n" + boundaries[-1]
        del self.data[: min(starts)]
        self.in_picture, self._search_from = True, 0
        return True

    def _find_end(self) -> int | None:
        mark = PNG_END if self.data.startswith(PNG) else JPEG_END
        if self._length and len(self.data) < self._length:
            return None
        if self._length and self.data[: self._length].rstrip(b"\r\n\0").endswith(mark):
            return self._length
        return self._find_end_mark(mark)

    def _find_end_mark(self, mark: bytes) -> int | None:
        """Find the end mark of the picture, or the next boundary if it is truncated."""
        first = self._search_from or (_find_scan(self.data) if mark == JPEG_END else len(PNG))
        end = self.data.find(mark, first) if first else -1
        boundary = self.data.find(self._boundary, self._search_from) if self._boundary else -1
        if boundary >= 0 and (end < 0 or boundary < end):
            return boundary
        if end >= 0:
            return end + len(mark)
        if first:
            self._search_from = max(first, len(self.data) - 256)  # a mark may be split between two pieces
        return None


def _find_scan(data: bytearray) -> int:
    """Find the first scan of a JPEG, after headers that may hold a thumbnail with an end mark; 0: not yet received."""
    at = 2
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            return at  # damaged: search for the end mark from here
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        if data[at + 1] == _START_OF_SCAN:
            return at + 2 + length
        at += 2 + length
    return 0
