"""The network that sets the image signal processor: one trunk on a thumbnail, a global head and a detail head."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from davy.imaging.isp.blocks import BlockStatistics
from davy.imaging.isp.luminance import luma
from davy.imaging.isp.pipeline import CELL_SIZE, GLOBAL_SIZE, GRID_BINS, GRID_COLUMNS, GRID_ROWS

THUMB_HEIGHT, THUMB_WIDTH = 144, 192
HISTOGRAM_BINS = 24
FEATURES = 9  # of the thumbnail, see IspCnn.forward
SCENE = 80  # channels that say what is to be seen, not where
DEVIATION_SCALE = 8.0  # the deviation inside a block is small beside the mean


def thumbnail(blocks: BlockStatistics) -> Tensor:
    """The network's input: means and deviation of the pixels under each of 144 x 192 places.

    Returns:
        (B, 4, THUMB_HEIGHT, THUMB_WIDTH): red, green, blue in [0, 1], deviation of luma in display units.
    """
    means = F.adaptive_avg_pool2d(torch.cat([blocks.rgb, blocks.luma_squared], 1), (THUMB_HEIGHT, THUMB_WIDTH))
    rgb, squared = means[:, :3], means[:, 3:]
    return torch.cat([rgb, (squared - luma(rgb) ** 2).clamp_min(0).add(1e-8).sqrt()], 1)


class Separable(nn.Module):
    """Depthwise 3 x 3, then pointwise; residual where the shape stays."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(inputs, inputs, 3, stride, 1, groups=inputs)
        self.pointwise = nn.Conv2d(inputs, outputs, 1)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y = F.hardswish(self.pointwise(self.depthwise(x)))
        return x + y if self.residual else y


class IspCnn(nn.Module):
    """Thumbnail in, raw parameters out; `isp.pipeline.Parameters.from_raw` bounds them. Under 100,000 parameters."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.width = width
        self.stem = nn.Conv2d(FEATURES, 16, 3, 2, 1)  # 72 x 96
        self.trunk = nn.Sequential(
            Separable(16, 24, 2),  # 36 x 48
            Separable(24, 24),
            Separable(24, 48, 2),  # 18 x 24
            Separable(48, 48),
        )
        self.to_cells = nn.Sequential(Separable(48, width), Separable(width, width))  # on the 12 x 16 grid
        self.scene = nn.Sequential(Separable(width, SCENE, 2), Separable(SCENE, SCENE), Separable(SCENE, SCENE))  # 6 x 8
        self.whole = nn.Sequential(
            nn.Linear(2 * SCENE + HISTOGRAM_BINS + 6, 96), nn.Hardswish(), nn.Linear(96, width), nn.Hardswish()
        )
        self.whole_head = nn.Linear(width, GLOBAL_SIZE)
        self.exposure_head = nn.Linear(width, GRID_BINS)  # the log-gain by luma that all cells share
        self.mix = nn.Conv2d(2 * width, width, 1)
        last = nn.Conv2d(width, CELL_SIZE, 1)
        self.cells = nn.Sequential(Separable(width, width), Separable(width, width), last)
        for head in (self.whole_head, self.exposure_head, last):
            nn.init.normal_(head.weight, std=1e-3)  # training starts near the identity
            assert head.bias is not None
            nn.init.zeros_(head.bias)

    def forward(self, thumb: Tensor) -> tuple[Tensor, Tensor]:
        """thumb (B, 4, THUMB_HEIGHT, THUMB_WIDTH) -> whole (B, GLOBAL_SIZE), cells (B, CELL_SIZE, GRID_ROWS, GRID_COLUMNS)."""
        rgb, deviation = thumb[:, :3], thumb[:, 3:]
        y = luma(rgb)
        root = (rgb + 1e-4).sqrt()  # spreads the dark
        mean = y.mean((2, 3), keepdim=True)
        normal = (rgb / (2.5 * mean + 0.005)).clamp_max(3).add(1e-4).sqrt()  # the scene, however dark: says what it shows
        texture = (deviation / (y + 0.02)).clamp_max(2)
        brightest = rgb.amax(1, keepdim=True)
        features = torch.cat(
            [root - 0.5, normal - 0.6, deviation * DEVIATION_SCALE, texture, brightest.add(1e-3).log() / 4], 1
        )  # (B, FEATURES, ., .)
        x = self.trunk(F.hardswish(self.stem(features)))  # (B, 48, 18, 24)
        x = F.interpolate(x, size=(GRID_ROWS, GRID_COLUMNS), mode="bilinear", align_corners=False)
        x = self.to_cells(x)
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
        whole = self.whole(facts)  # (B, width)
        everywhere = whole[:, :, None, None].expand(-1, -1, GRID_ROWS, GRID_COLUMNS)
        cells = self.cells(F.hardswish(self.mix(torch.cat([x, everywhere], 1))))
        shared = F.pad(self.exposure_head(whole), (0, CELL_SIZE - GRID_BINS))
        return self.whole_head(whole), cells + shared[:, :, None, None]


def histogram(y: Tensor) -> Tensor:
    """Soft histogram over the square root of luma.

    Args:
        y: (B, 1, h, w), in [0, 1].

    Returns:
        (B, HISTOGRAM_BINS), shares that sum to 4.
    """
    small = F.avg_pool2d(y, 3).clamp_min(0).add(1e-6).sqrt() * (HISTOGRAM_BINS - 1)
    bins = torch.arange(HISTOGRAM_BINS, dtype=y.dtype, device=y.device).view(1, HISTOGRAM_BINS, 1, 1)
    return (1 - (small - bins).abs()).clamp_min(0).mean((2, 3)) * 4  # scaled to be about 1 where a picture is dark


def _spread(deviation: Tensor) -> Tensor:
    return torch.cat([deviation.mean((2, 3)), deviation.amin((2, 3))], 1)
