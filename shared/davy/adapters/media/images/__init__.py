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
| EXIF, ICC profile, resolution | kept; the EXIF thumbnail is dropped, for it shows the picture before |
"""

from davy.adapters.media.images.decode import MAX_PIXELS, WEB_FORMATS, decode, sniff
from davy.adapters.media.images.encode import encode
from davy.adapters.media.images.picture import ImageFormat, Picture

__all__ = ["MAX_PIXELS", "WEB_FORMATS", "ImageFormat", "Picture", "decode", "encode", "sniff"]
