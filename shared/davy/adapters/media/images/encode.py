"""Pixels to files."""

import io
from typing import Any

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from davy.adapters.media.images.picture import ImageFormat, Picture
from davy.domain.errors import UnsupportedImageError

_MAX_SIDE = {ImageFormat.JPEG: 65_535, ImageFormat.WEBP: 16_383}
_MAX_JPEG_XMP = 65_502  # of one APP1 segment: 65,533 less 29 of its name
_WITH_ALPHA = (ImageFormat.PNG, ImageFormat.WEBP, ImageFormat.TIFF)


def encode(picture: Picture, kind: ImageFormat | None = None, quality: int = 90) -> bytes:
    """Write a picture as a file, with its EXIF block, profile and resolution.

    Args:
        kind: None keeps the picture's own; a lossless WebP stays lossless then.
        quality: 1 to 100, of JPEG and lossy WebP.

    Raises:
        UnsupportedImageError: the format cannot hold a picture this large.
    """
    kind = kind or picture.format
    height, width = picture.pixels.shape[:2]
    if kind in _MAX_SIDE and max(width, height) > _MAX_SIDE[kind]:
        raise UnsupportedImageError(f"{kind.name} of {width}x{height} pixels", "for PNG (Accept: image/png)")
    options: dict[str, Any] = {"icc_profile": picture.icc or None, "dpi": picture.dpi}
    if picture.exif and kind is not ImageFormat.BMP:
        options["exif"] = picture.exif
    if picture.xmp:
        _add_xmp(options, kind, picture.xmp)
    match kind:
        case ImageFormat.JPEG:
            options["quality"] = quality
        case ImageFormat.PNG:
            options["compress_level"] = 1  # level 6 is 5 % smaller on noisy photographs and slower
        case ImageFormat.WEBP:
            lossless = picture.lossless and picture.format is ImageFormat.WEBP
            # Of a lossless WebP, quality is effort. Method 2 is half the time of 4, for 5 % more bytes.
            options |= {"lossless": True, "quality": 30, "method": 1} if lossless else {"quality": quality, "method": 2}
        case ImageFormat.TIFF:
            options["compression"] = "tiff_deflate"
    file = io.BytesIO()
    _image(picture, keep_alpha=kind in _WITH_ALPHA).save(file, kind.name, **{k: v for k, v in options.items() if v is not None})
    return file.getvalue()


def _add_xmp(options: dict[str, Any], kind: ImageFormat, xmp: bytes) -> None:
    match kind:
        case ImageFormat.JPEG if len(xmp) <= _MAX_JPEG_XMP:
            options["xmp"] = xmp
        case ImageFormat.WEBP:
            options["xmp"] = xmp
        case ImageFormat.PNG:
            options["pnginfo"] = PngInfo()
            options["pnginfo"].add_itxt("XML:com.adobe.xmp", xmp.decode(errors="replace"))
        case ImageFormat.TIFF:
            options["tiffinfo"] = {700: xmp}


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
