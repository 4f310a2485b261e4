"""Encode pictures to files."""

import io
from collections.abc import Collection
from typing import Any

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from davy.adapters.media.images.metadata import has_directories, tags_of_tiff
from davy.adapters.media.images.photoshop import photoshop_segments
from davy.adapters.media.images.picture import ImageFormat, Metadata, Picture
from davy.adapters.media.images.png import TEXT, raw_profile
from davy.domain.errors import UnsupportedImageError
from davy.domain.frame import BgrImage

_MAX_SIDE = {ImageFormat.JPEG: 65_535, ImageFormat.WEBP: 16_383}
_MAX_SEGMENT = 65_533  # of a JPEG
_MAX_JPEG_XMP = 65_502  # of one APP1 segment: 65,533 less 29 of its name
_WITH_ALPHA = (ImageFormat.PNG, ImageFormat.WEBP, ImageFormat.TIFF)
_CANNOT_HOLD = {
    ImageFormat.JPEG: (),
    ImageFormat.PNG: (),
    ImageFormat.TIFF: ("comment",),
    ImageFormat.WEBP: ("iptc", "comment"),
    ImageFormat.BMP: ("iptc", "comment"),
}


def encode(picture: Picture, kind: ImageFormat | None = None, quality: int = 90) -> bytes:
    """Encode a picture with its metadata (`left_out` lists unsupported metadata).

    Args:
        picture: The picture.
        kind: Output format; None keeps that of the picture, and a lossless WebP stays lossless.
        quality: 1 to 100, for JPEG and lossy WebP.

    Raises:
        UnsupportedImageError: the format cannot hold a picture this large.
    """
    kind = kind or picture.format
    height, width = picture.pixels.shape[:2]
    if kind in _MAX_SIDE and max(width, height) > _MAX_SIDE[kind]:
        raise UnsupportedImageError(f"{kind.name} of {width}x{height} pixels", "for PNG (Accept: image/png)")
    options = _metadata_options(picture.metadata, kind)
    match kind:
        case ImageFormat.JPEG:
            options["quality"] = quality
        case ImageFormat.PNG:
            options["compress_level"] = 1  # level 6 is 5 % smaller on noisy photographs and slower
        case ImageFormat.WEBP:
            lossless = picture.lossless and picture.format is ImageFormat.WEBP
            # For a lossless WebP, quality is effort. Method 2 takes half the time of 4, for 5 % more bytes.
            options |= {"lossless": True, "quality": 30, "method": 1} if lossless else {"quality": quality, "method": 2}
        case ImageFormat.TIFF:
            if not has_directories(picture.metadata):
                options["compression"] = "tiff_deflate"
    return _saved(_image(picture, keep_alpha=kind in _WITH_ALPHA), kind, options)


def _saved(image: Image.Image, kind: ImageFormat, options: dict[str, Any]) -> bytes:
    """Write a file; retry without compression if libtiff rejects private tags, which Pillow writes itself."""
    try:
        file = io.BytesIO()
        image.save(file, kind.name, **options)
    except RuntimeError:
        if "compression" not in options:
            raise
        file = io.BytesIO()
        image.save(file, kind.name, **{name: value for name, value in options.items() if name != "compression"})
    return file.getvalue()


def left_out(picture: Picture, kind: ImageFormat) -> tuple[str, ...]:
    """List the metadata of a picture that a format does not support, one note each.

    Args:
        picture: The picture.
        kind: Output format.
    """
    has, cannot = picture.metadata, _CANNOT_HOLD[kind]
    losses = {
        "EXIF": bool(has.exif) and (kind is ImageFormat.BMP or (kind is ImageFormat.JPEG and len(has.exif) > _MAX_SEGMENT)),
        "XMP": bool(has.xmp) and (kind is ImageFormat.BMP or (kind is ImageFormat.JPEG and len(has.xmp) > _MAX_JPEG_XMP)),
        "the colour profile": bool(has.icc) and kind is ImageFormat.BMP,
        "IPTC": bool(has.photoshop) and "iptc" in cannot,
        "the comment": bool(has.comment) and "comment" in cannot,
        "PNG text": bool(has.chunks) and kind is not ImageFormat.PNG and any(name in TEXT for name, _ in has.chunks),
        "application segments of the JPEG": bool(has.segments) and kind is not ImageFormat.JPEG,
    }
    notes = [f"{name} left out: {kind.name} cannot hold it" for name, lost in losses.items() if lost]
    if picture.alpha is not None and kind not in _WITH_ALPHA:
        notes.append(f"transparent pixels became white: {kind.name} has no transparency")
    return tuple(notes)


def over_white(picture: Picture) -> BgrImage:
    """The pixels of a picture, blended over white."""
    if picture.alpha is None:
        return picture.pixels
    opacity = picture.alpha[..., None].astype(np.uint16)
    blended: BgrImage = ((picture.pixels * opacity + 255 * (255 - opacity) + 127) // 255).astype(np.uint8)
    return blended


def _metadata_options(metadata: Metadata, kind: ImageFormat) -> dict[str, Any]:
    """Pillow's options to write metadata to a format."""
    options: dict[str, Any] = {"icc_profile": metadata.icc or None, "dpi": metadata.dpi}
    match kind:
        case ImageFormat.JPEG:
            options["exif"] = metadata.exif if len(metadata.exif) <= _MAX_SEGMENT else None
            options["xmp"] = metadata.xmp if len(metadata.xmp) <= _MAX_JPEG_XMP else None
            options["comment"] = metadata.comment or _comment_of(metadata.chunks)
            options["extra"] = metadata.segments + photoshop_segments(metadata.photoshop)
        case ImageFormat.PNG:
            options |= {"exif": metadata.exif, "pnginfo": _png_info(metadata)}
        case ImageFormat.WEBP:
            options |= {"exif": metadata.exif, "xmp": metadata.xmp}
        case ImageFormat.TIFF:
            options["exif"] = tags_of_tiff(metadata)
    return {name: value for name, value in options.items() if value}


def _png_info(metadata: Metadata) -> PngInfo:
    info = PngInfo()
    for name, content in metadata.chunks:
        if not (name == b"sRGB" and metadata.icc):
            info.add(name, content)
    if metadata.xmp:
        info.add_itxt("XML:com.adobe.xmp", metadata.xmp.decode(errors="replace"))
    if metadata.photoshop and not any(content.startswith(b"Raw profile type ") for _, content in metadata.chunks):
        info.add_text("Raw profile type iptc", raw_profile("iptc", metadata.photoshop), zip=True)
    if metadata.comment:
        info.add_itxt("Comment", metadata.comment.decode(errors="replace"))
    return info


def _comment_of(chunks: Collection[tuple[bytes, bytes]]) -> bytes:
    """The comment of a PNG, for a JPEG."""
    return next((body.removeprefix(b"Comment\0") for name, body in chunks if name == b"tEXt" and body[:8] == b"Comment\0"), b"")


def _image(picture: Picture, keep_alpha: bool) -> Image.Image:
    height, width = picture.pixels.shape[:2]
    pixels = np.ascontiguousarray(picture.pixels)
    image = Image.frombuffer("RGB", (width, height), pixels, "raw", "BGR", 0, 1)
    if picture.grey:
        image = image.convert("L")
    if picture.alpha is None:
        return image
    alpha = Image.fromarray(picture.alpha)
    if keep_alpha:
        image.putalpha(alpha)
        return image
    white = Image.new(image.mode, image.size, "white")
    return Image.composite(image, white, alpha)
