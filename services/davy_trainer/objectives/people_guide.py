"""A frozen detector as guide: people who are found in the evenly lit picture are found in the enhanced one."""

from pathlib import Path
from typing import Self

import torch
from torch import Tensor
from torch.nn import functional

from davy_trainer.people.losses import photograph_losses
from davy_trainer.people.net import DEVIATION, MEAN, NanoDet
from davy_trainer.people.training import load_people_net

STRIDE = 32  # px: both sides of the detector's input are multiples


class PeopleGuide:
    """Compares what a detector finds in two pictures. The detector's weights never change."""

    def __init__(self, detector: NanoDet, device: torch.device) -> None:
        self._detector = detector.to(device).requires_grad_(requires_grad=False)
        self._mean = torch.tensor(MEAN, device=device).view(1, 3, 1, 1)
        self._deviation = torch.tensor(DEVIATION, device=device).view(1, 3, 1, 1)

    @classmethod
    def load(cls, path: Path, device: torch.device) -> Self:
        """Read the detector.

        Raises:
            ModelError: the file is missing or holds no weights of a NanoDet-g.
        """
        return cls(load_people_net(path), device)

    def __call__(self, output: Tensor, ground_truth: Tensor) -> Tensor:
        """Return the loss of scores and boxes against those in the ground truth, a scalar.

        Args:
            output: RGB in [0, 1], (B, 3, H, W); differentiable.
            ground_truth: The evenly lit picture, of the same shape.
        """
        with torch.no_grad():
            wanted = self._detector(self._input(ground_truth))
        terms = photograph_losses(self._detector(self._input(output)), wanted)
        return torch.stack(list(terms.values())).sum()

    def _input(self, picture: Tensor) -> Tensor:
        height, width = picture.shape[2:]
        padded = functional.pad(picture.flip(1) * 255, (0, -width % STRIDE, 0, -height % STRIDE), value=MEAN[0])
        return (padded - self._mean) / self._deviation
