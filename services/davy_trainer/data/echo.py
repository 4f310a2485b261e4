"""Pictures for base training, made on the training's own device; each is seen a few times, in other company.

The i-th step's pictures depend on the settings and on i alone: a resumed run makes the last few batches again.
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

BLOCK, THUMB_BLOCK = 4, 2  # px: of the losses on whole pictures, and of what the network sees
PHOTOGRAPHS, WIDE, RELIT, SEEN = range(4)  # what a batch shows; all but the first have SCENE's shape


@dataclass(frozen=True, slots=True)
class Sample:
    """Some pictures of one shape (H, W), and what the losses on blocks need of them.

    low, truth: bytes, (B, 3, H, W). kinds: (B,), see lowlight.batched.degrade. thumb: the network's input. statistics:
    (B, 8, H / BLOCK, W / BLOCK), see blocks. small: the truth's block means, (B, 3, H / BLOCK, W / BLOCK).
    """

    low: Tensor
    truth: Tensor
    kinds: Tensor
    thumb: Tensor
    statistics: Tensor
    small: Tensor

    @classmethod
    def of(cls, made: Degraded) -> "Sample":
        """What a batch of the forward model gives."""
        blocks = block_statistics(made.low, BLOCK)
        statistics = torch.cat([blocks.rgb, blocks.luma, blocks.luma_squared, blocks.luma_rgb], 1)
        low, truth = ((planes * 255).round().byte() for planes in (made.low, made.truth))
        thumb = thumbnail(block_statistics(made.low, THUMB_BLOCK))
        return cls(low, truth, made.kinds, thumb, statistics, F.avg_pool2d(made.truth, BLOCK))

    @property
    def blocks(self) -> BlockStatistics:
        """The block statistics of low."""
        rgb, y, squared, y_rgb = torch.split(self.statistics, [3, 1, 1, 3], 1)
        return BlockStatistics(BLOCK, rgb, y, squared, y_rgb)

    @classmethod
    def drawn(cls, chosen: list[tuple["Sample", int]]) -> "Sample":
        """A batch of single pictures of several."""
        return cls(*(torch.stack([getattr(made, f.name)[at] for made, at in chosen]) for f in fields(cls)))


class Echo:
    """Draws of a packed file. Pictures lie on the device as bytes; so do the batches of the pool."""

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
        """The pictures of a step."""
        newest = step // self._settings.echo
        wanted = range(max(0, newest - self._settings.pool + 1), newest + 1)
        for index in [index for index in self._pool if index not in wanted]:
            del self._pool[index]
        for index in wanted:
            if index not in self._pool:
                self._pool[index] = self._make(index)
        rng = np.random.default_rng((self._settings.seed, step, 1))
        shape = self._pool[newest - step % min(newest + 1, len(wanted))].low.shape[2:]  # one shape after the other
        alike = [made for made in self._pool.values() if made.low.shape[2:] == shape]
        return self._drawn(alike, rng)

    def _drawn(self, alike: list[Sample], rng: np.random.Generator) -> Sample:
        count, each = self._settings.batch, len(alike[0].low)
        places = rng.choice(len(alike) * each, count, replace=False)
        chosen = [(alike[place // each], place % each) for place in places.tolist()]
        return Sample.drawn(chosen)

    def _make(self, index: int) -> Sample:
        rng = np.random.default_rng((self._settings.seed, index, 0))
        generator = torch.Generator(self._device).manual_seed(int(rng.integers(2**62)))
        made = self._degraded(self._kind(rng), rng, generator)
        if rng.random() < 0.5:
            made = Degraded(made.low.flip(3), made.truth.flip(3), made.kinds)
        return Sample.of(made)

    def _kind(self, rng: np.random.Generator) -> int:
        if len(self._low) and rng.random() < self._settings.scenes_share:
            return SEEN if rng.random() < self._settings.raw_share else RELIT
        return WIDE if rng.random() < self._settings.wide_share else PHOTOGRAPHS

    def _degraded(self, kind: int, rng: np.random.Generator, generator: torch.Generator) -> Degraded:
        if kind in (PHOTOGRAPHS, WIDE):
            truth = self._planes(self._photographs, self._indices(self._photographs, rng))
            if kind == WIDE:
                top = int(rng.integers(truth.shape[2] - SCENE[0] + 1))
                truth = truth[:, :, top : top + SCENE[0]].contiguous()
            return degrade(truth, self._recipe, generator)
        indices = self._indices(self._low, rng)
        truth = self._planes(self._high, indices)
        if kind == SEEN:
            return degrade(truth, self._recipe, generator, raw=self._planes(self._low, indices), exposed=True)
        return degrade(truth, self._recipe, generator, depth=self._depth[indices][:, None], exposed=True)

    def _indices(self, pictures: Tensor, rng: np.random.Generator) -> Tensor:
        return torch.from_numpy(rng.integers(len(pictures), size=self._settings.batch)).to(self._device)

    def _planes(self, pictures: Tensor, indices: Tensor) -> Tensor:
        return pictures[indices].permute(0, 3, 1, 2).float().contiguous() / 255
