"""Well-lit batches in, what mine cameras would see of them out, with the truth that it shall be brought back to."""

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from davy.imaging.lowlight.batched import air, camera, light, sensor, text
from davy.imaging.lowlight.batched.draws import Draws
from davy.imaging.lowlight.batched.recipe import Recipe

COARSE = 4  # light maps are computed at a quarter of the size
BURNT = 0.97  # of white in every channel: a lamp; what is behind it nobody knows, so it stays
IDENTITY, HAZY, DARK, MINE, RAW = range(5)
HAZY_MEAN = (0.28, 0.58)  # of [0, 1]: what a camera meters a hazy scene to
DARK_BELOW, DARK_SHARE = 0.12, 0.15  # of [0, 1], and of the pixels: see _is_clear
IDENTITY_CODED = 0.3  # of clear pictures that went through a codec
GREY = (0.299, 0.587, 0.114)


@dataclass(frozen=True, slots=True)
class Degraded:
    """low and truth: (B, 3, H, W) in [0, 1] on 8-bit steps; kinds: (B,), what was done."""

    low: Tensor
    truth: Tensor
    kinds: Tensor


@torch.no_grad()
def degrade(
    truth: Tensor,
    recipe: Recipe,
    generator: torch.Generator,
    depth: Tensor | None = None,
    raw: Tensor | None = None,
    exposed: bool = False,
) -> Degraded:
    """Make a batch dark, dusty or hazy.

    Args:
        truth: Display-encoded RGB, (B, 3, H, W), float in [0, 1], H and W multiples of 4.
        recipe: Shares and ranges of every effect.
        generator: Every random choice comes from it; on truth's device.
        depth: m, (B, 1, H / 4, W / 4), where it is known: all samples then become mines with lamps before the walls.
        raw: What a simulated camera saw of each; its light stays, the camera's processing is added.
        exposed: The truths keep their exposure, as pictures that nobody exposed by taste.
    """
    draws = Draws(len(truth), generator)
    kinds = _kinds(recipe, draws, known=depth is not None, raw=raw is not None)
    kinds = torch.where((kinds <= HAZY) & ~_is_clear(truth), MINE, kinds)
    colourless = draws.happens(recipe.camera.colourless_share) * _is(kinds, DARK, MINE, HAZY)
    if not exposed:
        truth = torch.where(_is(kinds, IDENTITY) > 0, truth, metered(truth, recipe))
    if raw is None:
        seen, truth = _lit(truth, kinds, colourless, recipe, draws, depth)
        low = light.to_display(_exposed(seen, kinds, colourless, recipe, draws))
    else:
        low = raw
    processed = camera.even_out(low, recipe.camera, draws)
    processed = camera.blotch(processed, colourless, recipe.camera, draws)
    processed = camera.sharpen(processed, recipe.camera, draws)
    plain = _is(kinds, DARK) * draws.happens(recipe.plain_share)
    low = torch.where(_is(kinds, IDENTITY) > 0, truth, torch.where(plain > 0, low, processed))
    burnt = (low.amin(1, keepdim=True) >= BURNT) & (_is(kinds, MINE, RAW) > 0)
    truth = torch.where(burnt, low, truth)
    circle = camera.rim((low.shape[2], low.shape[3]), recipe.camera, draws)
    low, truth = text.burn_in(low * circle, truth * circle, recipe.camera.text_share, draws)
    coded = camera.encode(low, recipe.camera.codec_share, recipe.camera, draws)
    clear = _is(kinds, IDENTITY) * (1 - draws.happens(IDENTITY_CODED))
    low = torch.where(clear + plain > 0, low, coded)
    return Degraded(quantised(low), quantised(truth), kinds)


