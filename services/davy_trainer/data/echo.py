"""Data echoing for base training: batches are made on the training device, and each picture is used in several steps.

The pictures of step i depend only on the settings and on i: a resumed run makes the last batches again.
Source: Choi et al. 2019, "Faster neural network training with data echoing".
"""

from dataclasses import dataclass, fields

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from davy.imaging.isp.blocks import BlockStatistics, block_statistics
from davy.imaging.lowlight.batched import Degraded, Recipe, degrade
from davy.imaging.nets.ispcnn import thumbnail
from davy_trainer.data.packed import SCENE, Packed
from davy_trainer.stages.base_settings import BaseSettings

BLOCK, THUMB_BLOCK = 4, 2  # px: of the losses on complete pictures, and of the network's input
PHOTOGRAPHS, WIDE, RELIT, CAPTURED = range(4)  # content of a batch; WIDE has SCENE's shape, the last two that of the file


@dataclass(frozen=True, slots=True)
class Sample:
    """A batch of pictures of one shape (H, W), with the inputs of the losses on blocks.

    Attributes:
        low: Bytes, (B, 3, H, W).
        ground_truth: The same.
        kinds: (B,), see lowlight.batched.degrade.
        thumb: Input of the network.
        statistics: (B, 8, H / BLOCK, W / BLOCK), see blocks.
        small: Block means of ground_truth, (B, 3, H / BLOCK, W / BLOCK).
    """

    low: Tensor
    ground_truth: Tensor
    kinds: Tensor
    thumb: Tensor
    statistics: Tensor
    small: Tensor

    @classmethod
    def of(cls, degraded: Degraded) -> "Sample":
        """Convert a batch of the forward model."""
        blocks = block_statistics(degraded.low, BLOCK)
        statistics = torch.cat([blocks.rgb, blocks.luma, blocks.luma_squared, blocks.luma_rgb], 1)
        low, ground_truth = ((planes * 255).round().byte() for planes in (degraded.low, degraded.ground_truth))
        thumb = thumbnail(block_statistics(degraded.low, THUMB_BLOCK))
        return cls(low, ground_truth, degraded.kinds, thumb, statistics, F.avg_pool2d(degraded.ground_truth, BLOCK))

    @property
    def blocks(self) -> BlockStatistics:
        """Block statistics of low."""
        rgb, y, squared, y_rgb = torch.split(self.statistics, [3, 1, 1, 3], 1)
        return BlockStatistics(BLOCK, rgb, y, squared, y_rgb)

    @classmethod
    def gather(cls, chosen: list[tuple["Sample", int]]) -> "Sample":
        """Gather single pictures of several batches into one."""
        return cls(*(torch.stack([getattr(batch, f.name)[index] for batch, index in chosen]) for f in fields(cls)))


class Echo:
    """Draws batches from a packed file. Its pictures and the batches of the pool are bytes on the device."""

    def __init__(self, packed: Packed, settings: BaseSettings, device: torch.device) -> None:
        self._settings, self._device = settings, device
        self._recipe = Recipe(
            identity_share=settings.identity_share, hazy_share=settings.hazy_share, dark_share=settings.dark_share
        )
        arrays = (packed.photographs, packed.low, packed.high)
        self._photographs, self._low, self._high = (torch.from_numpy(array).to(device) for array in arrays)
        self._depth = torch.from_numpy(packed.depth).to(device)
        self._pool: dict[int, Sample] = {}

    def __call__(self, step: int) -> Sample:
        """Return the batch of a step."""
        newest = step // self._settings.echo
        wanted = range(max(0, newest - self._settings.pool + 1), newest + 1)
        for index in [index for index in self._pool if index not in wanted]:
            del self._pool[index]
        for index in wanted:
            if index not in self._pool:
                self._pool[index] = self._make(index)
        rng = np.random.default_rng((self._settings.seed, step, 1))
        shape = self._pool[newest - step % min(newest + 1, len(wanted))].low.shape[2:]  # shapes alternate
        batches = [batch for batch in self._pool.values() if batch.low.shape[2:] == shape]
        return self._draw(batches, rng)

    def _draw(self, batches: list[Sample], rng: np.random.Generator) -> Sample:
        count, size = self._settings.batch, len(batches[0].low)
        indices = rng.choice(len(batches) * size, count, replace=False)
        return Sample.gather([(batches[index // size], index % size) for index in indices.tolist()])

    def _make(self, index: int) -> Sample:
        rng = np.random.default_rng((self._settings.seed, index, 0))
        generator = torch.Generator(self._device).manual_seed(int(rng.integers(2**62)))
        degraded = self._degraded(self._kind(rng), rng, generator)
        if rng.random() < 0.5:
            degraded = Degraded(degraded.low.flip(3), degraded.ground_truth.flip(3), degraded.kinds)
        return Sample.of(degraded)

    def _kind(self, rng: np.random.Generator) -> int:
        if len(self._low) and rng.random() < self._settings.scenes_share:
            return CAPTURED if rng.random() < self._settings.raw_share else RELIT
        return WIDE if rng.random() < self._settings.wide_share else PHOTOGRAPHS

    def _degraded(self, kind: int, rng: np.random.Generator, generator: torch.Generator) -> Degraded:
        if kind in (PHOTOGRAPHS, WIDE):
            ground_truth = self._planes(self._photographs, self._indices(self._photographs, rng))
            if kind == WIDE:
                top = int(rng.integers(ground_truth.shape[2] - SCENE[0] + 1))
                ground_truth = ground_truth[:, :, top : top + SCENE[0]].contiguous()
            return degrade(ground_truth, self._recipe, generator)
        indices = self._indices(self._low, rng)
        ground_truth = self._planes(self._high, indices)
        if kind == CAPTURED:
            return degrade(ground_truth, self._recipe, generator, raw=self._planes(self._low, indices), exposed=True)
        return degrade(ground_truth, self._recipe, generator, depth=self._depth[indices][:, None], exposed=True)

    def _indices(self, pictures: Tensor, rng: np.random.Generator) -> Tensor:
        return torch.from_numpy(rng.integers(len(pictures), size=self._settings.batch)).to(self._device)

    def _planes(self, pictures: Tensor, indices: Tensor) -> Tensor:
        return pictures[indices].permute(0, 3, 1, 2).float().contiguous() / 255
