"""The two things that enhancing must change in an EXIF block: orientation, and the thumbnail of the picture before."""

import struct

PREFIX = b"Exif\0\0"
_ORIENTATION = 0x0112
_SHORT = 3
_MAX_ENTRIES = 512  # of IFD0; cameras write about twenty


def set_upright(exif: bytes) -> tuple[int, bytes]:
    """Read the orientation and write "upright" in its place; unlink the thumbnail. Every other byte stays as it was.

    Args:
        exif: a TIFF block, with or without "Exif\\0\\0" before it.

    Returns:
        The orientation, 1 to 8 (1 where there is none or it makes no sense), and the changed block, beginning with
        "Exif\\0\\0"; empty if the block is damaged, so that nothing damaged is passed on.

    Source: Exif 2.32, section 4.6.2; TIFF 6.0, section 2.
    """
    block = bytearray(exif.removeprefix(PREFIX))
    order = {b"II": "<", b"MM": ">"}.get(bytes(block[:2]))
    if order is None:
        return 1, b""
    orientation = 1
    try:
        magic, start = struct.unpack_from(f"{order}HI", block, 2)
        (count,) = struct.unpack_from(f"{order}H", block, start)
        if magic != 42 or count > _MAX_ENTRIES:
            return 1, b""
        for offset in range(start + 2, start + 2 + 12 * count, 12):
            tag, kind, length, value = struct.unpack_from(f"{order}HHIH", block, offset)
            if (tag, kind, length) == (_ORIENTATION, _SHORT, 1):
                orientation = value if 1 <= value <= 8 else 1
                struct.pack_into(f"{order}H", block, offset + 8, 1)
        struct.pack_into(f"{order}I", block, start + 2 + 12 * count, 0)  # IFD1 is the thumbnail
    except struct.error:
        return 1, b""
    return orientation, PREFIX + bytes(block)
