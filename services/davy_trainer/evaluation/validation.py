"""Validation against well-lit references, with the torch pipeline."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from davy.domain.dials import NEUTRAL
from davy.domain.errors import ConfigError
from davy.domain.frame import BgrImage
from davy.imaging.iqa import psnr_db, ssim
from davy.imaging.isp.blocks import block_size, block_statistics
from davy.imaging.isp.pipeline import Parameters, enhance
from davy.imaging.nets.ispcnn import IspCnn, thumbnail
from davy_trainer.data.photographs import find_pictures, read_bgr
from davy_trainer.data.unreadable import read_all, report_unreadable
from davy_trainer.evaluation.sheet import from_tensor, sheet, write_png

SHEET_ROWS = 8


@dataclass(frozen=True, slots=True)
class Pair:
    """A dark picture and its well-lit reference, BGR, of the same shape."""

    name: str
    low: BgrImage
    reference: BgrImage


def load_pairs(low: Path, high: Path) -> list[Pair]:
    """Read the pictures of low that have one of the same stem in high; unreadable ones are skipped and reported.

    Raises:
        ConfigError: A folder is missing or empty, no names match, no pair is readable, or two pictures differ in size.
    """
    references = {path.stem: path for path in find_pictures(high)}
    matched = [path for path in find_pictures(low) if path.stem in references]
    if not matched:
        raise ConfigError(f"no picture of {low} has a reference of the same name in {high}")
    dark, unreadable = read_all(matched, read_bgr)
    bright, broken = read_all([references[path.stem] for path, _ in dark], read_bgr)
    report_unreadable([*unreadable, *broken])
    by_name = {path.stem: picture for path, picture in bright}
    pairs = [Pair(path.stem, picture, by_name[path.stem]) for path, picture in dark if path.stem in by_name]
    if not pairs:
        raise ConfigError(f"none of the {len(matched)} pairs of {low} and {high} is readable")
    if odd := [pair.name for pair in pairs if pair.low.shape != pair.reference.shape]:
        raise ConfigError(f"{odd[0]} has another size in {low} than in {high}")
    return pairs


def load_validation(folder: Path | None) -> list[Pair]:
    """Read the pairs of folder/low and folder/high; none without a folder."""
    return load_pairs(folder / "low", folder / "high") if folder else []


def validate(net: IspCnn, pairs: Sequence[Pair], sheet_path: Path) -> dict[str, float]:
    """Return mean PSNR and SSIM on pairs, and write a sheet of low, enhanced and reference; do nothing without pairs."""
    if not pairs:
        return {}
    outputs = [enhance_with(net, pair.low) for pair in pairs]
    write_png(sheet_path, sheet([[p.low, out, p.reference] for p, out in zip(pairs, outputs, strict=True)][:SHEET_ROWS]))
    return {
        "psnr_db": float(np.mean([psnr_db(out, pair.reference) for out, pair in zip(outputs, pairs, strict=True)])),
        "ssim": float(np.mean([ssim(out, pair.reference) for out, pair in zip(outputs, pairs, strict=True)])),
    }


def enhance_with(net: IspCnn, image: BgrImage) -> BgrImage:
    """Enhance a picture with the torch pipeline."""
    with torch.no_grad():
        x = to_tensor(image)
        blocks = block_statistics(x, block_size(image.shape[0], image.shape[1]))
        return from_tensor(enhance(x, Parameters.from_raw(*net(thumbnail(blocks))), blocks, NEUTRAL)[0])


def to_tensor(image: BgrImage) -> Tensor:
    """Convert BGR bytes (H, W, 3) to RGB (1, 3, H, W) in [0, 1]."""
    return torch.from_numpy(np.ascontiguousarray(image[:, :, ::-1])).permute(2, 0, 1)[None].float() / 255
