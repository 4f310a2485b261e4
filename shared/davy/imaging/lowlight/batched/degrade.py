"""Degrade well-lit batches to pictures of mine cameras, with their ground truth."""

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from davy.imaging.lowlight.batched import air, camera, light, sensor, text
from davy.imaging.lowlight.batched.draws import Draws
from davy.imaging.lowlight.batched.recipe import Recipe

COARSE = 4  # light maps are computed at a quarter of the size
CLIPPED = 0.97  # of white in every channel: a lamp, which stays in the ground truth
IDENTITY, HAZY, DARK, MINE, RAW = range(5)
HAZY_MEAN = (0.28, 0.58)  # of [0, 1]: metered mean of a hazy scene
DARK_BELOW, DARK_SHARE = 0.12, 0.15  # of [0, 1], and of the pixels: see _is_clear
IDENTITY_CODED = 0.3  # share of encoded clear pictures
GREY = (0.299, 0.587, 0.114)


@dataclass(frozen=True, slots=True)
class Degraded:
    """A degraded batch.

    Attributes:
        low: (B, 3, H, W) in [0, 1], on 8-bit steps.
        ground_truth: The same.
        kinds: Kind of degradation, (B,).
    """

    low: Tensor
    ground_truth: Tensor
    kinds: Tensor


@torch.no_grad()
def degrade(
    ground_truth: Tensor,
    recipe: Recipe,
    generator: torch.Generator,
    depth: Tensor | None = None,
    raw: Tensor | None = None,
    exposed: bool = False,
) -> Degraded:
    """Degrade a batch: dark, dusty or hazy.

    Args:
        ground_truth: Display-encoded RGB, (B, 3, H, W), float in [0, 1], H and W multiples of 4.
        recipe: Shares and ranges of every effect.
        generator: Makes every random choice; on ground_truth's device.
        depth: m, (B, 1, H / 4, W / 4); all samples then become mines with lamps before the walls.
        raw: Raw pictures of a simulated camera; only the camera's processing is added.
        exposed: Whether the ground truth keeps its exposure.
    """
    draws = Draws(len(ground_truth), generator)
    kinds = _kinds(recipe, draws, known=depth is not None, raw=raw is not None)
    kinds = torch.where((kinds <= HAZY) & ~_is_clear(ground_truth), MINE, kinds)
    colourless = draws.happens(recipe.camera.colourless_share) * _is(kinds, DARK, MINE, HAZY)
    if not exposed:
        ground_truth = torch.where(_is(kinds, IDENTITY) > 0, ground_truth, metered(ground_truth, recipe))
    if raw is None:
        scene, ground_truth = _lit(ground_truth, kinds, colourless, recipe, draws, depth)
        low = light.to_display(_exposed(scene, kinds, colourless, recipe, draws))
    else:
        low = raw
    processed = camera.wide_dynamic_range(low, recipe.camera, draws)
    processed = camera.add_chroma_noise(processed, colourless, recipe.camera, draws)
    processed = camera.sharpen(processed, recipe.camera, draws)
    plain = _is(kinds, DARK) * draws.happens(recipe.plain_share)
    low = torch.where(_is(kinds, IDENTITY) > 0, ground_truth, torch.where(plain > 0, low, processed))
    clipped = (low.amin(1, keepdim=True) >= CLIPPED) & (_is(kinds, MINE, RAW) > 0)
    ground_truth = torch.where(clipped, low, ground_truth)
    circle = camera.rim((low.shape[2], low.shape[3]), recipe.camera, draws)
    low, ground_truth = text.burn_in(low * circle, ground_truth * circle, recipe.camera.text_share, draws)
    coded = camera.encode(low, recipe.camera.codec_share, recipe.camera, draws)
    clear = _is(kinds, IDENTITY) * (1 - draws.happens(IDENTITY_CODED))
    low = torch.where(clear + plain > 0, low, coded)
    return Degraded(quantised(low), quantised(ground_truth), kinds)


def metered(ground_truth: Tensor, recipe: Recipe) -> Tensor:
    """Expose photographs again, nearer to one mean, because the dark picture does not show the original exposure."""
    lit = light.to_linear(ground_truth)
    mean = ground_truth.mean((1, 2, 3), keepdim=True).clamp_min(0.05)
    wanted = (mean * (recipe.metered_mean / mean) ** recipe.metering).clamp_max(0.8)
    return light.to_display(lit * light.exposure_for_mean(lit[:, :, ::6, ::6], wanted))


