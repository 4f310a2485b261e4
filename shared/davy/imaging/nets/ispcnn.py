"""The network that predicts ISP parameters: a trunk on a thumbnail, a global head, a grid head and a fine decoder."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from davy.imaging.isp.blocks import BlockStatistics
from davy.imaging.isp.luminance import luma
from davy.imaging.isp.pipeline import (
    CELL_SIZE,
    COLOUR_TONE_SIZE,
    FINE_SIZE,
    GLOBAL_SIZE,
    GRID_BINS,
    GRID_COLUMNS,
    GRID_ROWS,
)
from davy.imaging.isp.scene import SCENE_HEIGHT, SCENE_WIDTH

THUMB_HEIGHT, THUMB_WIDTH = SCENE_HEIGHT, SCENE_WIDTH
HISTOGRAM_BINS = 24
FEATURES = 9  # of the thumbnail, see IspCnn.forward
SCENE = 80  # channels of the global scene features
DEVIATION_SCALE = 8.0  # the deviation inside a block is small relative to the mean


def thumbnail(blocks: BlockStatistics) -> Tensor:
    """The network's input: means and deviation of the pixels under each of 144 x 192 places.

    Returns:
        (B, 4, THUMB_HEIGHT, THUMB_WIDTH): red, green, blue in [0, 1], deviation of luma in display units.
    """
    means = F.adaptive_avg_pool2d(torch.cat([blocks.rgb, blocks.luma_squared], 1), (THUMB_HEIGHT, THUMB_WIDTH))
    rgb, squared = means[:, :3], means[:, 3:]
    return torch.cat([rgb, (squared - luma(rgb) ** 2).clamp_min(0).add(1e-8).sqrt()], 1)


class Separable(nn.Module):
    """Depthwise 3 x 3, then pointwise; residual where the shape stays the same."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(inputs, inputs, 3, stride, 1, groups=inputs)
        self.pointwise = nn.Conv2d(inputs, outputs, 1)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y = F.hardswish(self.pointwise(self.depthwise(x)))
        return x + y if self.residual else y


class FineDecoder(nn.Module):
    """Coarse features and the trunk's skips to a map of 72 x 96 places (FINE_ROWS, FINE_COLUMNS).

    Its last layer starts at zero: an untrained decoder adds nothing to the coarse maps.

    Args:
        inputs: Channels of the coarse features.
        detail: Channels at 72 x 96 and at 36 x 48; twice as many at 18 x 24. Cost grows at the two high resolutions.

    Source: Ronneberger, Fischer, Brox 2015, "U-Net"; sums instead of concatenations, as in FPN (Lin et al. 2017).
    """

    def __init__(self, inputs: int, detail: int) -> None:
        super().__init__()
        widths, depths = (2 * detail, detail, detail), (2, 2, 1)
        befores, skips = (inputs, *widths[:-1]), (48, 24, 16)
        self.enter = nn.ModuleList(nn.Conv2d(before, width, 1) for before, width in zip(befores, widths, strict=True))
        self.skip = nn.ModuleList(nn.Conv2d(skip, width, 1) for skip, width in zip(skips, widths, strict=True))
        blocks = ([Separable(width, width) for _ in range(depth)] for width, depth in zip(widths, depths, strict=True))
        self.refine = nn.ModuleList(nn.Sequential(*layers) for layers in blocks)
        self.head = nn.Conv2d(detail, FINE_SIZE, 1)
        nn.init.zeros_(self.head.weight)
        assert self.head.bias is not None
        nn.init.zeros_(self.head.bias)

    def forward(self, x: Tensor, skips: list[Tensor]) -> Tensor:
        """x (B, inputs, 12, 16), skips at 18 x 24, 36 x 48 and 72 x 96 -> (B, FINE_SIZE, FINE_ROWS, FINE_COLUMNS)."""
        for enter, join, refine, skip in zip(self.enter, self.skip, self.refine, skips, strict=True):
            up = F.interpolate(enter(x), size=(skip.shape[2], skip.shape[3]), mode="bilinear", align_corners=False)
            x = refine(F.hardswish(up + join(skip)))
        fine: Tensor = self.head(x)
        return fine


