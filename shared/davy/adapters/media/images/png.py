"""Texts and times in a PNG, kept unchanged: Pillow would shorten or reject some of them.

Source: PNG, third edition, section 11.3.
"""

import struct
import zlib
from collections.abc import Iterator

PNG_START = b"\x89PNG\r\n\x1a\n"
XMP_KEYWORD = b"XML:com.adobe.xmp\0"
TEXT = (b"tEXt", b"zTXt", b"iTXt")
_KEPT_CHUNKS = (*TEXT, b"tIME", b"gAMA", b"cHRM", b"sRGB", b"cICP")
_MAX_TEXT_BYTES = 1_000_000  # Pillow rejects a picture with longer texts


def readable(data: bytes) -> tuple[bytes, tuple[str, ...]]:
    """Remove chunks without pixels for which Pillow would reject the picture.

    Returns:
        The file, without compressed and long texts (`kept_chunks` keeps them) and without damaged optional chunks; and a note
        on the damaged ones.
    """
    kept, damaged = [PNG_START], []
    for name, body, chunk in _chunks(data):
        if name[:1].islower() and zlib.crc32(name + body) != int.from_bytes(chunk[-4:]):
            damaged.append(name.decode("ascii", "replace"))
        elif name not in TEXT or body.startswith(XMP_KEYWORD) or (name == b"tEXt" and len(body) <= _MAX_TEXT_BYTES):
            kept.append(chunk)
    notes = (f"damaged chunks were left out: {', '.join(damaged)}; the pixels are complete",) if damaged else ()
    return b"".join(kept), notes


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Name, content and all bytes of each chunk; the remainder of a damaged file is a chunk without a name."""
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
    """Name and content of each chunk that an enhanced PNG keeps, without EXIF and XMP."""
    for name, body, chunk in _chunks(data):
        if zlib.crc32(name + body) != int.from_bytes(chunk[-4:]):
            continue
        profile = body.startswith((b"Raw profile type exif\0", b"Raw profile type APP1\0", XMP_KEYWORD))
        if name in _KEPT_CHUNKS and not (name in TEXT and profile):
            yield name, body


def raw_profiles(data: bytes) -> dict[bytes, bytes]:
    """Read EXIF and IPTC that ImageMagick stores in a PNG as hexadecimal text.

    Source: ImageMagick, coders/png.c, Magick_png_write_raw_profile.
    """
    profiles = {}
    for name, body, _ in _chunks(data):
        if name not in (b"tEXt", b"zTXt") or not body.startswith(b"Raw profile type "):
            continue
        text = body.partition(b"\0")[2]
        try:
            text = zlib.decompressobj().decompress(text[1:], _MAX_TEXT_BYTES) if name == b"zTXt" else text
            _, kind, _, *lines = text.split(b"\n")
            profiles[kind.strip()] = bytes.fromhex(b"".join(lines).decode("ascii"))
        except Exception:  # noqa: BLE001  # a damaged profile is ignored
            continue
    return profiles


def raw_profile(kind: str, content: bytes) -> bytes:
    """Encode a profile as text of a PNG for ImageMagick and ExifTool."""
    lines = "\n".join(content.hex()[at : at + 72] for at in range(0, 2 * len(content), 72))
    return f"\n{kind}\n{len(content):8d}\n{lines}\n".encode()
