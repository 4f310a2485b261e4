"""The sensor of each sample: shot and read noise, row banding, a purple floor, hot pixels."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from davy.imaging.lowlight.batched.draws import Draws
from davy.imaging.lowlight.recipe import DarkRecipe, MineRecipe
from davy.imaging.lowlight.sensor import GAINS, PURPLE

HOT_SCALE = 0.05  # mean brightness of a hot pixel, of white
PURPLE_POWER = (0.2, 1.2)  # exponent of the floor's colour: from nearly grey to deep purple
COLUMN_SHARE = 0.5  # share of samples that have column banding, too
GRAINY = 0.6  # share of samples with spatially correlated noise


@dataclass(frozen=True, slots=True)
class Sensors:
    """Sensor of each sample, fields (B, 1, 1, 1) as of davy.imaging.lowlight.sensor.Sensor.

    Attributes:
        band: Deviation of row offsets, of white.
        shading: Additional gain of the lens correction in the corners; 0 for none.
    """

    full_well_e: Tensor
    read_noise: Tensor
    black_offset: Tensor
    hot_share: Tensor
    band: Tensor
    shading: Tensor

    @classmethod
    def draw(cls, recipe: MineRecipe | DarkRecipe, band: Tensor, shading: Tensor, draws: Draws) -> "Sensors":
        """Draw from a recipe's ranges."""
        return cls(
            full_well_e=draws.log_uniform(recipe.full_well_e),
            read_noise=draws.log_uniform(recipe.read_noise),
            black_offset=draws.uniform(recipe.black_offset),
            hot_share=draws.uniform(recipe.hot_share),
            band=band,
            shading=shading,
        )


def expose(scene: Tensor, sensors: Sensors, colourless: Tensor, draws: Draws) -> Tensor:
    """Return noisy linear light for linear light (B, 3, H, W), not clipped.

    Source: Foi et al. 2008, variance = light / full_well + read**2.

    Args:
        scene: Linear light.
        sensors: Noise and offsets of each picture's sensor.
        colourless: (B, 1, 1, 1), 1 for a monochrome sensor.
        draws: Source of every random choice.
    """
    count, _, height, width = scene.shape
    purple, gains = (torch.tensor(x, device=scene.device).view(1, 3, 1, 1) for x in (PURPLE, GAINS))
    purple = purple ** draws.uniform(PURPLE_POWER)
    purple, gains = purple + colourless * (1 - purple), gains + colourless * (1 - gains)
    signal = scene
    noise = draws.normal(count, 3, height, width)
    noise = torch.where(colourless > 0, noise[:, :1], noise)
    noise = _correlate(noise, GRAINY, draws)
    amplified = 1 + sensors.shading * _radius_squared(height, width, scene.device)
    deviation = (signal.clamp_min(0) / sensors.full_well_e + sensors.read_noise**2).sqrt()
    offsets = purple * sensors.black_offset + gains * (
        deviation * noise + _bands(height, width, colourless, draws) * sensors.band
    )
    signal = signal + amplified * offsets
    hot = (torch.rand(count, 1, height, width, generator=draws.generator, device=draws.device) < sensors.hot_share).float()
    bright = draws.uniform((0, 3), 3, 1, 1)
    return signal + hot * HOT_SCALE * torch.where(colourless > 0, bright[:, :1], bright)


def _radius_squared(height: int, width: int, device: torch.device) -> Tensor:
    """(1, 1, H, W), 0 in the centre and 1 in the corners."""
    y = torch.linspace(-1, 1, height, device=device).view(1, 1, height, 1)
    x = torch.linspace(-1, 1, width, device=device).view(1, 1, 1, width)
    return (x * x + y * y) / 2


def _bands(height: int, width: int, colourless: Tensor, draws: Draws) -> Tensor:
    """Draw offsets (B, 3, H, W) of rows, and of columns in a share of samples, of unit deviation and partly coloured."""
    rows = _lines(height, colourless, draws)
    columns = _lines(width, colourless, draws).transpose(2, 3)
    return rows + columns * draws.happens(COLUMN_SHARE) * draws.uniform((0.3, 0.9))


def _lines(height: int, colourless: Tensor, draws: Draws) -> Tensor:
    """Draw offsets of rows (B, 3, H, 1): white noise, and bands of 3 to 16 rows."""
    colour_share = draws.uniform((0, 0.8)) * (1 - colourless)

    def coloured(count: int) -> Tensor:
        grey, colours = draws.normal(draws.count, 1, count, 1), draws.normal(draws.count, 3, count, 1)
        return grey * (1 - colour_share) + colours * colour_share

    spacing = float(draws.subset(1).uniform((3, 16)).item())
    bands = F.interpolate(coloured(max(int(height / spacing), 2)), size=(height, 1), mode="bicubic", align_corners=False)
    share = draws.uniform((0, 1))
    return coloured(height) * share + bands * (1 - share) * 1.3


def _correlate(noise: Tensor, share: float, draws: Draws) -> Tensor:
    """Blur the noise of a share of samples, as demosaicing does, at the same variance."""
    chosen = draws.chosen(share)
    if not len(chosen):
        return noise
    side = float(draws.subset(1).uniform((0.1, 0.35)).item())
    selected = noise[chosen]
    for axis in (2, 3):  # sums of slices: convolutions of one channel are slow on a CPU
        length = selected.shape[axis]
        padded = torch.cat([selected.narrow(axis, length - 1, 1), selected, selected.narrow(axis, 0, 1)], axis)
        selected = selected + side * (padded.narrow(axis, 0, length) + padded.narrow(axis, 2, length))
    selected = selected / (1 + 2 * side**2)
    return noise.index_copy(0, chosen, selected)
