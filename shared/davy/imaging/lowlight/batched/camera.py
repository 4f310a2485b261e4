"""A camera's processing after its sensor: display-encoded (B, 3, H, W) in and out."""

import math
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

from davy.imaging.lowlight.batched import light
from davy.imaging.lowlight.batched.draws import Draws
from davy.imaging.lowlight.batched.recipe import CameraRecipe

BLOCK = 8  # px, of the codec
TO_YCC = ((0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))  # BT.601
FROM_YCC = ((1.0, 0.0, 1.402), (1.0, -0.344136, -0.714136), (1.0, 1.772, 0.0))


def wide_dynamic_range(image: Tensor, recipe: CameraRecipe, draws: Draws) -> Tensor:
    """Brighten regions that are darker than the mean, with their noise, and darken brighter ones."""
    chosen = draws.chosen(recipe.wdr_share)
    if not len(chosen):
        return image
    selected = image[chosen]
    subset = draws.subset(len(chosen))
    radius = round(float(draws.subset(1).log_uniform(recipe.wdr_radius).item()))
    local = light.smooth(selected.mean(1, keepdim=True), radius)
    factor = ((local + 0.03) / (local.mean((2, 3), keepdim=True) + 0.03)) ** -subset.uniform(recipe.wdr)
    return image.index_copy(0, chosen, (selected * factor).clamp(0, 1))


def sharpen(image: Tensor, recipe: CameraRecipe, draws: Draws) -> Tensor:
    """Sharpen luma by unsharp masking, with its halos."""
    chosen = draws.chosen(recipe.sharpen_share)
    if not len(chosen):
        return image
    selected = image[chosen]
    grey = selected.mean(1, keepdim=True)
    detail = grey - F.avg_pool2d(grey, 3, 1, 1, count_include_pad=False)
    return image.index_copy(0, chosen, (selected + detail * draws.subset(len(chosen)).uniform(recipe.sharpen)).clamp(0, 1))


def add_chroma_noise(image: Tensor, colourless: Tensor, recipe: CameraRecipe, draws: Draws) -> Tensor:
    """Add chroma noise, some pixels wide, strongest in the dark."""
    chosen = (draws.happens(recipe.chroma_share) * (1 - colourless)).flatten().nonzero()[:, 0]
    if not len(chosen):
        return image
    selected, subset = image[chosen], draws.subset(len(chosen))
    size = (image.shape[2] // 3, image.shape[3] // 3)
    noise = subset.normal(len(chosen), 3, *size)
    noise = F.interpolate(noise - noise.mean(1, keepdim=True), size=image.shape[2:], mode="bilinear", align_corners=False)
    dark = (1 - selected.mean(1, keepdim=True)) ** 4
    return image.index_copy(0, chosen, (selected + noise * dark * subset.log_uniform(recipe.chroma) * 1.5).clamp(0, 1))


def rim(shape: tuple[int, int], recipe: CameraRecipe, draws: Draws) -> Tensor:
    """Draw a fisheye's image circle for a share of samples: (B, 1, H, W), 1 inside, 0 outside; all 1 for the others."""
    height, width = shape
    x = torch.linspace(-1, 1, width, device=draws.device).view(1, 1, 1, width)
    y = torch.linspace(-1, 1, height, device=draws.device).view(1, 1, height, 1) * height / width
    inside = torch.sigmoid((draws.uniform(recipe.rim) * 0.85 - (x * x + y * y).sqrt()) * 60)
    has = draws.happens(recipe.rim_share)
    return 1 - has * (1 - inside)


def encode(image: Tensor, share: float, recipe: CameraRecipe, draws: Draws) -> Tensor:
    """Encode and decode a share of samples: 4:2:0 chroma, quantised 8 x 8 DCT coefficients.

    Higher frequencies have larger steps, as JPEG's tables and H.264's dead zone do; chroma has larger ones, too.
    """
    chosen = draws.chosen(share)
    if not len(chosen):
        return image
    height, width = image.shape[2:]
    selected, subset = image[chosen], draws.subset(len(chosen))
    padded = F.pad(selected, (0, -width % (2 * BLOCK), 0, -height % (2 * BLOCK)), mode="replicate")
    to, back = (torch.tensor(x, device=image.device) for x in (TO_YCC, FROM_YCC))
    ycc = torch.einsum("ij,bjhw->bihw", to, padded)
    step = subset.log_uniform(recipe.codec_step) / 255
    rounding = subset.uniform((0.3, 0.5))
    luma = _quantise(ycc[:, :1], step, rounding)
    chroma = _quantise(F.avg_pool2d(ycc[:, 1:], 2), 1.5 * step, rounding)
    chroma = F.interpolate(chroma, scale_factor=2.0, mode="bilinear", align_corners=False)
    coded = torch.einsum("ij,bjhw->bihw", back, torch.cat([luma, chroma], 1)).clamp(0, 1)
    return image.index_copy(0, chosen, coded[:, :, :height, :width])


def _quantise(planes: Tensor, step: Tensor, rounding: Tensor) -> Tensor:
    """Round the 8 x 8 DCT coefficients of planes (B, C, H, W) to steps; rounding below 0.5 makes a dead zone."""
    count, channels, height, width = planes.shape
    basis, weight = _basis(planes.device)
    blocks = planes.view(count, channels, height // BLOCK, BLOCK, width // BLOCK, BLOCK).transpose(3, 4)
    grid = step.view(-1, 1, 1, 1, 1, 1) * weight
    level = basis @ blocks @ basis.T / grid
    level = level.sign() * (level.abs() + rounding.view(-1, 1, 1, 1, 1, 1)).floor()
    decoded = basis.T @ (level * grid) @ basis
    return decoded.transpose(3, 4).reshape(count, channels, height, width)


@cache
def _basis(device: torch.device) -> tuple[Tensor, Tensor]:
    """Return the orthonormal DCT-II matrix (8, 8), and the step of each coefficient relative to that of the mean."""
    at = torch.arange(BLOCK, dtype=torch.float32)
    basis = torch.cos(math.pi * (2 * at[None, :] + 1) * at[:, None] / (2 * BLOCK)) * math.sqrt(2 / BLOCK)
    basis[0] /= math.sqrt(2)
    weight = 1 + 0.3 * (at[:, None] + at[None, :])
    return basis.to(device), weight.to(device)
