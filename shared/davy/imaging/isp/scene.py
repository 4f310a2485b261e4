"""Global measures of a picture: evidence of colour, and local brightness."""

import torch.nn.functional as F
from torch import Tensor

from davy.imaging.isp.blocks import BlockStatistics
from davy.imaging.isp.luminance import luma

SCENE_HEIGHT, SCENE_WIDTH = 144, 192  # area means; the network's thumbnail has the same size
# Least difference between the largest and smallest channel of a coloured place. Codecs tint grey by half a level; 65 % of the
# places of the least colourful LOL photograph exceed it.
LEAST_CHROMA, LEAST_SHARE_OF_LUMA = 0.5 / 255, 0.02  # display units; of the place's luma
INFORMATIVE_LUMA = 4 / 255  # darker places weigh less and less
GREY_SHARE, COLOUR_SHARE = 0.2, 0.4  # share of places with colour: burnt-in text covers less, photographs cover more


def scene_means(blocks: BlockStatistics) -> Tensor:
    """Area means of the picture, (B, 3, SCENE_HEIGHT, SCENE_WIDTH)."""
    return F.adaptive_avg_pool2d(blocks.rgb, (SCENE_HEIGHT, SCENE_WIDTH))


def colour_evidence(means: Tensor) -> Tensor:
    """Detect colour: 1 for a colour picture, 0 for a colourless one, such as infrared night mode in a colour format.

    Burnt-in coloured text does not make a picture a colour picture.

    Args:
        means: Area means of display-encoded RGB, (B, 3, h, w), float in [0, 1].

    Returns:
        (B, 1, 1, 1), in [0, 1].
    """
    means = means[:, :, ::2, ::2]  # a quarter of the places suffices
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
