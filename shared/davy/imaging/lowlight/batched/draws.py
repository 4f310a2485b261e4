"""Random numbers of a batch, one per sample, from one generator on its device."""

import math

import torch
from torch import Tensor

from davy.imaging.lowlight.recipe import Range


class Draws:
    """Draws for `count` samples; tensors come out as (count, 1, 1, 1) unless said otherwise."""

    def __init__(self, count: int, generator: torch.Generator) -> None:
        self.count = count
        self.generator = generator
        self.device = generator.device

    def uniform(self, ends: Range, *shape: int) -> Tensor:
        """Uniform in [ends[0], ends[1]), shape (count, *shape), (count, 1, 1, 1) if no shape is given."""
        unit = torch.rand(self.count, *(shape or (1, 1, 1)), generator=self.generator, device=self.device)
        return ends[0] + (ends[1] - ends[0]) * unit

    def log_uniform(self, ends: Range, *shape: int) -> Tensor:
        """Uniform in the logarithm: each factor of two is as likely as the next."""
        return self.uniform((math.log(ends[0]), math.log(ends[1])), *shape).exp()

    def normal(self, *shape: int) -> Tensor:
        """Unit normal, of this very shape."""
        return torch.randn(*shape, generator=self.generator, device=self.device)

    def chosen(self, share: float) -> Tensor:
        """Indices of the samples that are in a share of all: (n,), n may be 0."""
        return (self.uniform((0, 1), 1)[:, 0] < share).nonzero()[:, 0]

    def happens(self, share: float) -> Tensor:
        """1 for a share of the samples, else 0, as (count, 1, 1, 1)."""
        return (self.uniform((0, 1)) < share).float()

    def part(self, count: int) -> "Draws":
        """Draws for another number of samples, from the same generator."""
        return Draws(count, self.generator)
