"""Convert 16 bits per sample to the upper 8 significant ones."""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL.ImageFile import ImageFile

_MAX_SAMPLE_VALUE = 281
_DEPTHS = (10, 12, 14, 16)
_OTHER_BYTE = {"16B": "16L", "16L": "16B", "16N": "16B" if np.little_endian else "16L"}


def is_deep_colour(file: ImageFile) -> bool:
    """Whether a file that Pillow opens as RGB has 16 bits per sample."""
    return file.mode == "RGB" and bool(file.tile) and _rawmode(file).startswith("RGB;16")


def load_deep_colour(open_file: Callable[[io.BytesIO], ImageFile], data: bytes) -> NDArray[np.uint16]:
    """Read all 16 bits of an RGB picture, (H, W, 3), in two passes, as Pillow keeps 8."""
    upper, lower = open_file(io.BytesIO(data)), open_file(io.BytesIO(data))
    _set_rawmode(lower, f"RGB;{_OTHER_BYTE[_rawmode(lower).removeprefix('RGB;')]}")
    upper.load()
    lower.load()
    samples: NDArray[np.uint16] = np.asarray(upper).astype(np.uint16) << 8 | np.asarray(lower)
    return samples


def eight_bits(samples: NDArray[np.uint16], file: ImageFile) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    """Extract the upper 8 significant bits; add a note if the header does not declare the number of bits.

    Machine-vision cameras store 10, 12 or 14 bits in the lower bits of 16. Without a declaration, samples that are multiples of
    16 or of 257 have 16 bits; for others, the highest sample determines the number.

    Args:
        samples: Samples of any shape.
        file: The opened file, for its header.
    """
    declared = _declared_bits(file)
    highest = int(samples.max(initial=0))
    if declared:
        bits = max(declared, highest.bit_length())
    elif _is_scaled(samples):
        bits = 16
    else:
        bits = next(known for known in _DEPTHS if highest.bit_length() <= known)
    notes: tuple[str, ...] = ()
    if not declared and bits < 16:
        notes = (f"its samples of 16 bits were read as {bits} bits: none is over {2**bits - 1:,}, and no header declares them",)
    return (samples >> (bits - 8)).astype(np.uint8), notes


def _is_scaled(samples: NDArray[np.uint16]) -> bool:
    """Whether samples of fewer bits were scaled to 16, by a shift or by repetition."""
    return not np.bitwise_or.reduce(samples, axis=None) & 15 or not (samples % 257).any()


def _declared_bits(file: ImageFile) -> int:
    """Significant bits of a sample by the header: TIFF's MaxSampleValue; 16 for a PNG with sBIT; 0 if undeclared.

    Source: TIFF 6.0, section 8; PNG, third edition, section 13.12: samples with sBIT are scaled to the whole range.
    """
    if "sBIT" in file.info:
        return 16
    tags: Any = getattr(file, "tag_v2", None)
    highest = tags.get(_MAX_SAMPLE_VALUE) if tags is not None else None
    if isinstance(highest, tuple):
        highest = max(highest, default=None)
    return int(highest).bit_length() if isinstance(highest, int) and 255 < highest <= 65_535 else 0


def _rawmode(file: ImageFile) -> str:
    arguments = file.tile[0].args
    return str(arguments[0] if isinstance(arguments, tuple) else arguments)


def _set_rawmode(file: ImageFile, rawmode: str) -> None:
    file.tile = [
        tile._replace(args=(rawmode, *tile.args[1:]) if isinstance(tile.args, tuple) else rawmode) for tile in file.tile
    ]
