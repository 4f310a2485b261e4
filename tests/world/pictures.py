"""Pictures as cameras, phones and programs write them, all made from one rendered frame."""

import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageCms, PngImagePlugin

WIDTH, HEIGHT = 96, 64
PATCH = 24
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}  # from upright to as stored
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><davy:lamp xmlns:davy="urn:davy">4</davy:lamp></x:xmpmeta>'
IPTC = b"\x1c\x02\x05\x00\x07Shaft 3\x1c\x02\x37\x00\x0820260102"
RESOURCES = b"8BIM\x04\x04\0\0" + struct.pack(">I", len(IPTC)) + IPTC + bytes(len(IPTC) % 2)
ICC = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@dataclass(frozen=True)
class Case:
    """One input. name: with the suffix that the world gives it. upright: RGB, where the source alone does not tell it."""

    name: str
    data: bytes
    upright: "np.ndarray | None" = None


def scene() -> np.ndarray:
    """A dark frame, (HEIGHT, WIDTH, 3) RGB, with another colour in each corner: every turn and mirror image differs."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    frame = np.repeat((12 + 20 * columns / WIDTH + 10 * rows / HEIGHT)[..., None], 3, 2)
    frame[:PATCH, :PATCH], frame[:PATCH, -PATCH:] = (120, 30, 30), (30, 110, 30)
    frame[-PATCH:, :PATCH], frame[-PATCH:, -PATCH:] = (30, 30, 130), (95, 90, 40)
    return frame.astype(np.uint8)


def image(mode: str = "RGB") -> Image.Image:
    return Image.fromarray(scene()).convert(mode)


def grey() -> np.ndarray:
    return np.asarray(image("L"))


def saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **({"quality": 95} if kind in ("JPEG", "WEBP") else {}) | options)
    return file.getvalue()


def exif(orientation: int = 1) -> Image.Exif:
    """What a phone says: make, times, place."""
    block = Image.Exif()
    block[0x010F], block[0x0110], block[0x0132], block[0x0112] = "Davy lamps", "D-108", "2026:01:02 12:30:00", orientation
    block.get_ifd(0x8769).update({0x9003: "2026:01:02 12:30:00", 0x9011: "+08:00"})
    block.get_ifd(0x8825).update({1: "N", 2: (39.0, 54.0, 15.0), 3: "E", 4: (116.0, 23.0, 30.0)})
    return block


def turned(orientation: int) -> Image.Image:
    return image().transpose(TURNS[orientation]) if orientation > 1 else image()


def png_with(*chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG with further chunks after its header."""
    plain = saved(image(), "PNG")
    more = b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks
    )
    return plain[:33] + more + plain[33:]


