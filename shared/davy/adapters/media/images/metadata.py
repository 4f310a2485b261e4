"""Metadata of a picture file, such as time, camera, place and author, which is evidence and therefore kept.

| in the file | in an output of the same kind | of another kind |
| --- | --- | --- |
| EXIF; the tags of a TIFF | kept, upright, without thumbnail | kept, except by BMP |
| XMP, ICC profile, resolution | kept | kept if the format supports them |
| IPTC (Photoshop block) | kept, without thumbnail | kept by JPEG, PNG and TIFF |
| comment of a JPEG, its other application segments | kept | the comment is kept by PNG |
| text, time, gamma and primaries of a PNG | kept | left out |

A note lists what is left out. Content credentials (C2PA) are left out, as they sign the original pixels.
"""

import io
import struct

from PIL import Image
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.TiffImagePlugin import TiffImageFile

from davy.adapters.media.images.exif import PREFIX, set_upright
from davy.adapters.media.images.photoshop import SEGMENT_NAME, iptc_of, resource_block, without_thumbnails
from davy.adapters.media.images.picture import ImageFormat, Metadata
from davy.adapters.media.images.png import kept_chunks, raw_profiles

_HANDLED = (PREFIX, b"http://ns.adobe.com/xap/1.0/\0", b"ICC_PROFILE\0", b"MPF\0", b"FPXR\0", SEGMENT_NAME)
_DIRECTORIES = (0x8769, 0x8825)  # EXIF, GPS
_IPTC_TAG, _PHOTOSHOP_TAG, _XMP_TAG = 33723, 34377, 700
# Tags of a TIFF about the storage of its pixels; the output has its own.
_LAYOUT_TAGS = frozenset(
    {
        *range(254, 267), 273, 274, 277, 278, 279, 280, 281, *range(282, 285), *range(288, 294), 296, 301, *range(317, 348),
        *range(512, 522), *range(529, 533), 559, 34675,
    }
)  # fmt: skip


def read_metadata(file: ImageFile, kind: ImageFormat, data: bytes) -> tuple[int, Metadata]:
    """Read the metadata of an opened file.

    Args:
        file: The file, opened and loaded.
        kind: Its format.
        data: Its bytes.

    Returns:
        The orientation of the stored pixels, 1 to 8, and the metadata with the orientation upright.
    """
    profiles = raw_profiles(data) if kind is ImageFormat.PNG else {}
    exif = _exif_of_tiff(file) if isinstance(file, TiffImageFile) else file.info.get("exif") or profiles.get(b"exif", b"")
    orientation, upright_exif = set_upright(exif) if exif else (1, b"")
    notes: tuple[str, ...] = ("its EXIF block is damaged and was left out",) if exif and not upright_exif else ()
    segments = _segments(file) if isinstance(file, JpegImageFile) else b""
    if isinstance(file, JpegImageFile) and any(name == "APP11" for name, _ in file.applist):
        notes += ("its content credentials were left out: they sign the pixels of the source",)
    if isinstance(file, JpegImageFile) and "mp" in file.info:
        notes += ("a further picture in the file (MPO, motion photo) was left out",)
    xmp, comment = file.info.get("xmp"), file.info.get("comment")
    metadata = Metadata(
        exif=upright_exif,
        xmp=xmp if isinstance(xmp, bytes) else b"",
        icc=file.info.get("icc_profile") or b"",
        dpi=_dpi(file),
        photoshop=_photoshop(file, profiles),
        comment=comment if isinstance(comment, bytes) and kind is ImageFormat.JPEG else b"",
        segments=segments,
        chunks=tuple(kept_chunks(data)) if kind is ImageFormat.PNG else (),
        notes=notes,
    )
    return (1 if kind is ImageFormat.TIFF else orientation), metadata  # Pillow rotates a TIFF itself


def _segments(file: JpegImageFile) -> bytes:
    """The application segments without other handling; APP14 belongs to the coding of colours."""
    kept = b""
    for name, body in file.applist:
        number = int(name.removeprefix("APP")) if name.startswith("APP") else -1
        if 1 <= number <= 15 and number not in (11, 14) and not body.startswith(_HANDLED):
            kept += struct.pack(">BBH", 0xFF, 0xE0 + number, len(body) + 2) + body
    return kept


def _photoshop(file: ImageFile, profiles: dict[bytes, bytes]) -> bytes:
    """Image resource blocks without thumbnails of the original picture."""
    if isinstance(file, JpegImageFile):
        blocks = b"".join(body.removeprefix(SEGMENT_NAME) for name, body in file.applist if body.startswith(SEGMENT_NAME))
    elif isinstance(file, TiffImageFile):
        blocks = _bytes(file.tag_v2.get(_PHOTOSHOP_TAG)) or resource_block(_bytes(file.tag_v2.get(_IPTC_TAG)))
    else:
        blocks = profiles.get(b"8bim", b"") or profiles.get(b"iptc", b"")
        if blocks and not blocks.startswith(b"8BIM"):
            blocks = resource_block(blocks)
    return without_thumbnails(blocks)


def _exif_of_tiff(file: TiffImageFile) -> bytes:
    """The tags of a TIFF except those of its layout, as an EXIF block."""
    own, block = file.getexif(), Image.Exif()
    for tag, value in own.items():
        if tag not in _LAYOUT_TAGS and tag not in (_XMP_TAG, _IPTC_TAG, _PHOTOSHOP_TAG):
            block[tag] = own.get_ifd(tag) if tag in _DIRECTORIES else value
    return block.tobytes() if len(block) else b""


def has_directories(metadata: Metadata) -> bool:
    """Whether the metadata has EXIF or GPS directories, which a TIFF stores separately."""
    tags = Image.Exif()
    if metadata.exif:
        tags.load(metadata.exif)
    return any(tag in tags for tag in _DIRECTORIES)


def tags_of_tiff(metadata: Metadata) -> Image.Exif:
    """The metadata as tags of a TIFF."""
    tags = Image.Exif()
    if metadata.exif:
        tags.load(metadata.exif)
    tags.pop(0x0112, None)
    if metadata.xmp:
        tags[_XMP_TAG] = metadata.xmp
    if metadata.photoshop:
        tags[_PHOTOSHOP_TAG] = metadata.photoshop
    if iptc := iptc_of(metadata.photoshop):
        tags[_IPTC_TAG] = iptc
    return tags


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else bytes(value) if isinstance(value, tuple) else b""


def _dpi(file: ImageFile) -> tuple[float, float] | None:
    try:
        x, y = (float(value) for value in file.info["dpi"])
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    return (x, y) if 0 < x < 1e5 and 0 < y < 1e5 else None


def exif_of_jpeg(data: bytes) -> bytes:
    """Read the EXIF block of a JPEG from its header; empty if absent."""
    block = JpegImageFile(io.BytesIO(data)).info.get("exif")
    return block if isinstance(block, bytes) else b""