def quantised(image: Tensor) -> Tensor:
    """Round to 8-bit steps."""
    return (image.clamp(0, 1) * 255).round() / 255


def _kinds(recipe: Recipe, draws: Draws, known: bool, raw: bool) -> Tensor:
    chance = draws.uniform((0, 1), 1)[:, 0]
    if known or raw:
        return torch.full_like(chance, RAW if raw else MINE).long()
    edges = torch.tensor([recipe.identity_share, recipe.hazy_share, recipe.dark_share], device=draws.device).cumsum(0)
    return torch.bucketize(chance, edges)


def _is_clear(ground_truth: Tensor) -> Tensor:
    """Return (B,), true for pictures with few dark pixels; others would teach that dark regions stay dark."""
    return (ground_truth.mean(1) < DARK_BELOW).float().mean((1, 2)) < DARK_SHARE


def _is(kinds: Tensor, *wanted: int) -> Tensor:
    return torch.isin(kinds, torch.tensor(wanted, device=kinds.device)).float().view(-1, 1, 1, 1)


def _lit(
    ground_truth: Tensor, kinds: Tensor, colourless: Tensor, recipe: Recipe, draws: Draws, depth: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Return exposed linear light (B, 3, H, W), and the ground truth, grey for a colourless camera."""
    shape = (ground_truth.shape[2], ground_truth.shape[3])
    matrix = _colours(kinds, colourless, recipe, draws)
    grey = (ground_truth * torch.tensor(GREY, device=ground_truth.device).view(1, 3, 1, 1)).sum(1, keepdim=True)
    curve = torch.where(_is(kinds, DARK) > 0, draws.uniform(recipe.dark.gamma), torch.ones_like(grey[:, :, :1, :1]))
    scene = torch.einsum("bij,bjhw->bihw", matrix, light.to_linear(ground_truth).clamp_min(1e-6) ** curve)
    ground_truth = torch.where(colourless > 0, grey, ground_truth)
    coarse = F.avg_pool2d(scene, COARSE)
    factor, added = torch.ones_like(coarse), torch.zeros_like(coarse)
    discs = torch.zeros(len(ground_truth), 1, *shape, device=ground_truth.device)
    known = depth
    depth = light.pseudo_depth(light.to_display(coarse.mean(1, keepdim=True)), recipe.mine, draws) if known is None else known
    hazy, mine = (kinds == HAZY).nonzero()[:, 0], (kinds == MINE).nonzero()[:, 0]
    if len(hazy):
        factor[hazy], added[hazy] = air.haze(coarse[hazy], depth[hazy], recipe.air, draws.subset(len(hazy)))
    if len(mine):
        lamps, factor[mine], added[mine] = _mine(
            depth[mine], colourless[mine], recipe, draws.subset(len(mine)), known is not None
        )
        discs[mine] = light.lamp_discs(lamps, shape)
    factor, added = air.glare(coarse, factor, added, recipe.air, draws)
    fall_off = _vignette((coarse.shape[2], coarse.shape[3]), draws)
    wanted = _means(kinds, recipe, draws)
    gain = light.exposure_for_mean(((coarse * factor + added) * fall_off)[:, :, ::2, ::2], wanted)
    gain = torch.where(_is(kinds, IDENTITY) > 0, torch.ones_like(gain), gain) * fall_off
    wide = F.interpolate(torch.cat([factor * gain, added * gain], 1), size=shape, mode="bilinear", align_corners=False)
    lit = torch.addcmul(wide[:, 3:], scene, wide[:, :3]) + 1.6 * discs
    lit = torch.where(colourless > 0, lit.mean(1, keepdim=True), lit)  # dust and lamps have no colour there, either
    return air.condense(lit, recipe.air, draws), ground_truth


def _mine(depth: Tensor, colourless: Tensor, recipe: Recipe, draws: Draws, known: bool) -> tuple[light.Lamps, Tensor, Tensor]:
    """Return lamps, factor on albedo and airlight (B, 3, h, w) of mine samples."""
    shape = (depth.shape[2], depth.shape[3])
    mine = recipe.mine
    if known:
        mine = replace(mine, lamps=(1, 5), lamp_m=(2.0, 26.0), power_ratio=(0.2, 1.0), ambient=(0.004, 0.15))
    infrared = (colourless * draws.happens(0.7))[:, :, 0, 0]  # its lamp is at the camera
    head = torch.maximum((draws.uniform((0, 1), 1) < mine.head_lamp_share).float(), infrared)
    lamps = light.Lamps(mine, shape[1] / shape[0], draws, head)
    if known:
        lamps.before_the_wall(depth)
    lamps.colour = torch.where(colourless[:, :, 0] > 0, torch.ones_like(lamps.colour), lamps.colour)
    points = light.unproject(depth)
    lit = lamps.irradiance(points, light.normals_of(points) if known else None)  # (B, n, h, w)
    extinction = draws.log_uniform(recipe.air.extinction_per_m)
    transmission = torch.exp(-extinction * depth * air.clouds(shape, recipe.air.clouds, draws))
    albedo = air.dust(recipe.air, draws)
    albedo = torch.where(colourless > 0, albedo.mean(1, keepdim=True), albedo)
    factor = torch.einsum("bnhw,bnc->bchw", lit, lamps.colour)
    veil = torch.einsum("bn,bnc->bc", lit.mean((2, 3)), lamps.colour)[:, :, None, None] * 0.25 * (1 - transmission)
    halo = torch.einsum("bnhw,bnc->bchw", lamps.halo(shape, extinction), lamps.colour)
    factor = factor + factor.mean((2, 3), keepdim=True) * draws.log_uniform(mine.ambient)
    return lamps, factor * transmission, albedo * (veil + halo)


def _colours(kinds: Tensor, colourless: Tensor, recipe: Recipe, draws: Draws) -> Tensor:
    """Return colour matrices (B, 3, 3) on linear RGB: fading and cast for dark samples, grey for colourless cameras."""
    eye = torch.eye(3, device=draws.device).expand(draws.count, 3, 3)
    saturation = draws.uniform(recipe.dark.saturation, 1, 1)
    cast = torch.exp2(draws.uniform(recipe.dark.cast_stops, 3, 1))
    faded = (eye * saturation + (1 - saturation) / 3) * cast
    weights = draws.uniform((0.1, 1), 1, 3)
    grey = (weights / weights.sum(2, keepdim=True)).expand(-1, 3, -1)
    matrix = torch.where((_is(kinds, DARK) > 0)[:, 0], faded, eye)
    return torch.where((colourless > 0)[:, 0], grey, matrix)


def _vignette(shape: tuple[int, int], draws: Draws) -> Tensor:
    x = torch.linspace(-1, 1, shape[1], device=draws.device).view(1, 1, 1, -1)
    y = torch.linspace(-1, 1, shape[0], device=draws.device).view(1, 1, -1, 1)
    return 1 - draws.uniform((0.0, 0.5)) / 2 * (x * x + y * y)


def _means(kinds: Tensor, recipe: Recipe, draws: Draws) -> Tensor:
    """Draw the metered display mean of each sample, (B, 1, 1, 1)."""
    dark = draws.log_uniform(recipe.dark.display_mean)
    mine = draws.uniform(recipe.mine.display_mean)
    hazy = draws.uniform(HAZY_MEAN)
    return torch.where(_is(kinds, DARK) > 0, dark, torch.where(_is(kinds, MINE) > 0, mine, hazy))


def _exposed(scene: Tensor, kinds: Tensor, colourless: Tensor, recipe: Recipe, draws: Draws) -> Tensor:
    """Expose linear light through the sensors of mine, or of dark and hazy samples."""
    banding = draws.happens(recipe.camera.band_share) * draws.log_uniform(recipe.camera.band)
    shading = draws.happens(recipe.camera.shading_share) * draws.uniform(recipe.camera.shading) * _is(kinds, MINE)
    of_mine = sensor.Sensors.draw(recipe.mine, banding * _is(kinds, MINE), shading, draws)
    of_dark = sensor.Sensors.draw(recipe.dark, banding * _is(kinds, DARK) * 0.05, shading, draws)
    mine = _is(kinds, MINE)
    names = ("full_well_e", "read_noise", "black_offset", "hot_share", "band", "shading")
    fields = (torch.where(mine > 0, getattr(of_mine, name), getattr(of_dark, name)) for name in names)
    return sensor.expose(scene, sensor.Sensors(*fields), colourless, draws)
