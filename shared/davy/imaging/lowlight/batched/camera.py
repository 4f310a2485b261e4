"""What a camera makes of its sensor's picture: display-encoded (B, 3, H, W) in, the same out."""

import math
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

from davy.imaging.lowlight.batched import light
from davy.imaging.lowlight.batched.draws import Draws
from davy.imaging.lowlight.batched.recipe import CameraRecipe

SIDE = 8  # of the codec's blocks
TO_YCC = ((0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))  # BT.601
FROM_YCC = ((1.0, 0.0, 1.402), (1.0, -0.344136, -0.714136), (1.0, 1.772, 0.0))


def even_out(image: Tensor, recipe: CameraRecipe, draws: Draws) -> Tensor:
    """Wide dynamic range: places darker than the mean are lifted, noise with them, and brighter ones lowered."""
    chosen = draws.chosen(recipe.wdr_share)
    if not len(chosen):
        return image
    some = image[chosen]
    few = draws.part(len(chosen))
    reach = round(float(draws.part(1).log_uniform(recipe.wdr_reach).item()))
    local = light.smooth(some.mean(1, keepdim=True), reach)
    factor = ((local + 0.03) / (local.mean((2, 3), keepdim=True) + 0.03)) ** -few.uniform(recipe.wdr)
    return image.index_copy(0, chosen, (some * factor).clamp(0, 1))


def sharpen(image: Tensor, recipe: CameraRecipe, draws: Draws) -> Tensor:
    """Unsharp masking of luma, with its halos."""
    chosen = draws.chosen(recipe.sharpen_share)
    if not len(chosen):
        return image
    some = image[chosen]
    grey = some.mean(1, keepdim=True)
    detail = grey - F.avg_pool2d(grey, 3, 1, 1, count_include_pad=False)
    return image.index_copy(0, chosen, (some + detail * draws.part(len(chosen)).uniform(recipe.sharpen)).clamp(0, 1))


def blotch(image: Tensor, colourless: Tensor, recipe: CameraRecipe, draws: Draws) -> Tensor:
    """Chroma noise as wide as a few pixels, strongest in the dark."""
    chosen = (draws.happens(recipe.chroma_share) * (1 - colourless)).flatten().nonzero()[:, 0]
    if not len(chosen):
        return image
    some, few = image[chosen], draws.part(len(chosen))
    size = (image.shape[2] // 3, image.shape[3] // 3)
    noise = few.normal(len(chosen), 3, *size)
    noise = F.interpolate(noise - noise.mean(1, keepdim=True), size=image.shape[2:], mode="bilinear", align_corners=False)
    dark = (1 - some.mean(1, keepdim=True)) ** 4
    return image.index_copy(0, chosen, (some + noise * dark * few.log_uniform(recipe.chroma) * 1.5).clamp(0, 1))


def rim(shape: tuple[int, int], recipe: CameraRecipe, draws: Draws) -> Tensor:
    """A fisheye's circle in a share of samples: (B, 1, H, W), 1 inside, 0 outside; 1 everywhere in the others."""
    height, width = shape
    x = torch.linspace(-1, 1, width, device=draws.device).view(1, 1, 1, width)
    y = torch.linspace(-1, 1, height, device=draws.device).view(1, 1, height, 1) * height / width
    inside = torch.sigmoid((draws.uniform(recipe.rim) * 0.85 - (x * x + y * y).sqrt()) * 60)
    has = draws.happens(recipe.rim_share)
    return 1 - has * (1 - inside)


def encode(image: Tensor, share: float, recipe: CameraRecipe, draws: Draws) -> Tensor:
    """What a block codec leaves of a share of samples: 4:2:0 chroma, 8 x 8 DCT coefficients on a quantiser's grid.

    Higher frequencies get a coarser grid, as JPEG's tables and H.264's deadzone treat them; chroma twice as coarse.
    """
    chosen = draws.chosen(share)
    if not len(chosen):
        return image
    height, width = image.shape[2:]
    some, few = image[chosen], draws.part(len(chosen))
    some = F.pad(some, (0, -width % (2 * SIDE), 0, -height % (2 * SIDE)), mode="replicate")
    to, back = (torch.tensor(x, device=image.device) for x in (TO_YCC, FROM_YCC))
    ycc = torch.einsum("ij,bjhw->bihw", to, some)
    step = few.log_uniform(recipe.codec_step) / 255
    rounding = few.uniform((0.3, 0.5))
    luma = _quantised(ycc[:, :1], step, rounding)
    chroma = _quantised(F.avg_pool2d(ycc[:, 1:], 2), 1.5 * step, rounding)
    chroma = F.interpolate(chroma, scale_factor=2.0, mode="bilinear", align_corners=False)
    coded = torch.einsum("ij,bjhw->bihw", back, torch.cat([luma, chroma], 1)).clamp(0, 1)
    return image.index_copy(0, chosen, coded[:, :, :height, :width])


def _quantised(planes: Tensor, step: Tensor, rounding: Tensor) -> Tensor:
    """Planes (B, C, H, W) through an 8 x 8 DCT whose coefficients are rounded to steps; below 0.5 rounding has a dead zone."""
    count, channels, height, width = planes.shape
    basis, weight = _basis(planes.device)
    blocks = planes.view(count, channels, height // SIDE, SIDE, width // SIDE, SIDE).transpose(3, 4)
    grid = step.view(-1, 1, 1, 1, 1, 1) * weight
    level = basis @ blocks @ basis.T / grid
    level = level.sign() * (level.abs() + rounding.view(-1, 1, 1, 1, 1, 1)).floor()
    found = basis.T @ (level * grid) @ basis
    return found.transpose(3, 4).reshape(count, channels, height, width)


@cache
def _basis(device: torch.device) -> tuple[Tensor, Tensor]:
    """The orthonormal DCT-II matrix (8, 8), and how much coarser each coefficient's grid is than the mean's."""
    at = torch.arange(SIDE, dtype=torch.float32)
    basis = torch.cos(math.pi * (2 * at[None, :] + 1) * at[:, None] / (2 * SIDE)) * math.sqrt(2 / SIDE)
    basis[0] /= math.sqrt(2)
    weight = 1 + 0.3 * (at[:, None] + at[None, :])
    return basis.to(device), weight.to(device)
