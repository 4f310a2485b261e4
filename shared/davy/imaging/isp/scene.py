"""Measures of the whole picture: whether it has colour, and its local brightness."""

import torch.nn.functional as F
from torch import Tensor

from davy.imaging.isp.blocks import BlockStatistics
from davy.imaging.isp.luminance import luma

SCENE_HEIGHT, SCENE_WIDTH = 144, 192  # area means; the network's thumbnail has the same size
# A place has colour if its largest and smallest channel differ by more than this. Codecs turn grey by half a level;
# the least colourful photograph of LOL has 65 % of its places above it.
LEAST_CHROMA, LEAST_SHARE_OF_LUMA = 0.5 / 255, 0.02  # display units; of the place's luma
INFORMATIVE_LUMA = 4 / 255  # below it, a place says less and less about colour
GREY_SHARE, COLOUR_SHARE = 0.2, 0.4  # share of places with colour: burnt-in text covers less, photographs cover more


def scene_means(blocks: BlockStatistics) -> Tensor:
    """Area means of the picture, (B, 3, SCENE_HEIGHT, SCENE_WIDTH)."""
    return F.adaptive_avg_pool2d(blocks.rgb, (SCENE_HEIGHT, SCENE_WIDTH))


def colour_evidence(means: Tensor) -> Tensor:
    """Tell a colour picture (1) from a colourless one (0), such as infrared night mode in a colour format.

    Burnt-in coloured text does not make a picture a colour picture.

    Args:
        means: Area means of display-encoded RGB, (B, 3, h, w), float in [0, 1].

    Returns:
        (B, 1, 1, 1), in [0, 1].
    """
    means = means[:, :, ::2, ::2]  # a quarter of the places says as much
    y = luma(means)
    chroma = means.amax(1, keepdim=True) - means.amin(1, keepdim=True)
    least = LEAST_CHROMA + LEAST_SHARE_OF_LUMA * y
    coloured = (chroma / least - 1).clamp(0, 1)
    weight = (y / INFORMATIVE_LUMA).clamp_max(1)
    share = (coloured * weight).sum((1, 2, 3)) / weight.sum((1, 2, 3)).clamp_min(1)
    return ((share - GREY_SHARE) / (COLOUR_SHARE - GREY_SHARE)).clamp(0, 1).view(-1, 1, 1, 1)


def local_luma(means: Tensor, rows: int, columns: int) -> Tensor:
    """Mean luma around each cell of a map, (B, 1, rows, columns)."""
    return F.adaptive_avg_pool2d(luma(means), (rows, columns))
