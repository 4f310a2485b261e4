"""Texts and times in a PNG, passed on as they are: Pillow would shorten or refuse some of them.

Source: PNG, third edition, section 11.3.
"""

import struct
import zlib
from collections.abc import Iterator

PNG_START = b"\x89PNG\r\n\x1a\n"
XMP_KEYWORD = b"XML:com.adobe.xmp\0"
TEXT = (b"tEXt", b"zTXt", b"iTXt")
_KEPT_CHUNKS = (*TEXT, b"tIME", b"gAMA", b"cHRM", b"sRGB", b"cICP")
_MAX_TEXT_BYTES = 1_000_000  # Pillow refuses a picture with longer texts in it


def without_long_texts(data: bytes) -> bytes:
    """A PNG without texts that Pillow would refuse the picture for; they are passed on as they are."""
    chunks = list(_chunks(data))
    long = [(name, body) for name, body, _ in chunks if name in TEXT and (name != b"tEXt" or len(body) > _MAX_TEXT_BYTES)]
    if not long:
        return data
    kept = [whole for name, body, whole in chunks if (name, body) not in long or body.startswith(XMP_KEYWORD)]
    return PNG_START + b"".join(kept)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Name, content and whole of each chunk; the rest of a damaged file is one chunk without a name."""
    at = len(PNG_START)
    while at + 12 <= len(data):
        (size,) = struct.unpack_from(">I", data, at)
        if at + 12 + size > len(data):
            break
        yield data[at + 4 : at + 8], data[at + 8 : at + 8 + size], data[at : at + 12 + size]
        at += 12 + size
    if at < len(data):
        yield b"", b"", data[at:]


def kept_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and content of each chunk that an enhanced PNG keeps; EXIF and XMP among the texts are kept elsewhere."""
    for name, body, _ in _chunks(data):
        profile = body.startswith((b"Raw profile type exif\0", b"Raw profile type APP1\0", XMP_KEYWORD))
        if name in _KEPT_CHUNKS and not (name in TEXT and profile):
            yield name, body


def raw_profiles(data: bytes) -> dict[bytes, bytes]:
    """EXIF and IPTC as ImageMagick keeps them in a PNG: hexadecimal text.

    Source: ImageMagick, coders/png.c, Magick_png_write_raw_profile.
    """
    found = {}
    for name, body, _ in _chunks(data):
        if name not in (b"tEXt", b"zTXt") or not body.startswith(b"Raw profile type "):
            continue
        text = body.partition(b"\0")[2]
        try:
            text = zlib.decompressobj().decompress(text[1:], _MAX_TEXT_BYTES) if name == b"zTXt" else text
            _, kind, _, *lines = text.split(b"\n")
            found[kind.strip()] = bytes.fromhex(b"".join(lines).decode("ascii"))
        except Exception:  # noqa: BLE001  # a profile that is damaged says nothing
            continue
    return found


def raw_profile(kind: str, content: bytes) -> bytes:
    """The text under which ImageMagick and ExifTool find a profile in a PNG."""
    lines = "\n".join(content.hex()[at : at + 72] for at in range(0, 2 * len(content), 72))
    return f"\n{kind}\n{len(content):8d}\n{lines}\n".encode()
