"""Burnt-in text: it stands in the picture and in its truth alike, so that the network learns to leave it readable."""

from functools import cache

import cv2
import numpy as np
import torch
from torch import Tensor

from davy.imaging.lowlight.batched.draws import Draws

FONT = cv2.FONT_HERSHEY_SIMPLEX
STRIPS, HEIGHT, WIDTH = 48, 20, 144  # px of one strip of text
COLOURS = ((0.95, 0.95, 0.95), (0.8, 0.8, 0.8), (0.9, 0.9, 0.2), (0.3, 0.95, 0.3), (0.02, 0.02, 0.02))
WORDS = ("CAM", "BELT", "GALLERY", "FACE", "SHAFT", "CH", "NORTH", "LW", "PUMP", "ROOM", "HEADING", "TIPPLE")


def burn_in(image: Tensor, truth: Tensor, share: float, draws: Draws) -> tuple[Tensor, Tensor]:
    """Write the same strips of text into a share of pictures (B, 3, H, W) and into their truths."""
    chosen = draws.chosen(share)
    if not len(chosen):
        return image, truth
    image, truth = image.clone(), truth.clone()
    masks = _strips(image.device)
    height, width = image.shape[2:]
    places = draws.part(len(chosen)).uniform((0, 1), 5).tolist()
    for sample, (which, tint, top, left, edge) in zip(chosen.tolist(), places, strict=True):
        core, outline = (mask[:, :width] for mask in masks[int(which * STRIPS)])
        colour = torch.tensor(COLOURS[int(tint * len(COLOURS))], device=image.device).view(3, 1, 1)
        y = int((0.02 if edge < 0.5 else 0.93) * (height - HEIGHT)) if edge < 0.9 else int(top * (height - HEIGHT))
        x = int(left * max(width - WIDTH, 0))
        for planes in (image, truth):
            part = planes[sample, :, y : y + HEIGHT, x : x + WIDTH]
            part.copy_(part * (1 - outline) * (1 - core) + core * colour)
    return image, truth


@cache
def _strips(device: torch.device) -> list[tuple[Tensor, Tensor]]:
    """Glyphs and their shadows as masks (HEIGHT, WIDTH); half of the strips have no shadow."""
    rng, found = np.random.default_rng(3), []
    for index in range(STRIPS):
        date = f"20{rng.integers(20, 30)}-{rng.integers(1, 13):02}-{rng.integers(1, 29):02}"
        time = f"{rng.integers(24):02}:{rng.integers(60):02}:{rng.integers(60):02}"
        words = f"{WORDS[rng.integers(len(WORDS))]} {rng.integers(1, 40):02}"
        text = (f"{date} {time}", words, f"{words} {time}")[index % 3]
        core, outline = np.zeros((HEIGHT, WIDTH), np.uint8), np.zeros((HEIGHT, WIDTH), np.uint8)
        scale = float(rng.uniform(0.3, 0.5))
        cv2.putText(core, text, (2, 14), FONT, scale, 255, 1, cv2.LINE_AA)
        if index % 2:
            cv2.putText(outline, text, (3, 15), FONT, scale, 255, 1, cv2.LINE_AA)
        found.append((_mask(core, device), _mask(outline, device)))
    return found


def _mask(plane: "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]", device: torch.device) -> Tensor:
    return torch.from_numpy(plane).to(device).float() / 255
