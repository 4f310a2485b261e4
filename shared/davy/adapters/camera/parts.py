"""Pictures out of a byte stream, as browsers find them: by what they are, whatever is written around them.

Cameras type their parts image/jpg or not at all, begin without a boundary, or count their bytes wrongly.
"""

import re
from collections.abc import Iterable, Iterator

JPEG, PNG = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"
JPEG_END, PNG_END = b"\xff\xd9", b"IEND\xaeB`\x82"
MAX_PART_BYTES = 64 * 2**20
_HEADER_BYTES = 64 * 1024  # more than a part's header ever has
_LENGTH = re.compile(rb"content-length[ \t]*:[ \t]*(\d{1,9})[ \t]*\r?\n", re.IGNORECASE)
_BOUNDARY = re.compile(rb"^--[^\r\n]{1,200}", re.MULTILINE)
_START_OF_SCAN = 0xDA


def pictures_of(chunks: Iterable[bytes], boundary: bytes = b"") -> Iterator[bytes]:
    """Cut a stream into its JPEG and PNG pictures, each as soon as its last byte is there.

    Args:
        chunks: The stream, in pieces of any length.
        boundary: What stands between two parts, where the answer's header tells it; it is learned from the parts otherwise.

    Yields:
        Whole pictures, and cut ones as far as they go: a decoder judges them.

    Raises:
        ValueError: one picture has over 64 MiB.
    """
    buffer = _Buffer(boundary)
    for chunk in chunks:
        buffer.data += chunk
        while (picture := buffer.take()) is not None:
            yield picture
        if len(buffer.data) > MAX_PART_BYTES:
            raise ValueError(f"a picture has over {MAX_PART_BYTES // 2**20} MiB")
    rest = bytes(buffer.data)
    if buffer.began and len(rest) > len(PNG):
        yield rest


class _Buffer:
    """What has arrived and is not yet taken; once a picture began, it stands at the start."""

    def __init__(self, boundary: bytes) -> None:
        self.data, self.began = bytearray(), False
        self._boundary = b"\n--" + boundary.removeprefix(b"--") if boundary else b""
        self._length, self._from = 0, 0

    def take(self) -> bytes | None:
        """The next picture, or None while its end is missing."""
        if not self.began and not self._begin():
            return None
        end = self._end()
        if end is None:
            return None
        picture = bytes(self.data[:end])
        del self.data[:end]
        self.began = False
        return picture

    def _begin(self) -> bool:
        found = [at for at in (self.data.find(JPEG), self.data.find(PNG)) if at >= 0]
        if not found:
            del self.data[:-_HEADER_BYTES]
            return False
        header = bytes(self.data[: min(found)][-_HEADER_BYTES:])
        lengths, boundaries = _LENGTH.findall(header), _BOUNDARY.findall(header)
        whole = header.endswith((b"\r\n\r\n", b"\n\n"))  # the length counts from here
        self._length = int(lengths[-1]) if lengths and whole else 0
        if boundaries and not self._boundary:
            self._boundary = b"\n" + boundaries[-1]
        del self.data[: min(found)]
        self.began, self._from = True, 0
        return True

    def _end(self) -> int | None:
        mark = PNG_END if self.data.startswith(PNG) else JPEG_END
        if self._length and len(self.data) < self._length:
            return None
        if self._length and self.data[: self._length].rstrip(b"\r\n\0").endswith(mark):
            return self._length
        return self._marked_end(mark)

    def _marked_end(self, mark: bytes) -> int | None:
        """Where the picture's own end mark stands, or the next boundary where it was cut."""
        first = self._from or (_scan_begins(self.data) if mark == JPEG_END else len(PNG))
        end = self.data.find(mark, first) if first else -1
        cut = self.data.find(self._boundary, self._from) if self._boundary else -1
        if cut >= 0 and (end < 0 or cut < end):
            return cut
        if end >= 0:
            return end + len(mark)
        if first:
            self._from = max(first, len(self.data) - 256)  # a mark may lie across two pieces
        return None


def _scan_begins(data: bytearray) -> int:
    """Where a JPEG's coded picture begins, after headers that may hold a thumbnail with an end of its own; 0: not here yet."""
    at = 2
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            return at  # damaged: its end is looked for from here
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        if data[at + 1] == _START_OF_SCAN:
            return at + 2 + length
        at += 2 + length
    return 0