def deep_png(samples: np.ndarray) -> bytes:
    """A PNG of 16 bits a sample, grey or RGB."""
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    colour = 2 if samples.ndim == 3 else 0
    header = struct.pack(">IIBBBBB", samples.shape[1], samples.shape[0], 16, colour, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    chunks = (struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def cases() -> Iterator[Case]:
    """Every picture of the corpus."""
    yield from _jpegs()
    yield from _pngs()
    yield from _others()


def _jpegs() -> Iterator[Case]:
    plain = saved(image(), "JPEG")
    yield Case("plain.jpg", plain)
    yield Case("progressive.jpg", saved(image(), "JPEG", progressive=True))
    yield Case("444.jpg", saved(image(), "JPEG", subsampling=0))
    yield Case("grey.jpg", saved(image("L"), "JPEG"))
    yield Case("cmyk.jpg", saved(image("CMYK"), "JPEG"))
    yield Case("restarts.jpg", saved(image(), "JPEG", restart_marker_rows=1))
    for orientation in range(2, 9):
        yield Case(f"orientation-{orientation}.jpg", saved(turned(orientation), "JPEG", exif=exif(orientation)))
    yield Case("no-end-marker.jpg", plain[:-2], scene())
    yield Case("garbage-after-end.jpg", plain + bytes(range(256)))
    yield Case("windows.jfif", plain)
    yield Case("png-inside.jpg", saved(image(), "PNG"))
    segment = b"Photoshop 3.0\0" + RESOURCES
    extra = struct.pack(">BBH", 0xFF, 0xED, len(segment) + 2) + segment
    said = {"exif": exif(), "xmp": XMP, "extra": extra, "comment": b"shift 2", "icc_profile": ICC, "dpi": (300, 300)}
    yield Case("metadata.jpg", saved(image(), "JPEG", **said))
    private = struct.pack(">BBH", 0xFF, 0xE7, 10) + b"lamp: 4\0"
    yield Case("vendor-segment.jpg", saved(image(), "JPEG", extra=private))
    yield Case("cut.jpg", saved(Image.effect_noise((WIDTH, HEIGHT), 40).convert("RGB"), "JPEG")[:-900])


def _pngs() -> Iterator[Case]:
    yield Case("plain.png", saved(image(), "PNG"))
    yield Case("grey.png", saved(image("L"), "PNG"))
    yield Case("grey-as-colour.png", saved(image("L").convert("RGB"), "PNG"))
    yield Case("one-bit.png", saved(image("1"), "PNG"))
    yield Case("palette.png", saved(image("P"), "PNG"))
    see_through = image("RGBA")
    see_through.putalpha(Image.fromarray(np.tile(np.linspace(0, 255, WIDTH).astype(np.uint8), (HEIGHT, 1))))
    yield Case("alpha.png", saved(see_through, "PNG"))
    yield Case("orientation-6.png", saved(turned(6), "PNG", exif=exif(6)))
    yield Case("orientation-7.png", saved(turned(7), "PNG", exif=exif(7)))
    text = PngImagePlugin.PngInfo()
    text.add_text("Creation Time", "2026-01-02T12:30:00+08:00")
    text.add_itxt("Author", "Gāo Wěi", "zh", "作者")
    text.add_text("Comment", "shift 2 " * 50, zip=True)
    yield Case("text.png", saved(image(), "PNG", pnginfo=text, exif=exif()))
    yield Case("time.png", png_with((b"tIME", struct.pack(">HBBBBB", 2026, 1, 2, 12, 30, 0))))
    yield Case("xmp.png", png_with((b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP)))
    yield Case("long-text.png", png_with((b"zTXt", b"log\0\0" + zlib.compress(b"lamp " * 800_000))))
    yield Case("16-bit.png", deep_png(grey().astype(np.uint16) * 257), np.repeat(grey()[..., None], 3, 2))
    yield Case("16-bit-colour.png", deep_png(scene().astype(np.uint16) * 257), scene())
    twelve = grey().astype(np.uint16) * 16 + 7
    yield Case("12-in-16-bit.png", deep_png(twelve), np.repeat(grey()[..., None], 3, 2))
    yield Case("12-in-16-bit-colour.png", deep_png(scene().astype(np.uint16) * 16 + 7), scene())


def _others() -> Iterator[Case]:
    yield Case("lossy.webp", saved(image(), "WEBP"))
    yield Case("lossless.webp", saved(image(), "WEBP", lossless=True))
    yield Case("orientation-6.webp", saved(turned(6), "WEBP", lossless=True, exif=exif(6)))
    yield Case("metadata.webp", saved(image(), "WEBP", lossless=True, exif=exif(), xmp=XMP, icc_profile=ICC))
    yield Case("animated.webp", saved(image(), "WEBP", save_all=True, append_images=[turned(3)]))
    yield Case("plain.tif", saved(image(), "TIFF"))
    yield Case("lzw.tiff", saved(image(), "TIFF", compression="tiff_lzw"))
    yield Case("cmyk.tif", saved(image("CMYK"), "TIFF"))
    yield Case("16-bit.tif", saved(Image.fromarray(grey().astype(np.uint16) * 257), "TIFF"), np.repeat(grey()[..., None], 3, 2))
    twelve = Image.fromarray(grey().astype(np.uint16) * 16 + 7)
    yield Case("12-bit-by-header.tif", saved(twelve, "TIFF", tiffinfo={281: 4095}), np.repeat(grey()[..., None], 3, 2))
    tags = exif()
    tags[315], tags[270], tags[305], tags[700], tags[33723] = "Gao Wei", "descent", "Davy 0.2", XMP, IPTC
    for directory in (0x8769, 0x8825):
        tags[directory] = dict(tags.get_ifd(directory))
    yield Case("metadata.tif", saved(image(), "TIFF", exif=tags, icc_profile=ICC, dpi=(300, 300)))
    yield Case("orientation-6.tif", saved(turned(6), "TIFF", exif=exif(6)))
    yield Case("pages.tif", saved(image(), "TIFF", save_all=True, append_images=[turned(3)]))
    yield Case("float.tif", saved(Image.fromarray(grey().astype(np.float32)), "TIFF"))
    yield Case("plain.bmp", saved(image(), "BMP"))
    yield Case("grey.bmp", saved(image("L"), "BMP"))
    yield Case("plain.dib", saved(image(), "BMP"))
    yield Case("plain.gif", saved(image(), "GIF"))
