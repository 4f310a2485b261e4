"""Random numbers of a batch, one per sample, from one generator on its device."""

import math

import torch
from torch import Tensor

from davy.imaging.lowlight.recipe import Range


class Draws:
    """Draws for `count` samples; tensors are (count, 1, 1, 1) unless stated otherwise."""

    def __init__(self, count: int, generator: torch.Generator) -> None:
        self.count = count
        self.generator = generator
        self.device = generator.device

    def uniform(self, ends: Range, *shape: int) -> Tensor:
        """Draw uniform values in [ends[0], ends[1]) of shape (count, *shape); default (count, 1, 1, 1)."""
        unit = torch.rand(self.count, *(shape or (1, 1, 1)), generator=self.generator, device=self.device)
        return ends[0] + (ends[1] - ends[0]) * unit

    def log_uniform(self, ends: Range, *shape: int) -> Tensor:
        """Draw values that are uniform in the logarithm."""
        return self.uniform((math.log(ends[0]), math.log(ends[1])), *shape).exp()

    def normal(self, *shape: int) -> Tensor:
        """Draw unit normal values of exactly this shape."""
        return torch.randn(*shape, generator=self.generator, device=self.device)

    def chosen(self, share: float) -> Tensor:
        """Draw the indices of a share of all samples: (n,), n may be 0."""
        return (self.uniform((0, 1), 1)[:, 0] < share).nonzero()[:, 0]

    def happens(self, share: float) -> Tensor:
        """Draw 1 for a share of the samples, else 0: (count, 1, 1, 1)."""
        return (self.uniform((0, 1)) < share).float()

    def subset(self, count: int) -> "Draws":
        """Return draws for another number of samples, from the same generator."""
        return Draws(count, self.generator)