def metered(truth: Tensor, recipe: Recipe) -> Tensor:
    """The photographs exposed anew, nearer to one mean: how bright each was made cannot be seen in the dark."""
    lit = light.to_linear(truth)
    mean = truth.mean((1, 2, 3), keepdim=True).clamp_min(0.05)
    wanted = (mean * (recipe.metered_mean / mean) ** recipe.metering).clamp_max(0.8)
    return light.to_display(lit * light.exposure_for_mean(lit[:, :, ::6, ::6], wanted))


def quantised(image: Tensor) -> Tensor:
    """On 8-bit steps."""
    return (image.clamp(0, 1) * 255).round() / 255


def _kinds(recipe: Recipe, draws: Draws, known: bool, raw: bool) -> Tensor:
    chance = draws.uniform((0, 1), 1)[:, 0]
    if known or raw:
        return torch.full_like(chance, RAW if raw else MINE).long()
    edges = torch.tensor([recipe.identity_share, recipe.hazy_share, recipe.dark_share], device=draws.device).cumsum(0)
    return torch.bucketize(chance, edges)


def _is_clear(truth: Tensor) -> Tensor:
    """(B,), true where little is dark: a picture with large dark parts must not teach that the dark is left alone."""
    return (truth.mean(1) < DARK_BELOW).float().mean((1, 2)) < DARK_SHARE


def _is(kinds: Tensor, *wanted: int) -> Tensor:
    return torch.isin(kinds, torch.tensor(wanted, device=kinds.device)).float().view(-1, 1, 1, 1)


