"""The sensor of each sample: shot and read noise, rows that lie off, a purple floor, hot pixels."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from davy.imaging.lowlight.batched.draws import Draws
from davy.imaging.lowlight.recipe import DarkRecipe, MineRecipe
from davy.imaging.lowlight.sensor import GAINS, PURPLE

HOT_SCALE = 0.05  # mean of what a hot pixel adds, of white
GRAINY = 0.6  # share of samples in whose noise neighbours are alike


@dataclass(frozen=True, slots=True)
class Sensors:
    """Each (B, 1, 1, 1), as davy.imaging.lowlight.sensor.Sensor has them; band: deviation of rows, of white."""

    full_well_e: Tensor
    read_noise: Tensor
    black_offset: Tensor
    hot_share: Tensor
    band: Tensor

    @classmethod
    def draw(cls, recipe: MineRecipe | DarkRecipe, band: Tensor, draws: Draws) -> "Sensors":
        """Draw from a recipe's ranges."""
        return cls(
            full_well_e=draws.log_uniform(recipe.full_well_e),
            read_noise=draws.log_uniform(recipe.read_noise),
            black_offset=draws.uniform(recipe.black_offset),
            hot_share=draws.uniform(recipe.hot_share),
            band=band,
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
    purple, gains = purple + colourless * (1 - purple), gains + colourless * (1 - gains)
    signal = seen + purple * sensors.black_offset
    noise = draws.normal(count, 3, height, width)
    noise = torch.where(colourless > 0, noise[:, :1], noise)
    noise = _grained(noise, GRAINY, draws)
    deviation = (signal.clamp_min(0) / sensors.full_well_e + sensors.read_noise**2).sqrt()
    rows = _rows(height, draws) * sensors.band
    signal = signal + gains * (deviation * noise + rows)
    hot = (torch.rand(count, 1, height, width, generator=draws.generator, device=draws.device) < sensors.hot_share).float()
    bright = draws.uniform((0, 3), 3, 1, 1)
    return signal + hot * HOT_SCALE * torch.where(colourless > 0, bright[:, :1], bright)


def _rows(height: int, draws: Draws) -> Tensor:
    """Offsets of rows (B, 1, H, 1) of unit deviation: white, and in bands of 4 to 12 rows."""
    white = draws.normal(draws.count, 1, height, 1)
    bands = F.interpolate(draws.normal(draws.count, 1, height // 8, 1), size=(height, 1), mode="bicubic", align_corners=False)
    share = draws.uniform((0, 1))
    return white * share + bands * (1 - share) * 1.3


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
