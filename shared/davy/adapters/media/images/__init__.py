"""Still picture files: strict decoding with limits, and encoding with metadata.

The service and the command line have the same rules:

| picture | what happens |
| --- | --- |
| larger than 64 megapixels | ImageTooLargeError, from the header |
| truncated, damaged, empty | UnreadableImageError |
| not a picture, or of another format | UnsupportedImageError with the supported formats |
| animated, several pages | UnsupportedImageError, as all pictures but one would be lost |
| 10 to 16 bits per sample | the upper 8 significant bits are enhanced and written; 32-bit and float samples are rejected |
| grey, 1-bit | the output is grey |
| palette | the output has colours, and alpha if the palette has it |
| alpha | kept by PNG, WebP and TIFF; blended over white for JPEG and BMP |
| CMYK | converted to sRGB, by its ICC profile if present |
| EXIF orientation | applied, and the tag becomes upright |
| metadata | kept (`davy.adapters.media.images.metadata`); thumbnails are dropped, as they show the original picture |
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