class IspCnn(nn.Module):
    """Predict raw parameters from a thumbnail; `isp.pipeline.Parameters.from_raw` bounds them.

    Args:
        width: Channels of the coarse features.
        detail: Channels of the fine decoder at its highest resolution.
    """

    def __init__(self, width: int = 64, detail: int = 32) -> None:
        super().__init__()
        self.width, self.detail = width, detail
        self.stem = nn.Conv2d(FEATURES, 16, 3, 2, 1)  # 72 x 96
        self.trunk = nn.Sequential(
            Separable(16, 24, 2),  # 36 x 48
            Separable(24, 24),
            Separable(24, 48, 2),  # 18 x 24
            Separable(48, 48),
        )
        self.to_grid = nn.Sequential(Separable(48, width), Separable(width, width))  # on the 12 x 16 grid
        self.scene = nn.Sequential(Separable(width, SCENE, 2), Separable(SCENE, SCENE), Separable(SCENE, SCENE))  # 6 x 8
        self.global_mlp = nn.Sequential(
            nn.Linear(2 * SCENE + HISTOGRAM_BINS + 6, 96), nn.Hardswish(), nn.Linear(96, width), nn.Hardswish()
        )
        self.global_head = nn.Linear(width, COLOUR_TONE_SIZE)
        self.noise_head = nn.Linear(width, GLOBAL_SIZE - COLOUR_TONE_SIZE)  # strengths against row noise and chroma noise
        self.exposure_head = nn.Linear(width, GRID_BINS)  # log-gain per luma bin, shared by all cells
        self.mix = nn.Conv2d(2 * width, width, 1)
        last = nn.Conv2d(width, CELL_SIZE, 1)
        self.grid_head = nn.Sequential(Separable(width, width), Separable(width, width), last)
        for head in (self.global_head, self.exposure_head, last):
            nn.init.normal_(head.weight, std=1e-3)  # training starts near the identity
            assert head.bias is not None
            nn.init.zeros_(head.bias)
        nn.init.zeros_(self.noise_head.weight)
        nn.init.zeros_(self.noise_head.bias)
        self.fine = FineDecoder(width, detail)

    def forward(self, thumb: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Predict the raw parameters of `davy.imaging.isp`.

        Args:
            thumb: (B, 4, THUMB_HEIGHT, THUMB_WIDTH), see thumbnail.

        Returns:
            global_params (B, GLOBAL_SIZE), grid_params (B, CELL_SIZE, GRID_ROWS, GRID_COLUMNS) and fine_params
            (B, FINE_SIZE, FINE_ROWS, FINE_COLUMNS).
        """
        rgb, deviation = thumb[:, :3], thumb[:, 3:]
        y = luma(rgb)
        root = (rgb + 1e-4).sqrt()  # expands the dark range
        mean = y.mean((2, 3), keepdim=True)
        normal = (rgb / (2.5 * mean + 0.005)).clamp_max(3).add(1e-4).sqrt()  # normalised for exposure: content of dark scenes
        texture = (deviation / (y + 0.02)).clamp_max(2)
        brightest = torch.maximum(torch.maximum(rgb[:, :1], rgb[:, 1:2]), rgb[:, 2:])  # takes half the time of a reduction
        features = torch.cat(
            [root - 0.5, normal - 0.6, deviation * DEVIATION_SCALE, texture, brightest.add(1e-3).log() / 4], 1
        )  # (B, FEATURES, ., .)
        skips = [F.hardswish(self.stem(features))]  # (B, 16, 72, 96)
        for part in (self.trunk[:2], self.trunk[2:]):  # (B, 24, 36, 48), (B, 48, 18, 24)
            skips.insert(0, part(skips[0]))
        x = F.interpolate(skips[0], size=(GRID_ROWS, GRID_COLUMNS), mode="bilinear", align_corners=False)
        x = self.to_grid(x)
        scene = self.scene(x)
        facts = torch.cat(
            [
                scene.mean((2, 3)),
                scene.amax((2, 3)),
                histogram(y),
                root.mean((2, 3)),
                mean.add(1e-3).log()[:, :, 0, 0] / 4,
                _spread(deviation * DEVIATION_SCALE),
            ],
            1,
        )
        global_features = self.global_mlp(facts)  # (B, width)
        everywhere = global_features[:, :, None, None].expand(-1, -1, GRID_ROWS, GRID_COLUMNS)
        coarse = self.grid_head[:-1](F.hardswish(self.mix(torch.cat([x, everywhere], 1))))
        shared = F.pad(self.exposure_head(global_features), (0, CELL_SIZE - GRID_BINS))
        grid_params = self.grid_head[-1](coarse) + shared[:, :, None, None]
        global_params = torch.cat([self.global_head(global_features), self.noise_head(global_features)], 1)
        return global_params, grid_params, self.fine(coarse, skips)


def histogram(y: Tensor) -> Tensor:
    """Soft histogram over the square root of luma.

    Args:
        y: (B, 1, h, w), in [0, 1].

    Returns:
        (B, HISTOGRAM_BINS), fractions that sum to 4.
    """
    small = F.avg_pool2d(y, 3).clamp_min(0).add(1e-6).sqrt() * (HISTOGRAM_BINS - 1)
    bins = torch.arange(HISTOGRAM_BINS, dtype=y.dtype, device=y.device).view(1, HISTOGRAM_BINS, 1, 1)
    return (1 - (small - bins).abs()).clamp_min(0).mean((2, 3)) * 4  # about 1 for a dark picture


def _spread(deviation: Tensor) -> Tensor:
    return torch.cat([deviation.mean((2, 3)), deviation.amin((2, 3))], 1)
