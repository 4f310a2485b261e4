"""Changes of an EXIF block: orientation, exchanged sides and the thumbnail of the original picture."""

import struct

PREFIX = b"Exif\0\0"
_ORIENTATION = 0x0112
_EXIF_IFD, _WIDTH, _HEIGHT = 0x8769, 0xA002, 0xA003
_SHORT = 3
_MAX_ENTRIES = 512  # of IFD0; cameras write about twenty


def set_upright(exif: bytes) -> tuple[int, bytes]:
    r"""Read the orientation, set it to upright and unlink the thumbnail; keep every other byte.

    Args:
        exif: A TIFF block, with or without the prefix "Exif\0\0".

    Returns:
        The orientation, 1 to 8 (1 if it is missing or invalid), and the changed block with the prefix "Exif\0\0"; empty if the
        block is damaged.

    Source: Exif 2.32, section 4.6.2; TIFF 6.0, section 2.
    """
    block = bytearray(exif.removeprefix(PREFIX))
    order = {b"II": "<", b"MM": ">"}.get(bytes(block[:2]))
    if order is None:
        return 1, b""
    orientation = 1
    try:
        magic, start = struct.unpack_from(f"{order}HI", block, 2)
        if magic != 42:
            return 1, b""
        tags = _entries(block, order, start)
        if _ORIENTATION in tags:
            kind, length, value = struct.unpack_from(f"{order}HIH", block, tags[_ORIENTATION] + 2)
            if (kind, length) == (_SHORT, 1):
                orientation = value if 1 <= value <= 8 else 1
                struct.pack_into(f"{order}H", block, tags[_ORIENTATION] + 8, 1)
        if orientation >= 5 and _EXIF_IFD in tags:
            _swap_sides(block, order, *struct.unpack_from(f"{order}I", block, tags[_EXIF_IFD] + 8))
        (count,) = struct.unpack_from(f"{order}H", block, start)
        struct.pack_into(f"{order}I", block, start + 2 + 12 * count, 0)  # IFD1 is the thumbnail
    except struct.error:
        return 1, b""
    return orientation, PREFIX + bytes(block)


def _entries(block: bytearray, order: str, start: int) -> dict[int, int]:
    """Offset of each tag's entry in a directory."""
    (count,) = struct.unpack_from(f"{order}H", block, start)
    if count > _MAX_ENTRIES:
        raise struct.error("too many tags")
    offsets = range(start + 2, start + 2 + 12 * count, 12)
    return {struct.unpack_from(f"{order}H", block, offset)[0]: offset for offset in offsets}


def _swap_sides(block: bytearray, order: str, start: int) -> None:
    """Exchange width and height of the stored pixels."""
    tags = _entries(block, order, start)
    if _WIDTH in tags and _HEIGHT in tags:
        width, height = (slice(tags[tag] + 2, tags[tag] + 12) for tag in (_WIDTH, _HEIGHT))
        block[width], block[height] = block[height], block[width]