def _lit(
    truth: Tensor, kinds: Tensor, colourless: Tensor, recipe: Recipe, draws: Draws, depth: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Exposed linear light of every sample (B, 3, H, W), and the truths, grey where the camera is."""
    shape = (truth.shape[2], truth.shape[3])
    matrix = _colours(kinds, colourless, recipe, draws)
    grey = (truth * torch.tensor(GREY, device=truth.device).view(1, 3, 1, 1)).sum(1, keepdim=True)
    curve = torch.where(_is(kinds, DARK) > 0, draws.uniform(recipe.dark.gamma), torch.ones_like(grey[:, :, :1, :1]))
    scene = torch.einsum("bij,bjhw->bihw", matrix, light.to_linear(truth).clamp_min(1e-6) ** curve)
    truth = torch.where(colourless > 0, grey, truth)
    coarse = F.avg_pool2d(scene, COARSE)
    factor, added = torch.ones_like(coarse), torch.zeros_like(coarse)
    discs = torch.zeros(len(truth), 1, *shape, device=truth.device)
    known = depth
    depth = light.pseudo_depth(light.to_display(coarse.mean(1, keepdim=True)), recipe.mine, draws) if known is None else known
    hazy, mine = (kinds == HAZY).nonzero()[:, 0], (kinds == MINE).nonzero()[:, 0]
    if len(hazy):
        factor[hazy], added[hazy] = air.haze(coarse[hazy], depth[hazy], recipe.air, draws.part(len(hazy)))
    if len(mine):
        lamps, factor[mine], added[mine] = _mine(
            depth[mine], colourless[mine], recipe, draws.part(len(mine)), known is not None
        )
        discs[mine] = light.glasses(lamps, shape)
    factor, added = air.glare(coarse, factor, added, recipe.air, draws)
    fall_off = _vignette((coarse.shape[2], coarse.shape[3]), draws)
    wanted = _means(kinds, recipe, draws)
    gain = light.exposure_for_mean(((coarse * factor + added) * fall_off)[:, :, ::2, ::2], wanted)
    gain = torch.where(_is(kinds, IDENTITY) > 0, torch.ones_like(gain), gain) * fall_off
    wide = F.interpolate(torch.cat([factor * gain, added * gain], 1), size=shape, mode="bilinear", align_corners=False)
    seen = torch.addcmul(wide[:, 3:], scene, wide[:, :3]) + 1.6 * discs
    seen = torch.where(colourless > 0, seen.mean(1, keepdim=True), seen)  # dust and lamps have no colour there, either
    return air.condense(seen, recipe.air, draws), truth


def _mine(depth: Tensor, colourless: Tensor, recipe: Recipe, draws: Draws, known: bool) -> tuple[light.Lamps, Tensor, Tensor]:
    """Lamps, factor on albedo and airlight (B, 3, h, w) of samples that become mines."""
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
    passed = torch.exp(-extinction * depth * air.clouds(shape, recipe.air.clouds, draws))
    albedo = air.dust(recipe.air, draws)
    albedo = torch.where(colourless > 0, albedo.mean(1, keepdim=True), albedo)
    factor = torch.einsum("bnhw,bnc->bchw", lit, lamps.colour)
    veil = torch.einsum("bn,bnc->bc", lit.mean((2, 3)), lamps.colour)[:, :, None, None] * 0.25 * (1 - passed)
    halo = torch.einsum("bnhw,bnc->bchw", lamps.halo(shape, extinction), lamps.colour)
    factor = factor + factor.mean((2, 3), keepdim=True) * draws.log_uniform(mine.ambient)
    return lamps, factor * passed, albedo * (veil + halo)


def _colours(kinds: Tensor, colourless: Tensor, recipe: Recipe, draws: Draws) -> Tensor:
    """(B, 3, 3) on linear RGB: faded and cast where it is dark, one grey of random weights where the camera has no colour."""
    eye = torch.eye(3, device=draws.device).expand(draws.count, 3, 3)
    keep = draws.uniform(recipe.dark.saturation, 1, 1)
    cast = torch.exp2(draws.uniform(recipe.dark.cast_stops, 3, 1))
    faded = (eye * keep + (1 - keep) / 3) * cast
    weights = draws.uniform((0.1, 1), 1, 3)
    grey = (weights / weights.sum(2, keepdim=True)).expand(-1, 3, -1)
    matrix = torch.where((_is(kinds, DARK) > 0)[:, 0], faded, eye)
    return torch.where((colourless > 0)[:, 0], grey, matrix)


def _vignette(shape: tuple[int, int], draws: Draws) -> Tensor:
    x = torch.linspace(-1, 1, shape[1], device=draws.device).view(1, 1, 1, -1)
    y = torch.linspace(-1, 1, shape[0], device=draws.device).view(1, 1, -1, 1)
    return 1 - draws.uniform((0.0, 0.5)) / 2 * (x * x + y * y)


def _means(kinds: Tensor, recipe: Recipe, draws: Draws) -> Tensor:
    """The display mean that each sample's camera meters to, (B, 1, 1, 1)."""
    dark = draws.log_uniform(recipe.dark.display_mean)
    mine = draws.uniform(recipe.mine.display_mean)
    hazy = draws.uniform(HAZY_MEAN)
    return torch.where(_is(kinds, DARK) > 0, dark, torch.where(_is(kinds, MINE) > 0, mine, hazy))


def _exposed(seen: Tensor, kinds: Tensor, colourless: Tensor, recipe: Recipe, draws: Draws) -> Tensor:
    """Through sensors: mines', or those of dark and hazy pictures."""
    bands = draws.happens(recipe.camera.band_share) * draws.log_uniform(recipe.camera.band)
    shading = draws.happens(recipe.camera.shading_share) * draws.uniform(recipe.camera.shading) * _is(kinds, MINE)
    of_mine = sensor.Sensors.draw(recipe.mine, bands * _is(kinds, MINE), shading, draws)
    of_dark = sensor.Sensors.draw(recipe.dark, bands * _is(kinds, DARK) * 0.05, shading, draws)
    mine = _is(kinds, MINE)
    parts = ("full_well_e", "read_noise", "black_offset", "hot_share", "band", "shading")
    mixed = (torch.where(mine > 0, getattr(of_mine, name), getattr(of_dark, name)) for name in parts)
    return sensor.expose(seen, sensor.Sensors(*mixed), colourless, draws)
