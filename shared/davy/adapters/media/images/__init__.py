"""Still pictures as files hold them: strict decoding, guarded before any pixel, and encoding with what belongs to them.

Decided once, for the service and the command line alike:

| picture | what happens |
| --- | --- |
| larger than 64 megapixels | refused from the header: ImageTooLargeError |
| truncated, damaged, empty | UnreadableImageError |
| no picture, or of another kind | UnsupportedImageError, which names the kinds that are taken |
| animated, several pages | UnsupportedImageError: one picture of many would silently lose the others |
| 10 to 16 bits a sample | the upper 8 significant bits are enhanced, 8 come out; 32-bit and float samples are refused |
| grey, 1-bit | grey comes out |
| palette | colour comes out, with alpha where the palette has it |
| alpha | kept by PNG, WebP and TIFF; over white where the output is JPEG or BMP |
| CMYK | converted to sRGB, through its ICC profile where it has one |
| EXIF orientation | applied, and the tag says upright afterwards |
| metadata | kept (`davy.adapters.media.images.metadata`); thumbnails are dropped, for they show the picture before |
"""

from davy.adapters.media.images.decode import MAX_PIXELS, WEB_FORMATS, decode, orientation_of_jpeg, sniff
from davy.adapters.media.images.encode import encode, left_out, over_white
from davy.adapters.media.images.picture import ImageFormat, Metadata, Picture

__all__ = [
    "MAX_PIXELS",
    "WEB_FORMATS",
    "ImageFormat",
    "Metadata",
    "Picture",
    "decode",
    "encode",
    "left_out",
    "orientation_of_jpeg",
    "over_white",
    "sniff",
]
