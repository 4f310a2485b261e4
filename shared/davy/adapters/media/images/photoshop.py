"""Image resource blocks of Photoshop, which hold IPTC in JPEG and TIFF files.

Source: Adobe Photoshop File Formats, image resource blocks.
"""

import struct
from collections.abc import Iterator

SEGMENT_NAME = b"Photoshop 3.0\0"
_IPTC, _THUMBNAILS = 0x0404, (0x0409, 0x040C)


def without_thumbnails(blocks: bytes) -> bytes:
    """Remove thumbnails of the original picture, and a damaged remainder."""
    return b"".join(block for code, _, block in _resources(blocks) if code not in _THUMBNAILS)


def iptc_of(blocks: bytes) -> bytes:
    """The IPTC record in image resource blocks; empty if absent."""
    return next((body for code, body, _ in _resources(blocks) if code == _IPTC), b"")


def resource_block(iptc: bytes) -> bytes:
    """An IPTC record as an image resource block."""
    return b"8BIM" + struct.pack(">HHI", _IPTC, 0, len(iptc)) + iptc + bytes(len(iptc) % 2) if iptc else b""


def photoshop_segments(blocks: bytes) -> bytes:
    """Image resource blocks as segments of a JPEG."""
    size = 65_533 - len(SEGMENT_NAME)
    segments = [SEGMENT_NAME + blocks[at : at + size] for at in range(0, len(blocks), size)]
    return b"".join(struct.pack(">BBH", 0xFF, 0xED, len(segment) + 2) + segment for segment in segments)


def _resources(blocks: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    at = 0
    while blocks[at : at + 4] == b"8BIM" and at + 12 <= len(blocks):
        (code,) = struct.unpack_from(">H", blocks, at + 4)
        name = 1 + blocks[at + 6]
        body = at + 6 + name + name % 2
        if body + 4 > len(blocks):
            return
        (size,) = struct.unpack_from(">I", blocks, body)
        end = body + 4 + size
        if end > len(blocks):
            return
        yield code, blocks[body + 4 : end], blocks[at:end] + bytes(size % 2)
        at = end + size % 2
