"""NanoDet-g, trainable: a CSP backbone, a PAN neck and a GFL head, all plain 3x3 convolutions without normalisation.

Its published weights have batch normalisation folded into the convolutions, so the network has none either.

Source: RangiLyu, NanoDet (Apache-2.0), `nanodet-g.yml`; Li et al. 2020, Generalized Focal Loss.
"""

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

CLASSES = 80
REG_MAX = 10  # a distance to a box's side is a distribution over 0 to 10 strides
BINS = REG_MAX + 1
STRIDES = (8, 16, 32)
NECK = 128
SLOPE = 0.1  # of the leaky rectifier
MEAN, DEVIATION = (103.53, 116.28, 123.675), (57.375, 57.12, 58.395)  # of BGR, as the published weights were trained


class Convolution(nn.Module):
    """Convolve and rectify; the output is stride times smaller."""

    def __init__(self, channels: int, filters: int, size: int = 3, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, filters, size, stride, size // 2)

    def forward(self, x: Tensor) -> Tensor:
        return functional.leaky_relu(self.conv(x), SLOPE)


class Residual(nn.Module):
    """Two convolutions of half the channels, concatenated: the second sees the first."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = Convolution(channels, channels // 2)
        self.second = Convolution(channels // 2, channels // 2)

    def forward(self, x: Tensor) -> Tensor:
        first = self.first(x)
        return torch.cat([self.second(first), first], dim=1)


class Stage(nn.Module):
    """A cross-stage-partial block: input and processed input side by side, twice the channels."""

    def __init__(self, channels: int, filters: int, stride: int, blocks: int) -> None:
        super().__init__()
        self.reduce = Convolution(channels, filters, stride=stride)
        self.blocks = nn.Sequential(*(Residual(filters) for _ in range(blocks)))
        self.merge = Convolution(filters, filters)

    def forward(self, x: Tensor) -> Tensor:
        reduced = self.reduce(x)
        return torch.cat([self.merge(self.blocks(reduced)), reduced], dim=1)


class Head(nn.Module):
    """Class scores and distances of one level."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = Convolution(NECK, NECK)
        self.out = nn.Conv2d(NECK, CLASSES + 4 * BINS, 1)

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.out(self.hidden(x))).flatten(2).transpose(1, 2)


class NanoDet(nn.Module):
    """Map images to class logits and box distances of every cell of three grids.

    Input: BGR, shape (B, 3, H, W), float: the values of 0 to 255 minus MEAN, over DEVIATION; H and W multiples of 32.
    Output: (B, N, 80 + 44): class logits, then logits of left, top, right and bottom distance over 0 to 10 strides. The
    cells of stride 8 come first, row by row, then those of stride 16 and 32.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = Convolution(3, 32, stride=2)
        self.stages = nn.ModuleList([Stage(32, 32, 1, 1), Stage(64, 64, 2, 2), Stage(128, 128, 2, 2), Stage(256, 256, 2, 3)])
        self.lateral = nn.ModuleList([nn.Conv2d(channels, NECK, 1) for channels in (128, 256, 512)])
        self.heads = nn.ModuleList([Head() for _ in STRIDES])

    def forward(self, image: Tensor) -> Tensor:
        return torch.cat(self.levels(image), dim=1)

    def levels(self, image: Tensor) -> list[Tensor]:
        """The output of each level, shape (B, cells, 80 + 44)."""
        x = functional.max_pool2d(self.stem(image), 3, 2, 1)
        taps = []
        for stage in self.stages:
            x = stage(x)
            taps.append(x)
        fine, middle, coarse = (lateral(tap) for lateral, tap in zip(self.lateral, taps[1:], strict=True))
        middle = middle + _resized(coarse, middle)
        fine = fine + _resized(middle, fine)
        middle = middle + _resized(fine, middle)
        coarse = coarse + _resized(middle, coarse)
        return [head(x) for head, x in zip(self.heads, (fine, middle, coarse), strict=True)]

    def convolutions(self) -> list[nn.Conv2d]:
        """Every convolution, in the order of the published graph's names."""
        backbone = [m for part in (self.stem, self.stages) for m in part.modules() if isinstance(m, nn.Conv2d)]
        rest = [m for part in (self.lateral, self.heads) for m in part.modules() if isinstance(m, nn.Conv2d)]
        return [*backbone, *rest]


def cell_centres(height: int, width: int, device: torch.device | None = None) -> Tensor:
    """Centre x, centre y and stride of every cell in px, shape (N, 3), in the order of the network's output."""
    grids = []
    for stride in STRIDES:
        rows, columns = -(-height // stride), -(-width // stride)
        y, x = torch.meshgrid(torch.arange(rows, device=device), torch.arange(columns, device=device), indexing="ij")
        centres = (torch.stack([x, y], dim=-1).reshape(-1, 2) + 0.5) * stride
        grids.append(torch.cat([centres, torch.full((len(centres), 1), float(stride), device=device)], dim=1))
    return torch.cat(grids)


def boxes_of(distances: Tensor, centres: Tensor) -> Tensor:
    """Boxes (..., N, 4) as left, top, right, bottom in px.

    Args:
        distances: Logits, shape (..., N, 44).
        centres: As of `cell_centres`, shape (N, 3).
    """
    bins = torch.arange(BINS, dtype=distances.dtype, device=distances.device)
    sides = (distances.reshape(*distances.shape[:-1], 4, BINS).softmax(-1) * bins).sum(-1) * centres[:, 2:]
    return torch.cat([centres[:, :2] - sides[..., :2], centres[:, :2] + sides[..., 2:]], dim=-1)


def grid_sizes(height: int, width: int) -> Sequence[int]:
    """Number of cells of each level."""
    return [(-(-height // stride)) * (-(-width // stride)) for stride in STRIDES]


def _resized(x: Tensor, like: Tensor) -> Tensor:
    return functional.interpolate(x, size=like.shape[2:], mode="bilinear", align_corners=False)
