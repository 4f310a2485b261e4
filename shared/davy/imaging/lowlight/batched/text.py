"""Burnt-in text, in the picture and in its ground truth, so that the network learns to preserve it."""

from functools import cache

import cv2
import numpy as np
import torch
from torch import Tensor

from davy.imaging.lowlight.batched.draws import Draws

FONT = cv2.FONT_HERSHEY_SIMPLEX
LINES, HEIGHT, WIDTH = 48, 20, 144  # of one line of text, px
COLOURS = ((0.95, 0.95, 0.95), (0.8, 0.8, 0.8), (0.9, 0.9, 0.2), (0.3, 0.95, 0.3), (0.02, 0.02, 0.02))
PLACES = ("CAM", "BELT", "GALLERY", "FACE", "SHAFT", "CH", "NORTH", "LW", "PUMP", "ROOM", "HEADING", "TIPPLE")


def burn_in(image: Tensor, ground_truth: Tensor, share: float, draws: Draws) -> tuple[Tensor, Tensor]:
    """Write the same line of text into a share of pictures (B, 3, H, W) and into their ground truth."""
    chosen = draws.chosen(share)
    if not len(chosen):
        return image, ground_truth
    image, ground_truth = image.clone(), ground_truth.clone()
    masks = _line_masks(image.device)
    height, width = image.shape[2:]
    positions = draws.subset(len(chosen)).uniform((0, 1), 5).tolist()
    for sample, (line, tint, top, left, edge) in zip(chosen.tolist(), positions, strict=True):
        core, outline = (mask[:, :width] for mask in masks[int(line * LINES)])
        colour = torch.tensor(COLOURS[int(tint * len(COLOURS))], device=image.device).view(3, 1, 1)
        y = int((0.02 if edge < 0.5 else 0.93) * (height - HEIGHT)) if edge < 0.9 else int(top * (height - HEIGHT))
        x = int(left * max(width - WIDTH, 0))
        for planes in (image, ground_truth):
            region = planes[sample, :, y : y + HEIGHT, x : x + WIDTH]
            region.copy_(region * (1 - outline) * (1 - core) + core * colour)
    return image, ground_truth


@cache
def _line_masks(device: torch.device) -> list[tuple[Tensor, Tensor]]:
    """Return masks (HEIGHT, WIDTH) of glyphs and shadows; half of the lines have no shadow."""
    rng, found = np.random.default_rng(3), []
    for index in range(LINES):
        date = f"20{rng.integers(20, 30)}-{rng.integers(1, 13):02}-{rng.integers(1, 29):02}"
        time = f"{rng.integers(24):02}:{rng.integers(60):02}:{rng.integers(60):02}"
        place = f"{PLACES[rng.integers(len(PLACES))]} {rng.integers(1, 40):02}"
        text = (f"{date} {time}", place, f"{place} {time}")[index % 3]
        core, outline = np.zeros((HEIGHT, WIDTH), np.uint8), np.zeros((HEIGHT, WIDTH), np.uint8)
        scale = float(rng.uniform(0.3, 0.5))
        cv2.putText(core, text, (2, 14), FONT, scale, 255, 1, cv2.LINE_AA)
        if index % 2:
            cv2.putText(outline, text, (3, 15), FONT, scale, 255, 1, cv2.LINE_AA)
        found.append((_mask(core, device), _mask(outline, device)))
    return found


def _mask(plane: "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]", device: torch.device) -> Tensor:
    return torch.from_numpy(plane).to(device).float() / 255
