"""The sensor of each sample: shot and read noise, rows that lie off, a purple floor, hot pixels."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from davy.imaging.lowlight.batched.draws import Draws
from davy.imaging.lowlight.recipe import DarkRecipe, MineRecipe
from davy.imaging.lowlight.sensor import GAINS, PURPLE

HOT_SCALE = 0.05  # mean of what a hot pixel adds, of white
PURPLE_POWER = (0.2, 1.2)  # of the floor's colour: from nearly grey to deep purple
COLUMN_SHARE = 0.5  # of samples that have bands of columns, too
GRAINY = 0.6  # share of samples in whose noise neighbours are alike


@dataclass(frozen=True, slots=True)
class Sensors:
    """Each (B, 1, 1, 1), as davy.imaging.lowlight.sensor.Sensor has them.

    band: deviation of rows, of white. shading: how much more the lens's correction amplifies in the corners, 0 for not at all.
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


def expose(seen: Tensor, sensors: Sensors, colourless: Tensor, draws: Draws) -> Tensor:
    """Noisy linear light for linear light (B, 3, H, W), not clipped.

    Source: Foi et al. 2008, variance = light / full_well + read**2.

    Args:
        seen: Linear light.
        sensors: Noise and offsets of each picture's sensor.
        colourless: (B, 1, 1, 1), 1 where one sensor makes all three channels.
        draws: Source of every random choice.
    """
    count, _, height, width = seen.shape
    purple, gains = (torch.tensor(x, device=seen.device).view(1, 3, 1, 1) for x in (PURPLE, GAINS))
    purple = purple ** draws.uniform(PURPLE_POWER)
    purple, gains = purple + colourless * (1 - purple), gains + colourless * (1 - gains)
    signal = seen
    noise = draws.normal(count, 3, height, width)
    noise = torch.where(colourless > 0, noise[:, :1], noise)
    noise = _grained(noise, GRAINY, draws)
    amplified = 1 + sensors.shading * _radius_squared(height, width, seen.device)
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
    """Offsets (B, 3, H, W) of unit deviation of rows, and in a share of samples of columns, partly of other colour each."""
    rows = _lines(height, colourless, draws)
    columns = _lines(width, colourless, draws).transpose(2, 3)
    return rows + columns * draws.happens(COLUMN_SHARE) * draws.uniform((0.3, 0.9))


def _lines(height: int, colourless: Tensor, draws: Draws) -> Tensor:
    """Offsets of rows (B, 3, H, 1): white, and in bands of 3 to 16 rows."""
    own = draws.uniform((0, 0.8)) * (1 - colourless)

    def coloured(count: int) -> Tensor:
        grey, colours = draws.normal(draws.count, 1, count, 1), draws.normal(draws.count, 3, count, 1)
        return grey * (1 - own) + colours * own

    apart = float(draws.part(1).uniform((3, 16)).item())
    bands = F.interpolate(coloured(max(int(height / apart), 2)), size=(height, 1), mode="bicubic", align_corners=False)
    share = draws.uniform((0, 1))
    return coloured(height) * share + bands * (1 - share) * 1.3


def _grained(noise: Tensor, share: float, draws: Draws) -> Tensor:
    """A share of samples gets noise that demosaicing has blurred, of the same variance."""
    chosen = draws.chosen(share)
    if not len(chosen):
        return noise
    side = float(draws.part(1).uniform((0.1, 0.35)).item())
    some = noise[chosen]
    for axis in (2, 3):  # sums of slices: convolutions of one channel are slow on a CPU
        length = some.shape[axis]
        padded = torch.cat([some.narrow(axis, length - 1, 1), some, some.narrow(axis, 0, 1)], axis)
        some = some + side * (padded.narrow(axis, 0, length) + padded.narrow(axis, 2, length))
    some = some / (1 + 2 * side**2)
    return noise.index_copy(0, chosen, some)
