"""Chroma denoising: colour stays where its signal exceeds the noise."""

import torch
from torch import Tensor

CHROMA_NOISE = 0.5  # factor of the noise map: noise of chroma averaged over 5 x 5 blocks
LEAST_CHROMA = 2.5 / 255  # least chroma of burnt-in text in a colourless picture; codecs tint grey by one step at most


def chroma_shares(
    chroma: Tensor, noise: Tensor, keep: Tensor, evidence: Tensor, strength: Tensor, neutral: Tensor, colour: Tensor
) -> tuple[Tensor, Tensor]:
    """Compute the weights of the pixel's own chroma and of the base's chroma.

    In a colour picture, chroma shrinks where it is no larger than its noise (Wiener's rule). In a colourless picture
    only places with certain chroma keep it, such as burnt-in text; neighbours add none.

    Args:
        chroma: Red, green and blue of the base less its luma, (B, 3, h, w), display units.
        noise: Standard deviation of luma that counts as noise, (B, 1, h, w), display units.
        keep: Share of the detail layer, (B, 1, h, w).
        evidence: Evidence of colour, (B, 1, 1, 1), in [0, 1].
        strength: Strength in a colour picture, (B, 1, 1, 1), in [0, 1].
        neutral: Strength in a colourless picture, (B, 1, 1, 1), in [0, 1].
        colour: Factor of saturation, (B, 1, 1, 1); 0 is monochrome.

    Returns:
        (B, 1, h, w) each: keep and 1 where the operator does nothing.
    """
    red, _, blue = torch.split(chroma, 1, 1)
    energy = red * red + blue * blue
    shrunk = 1 - strength * (1 - energy / (energy + (CHROMA_NOISE * noise) ** 2))
    certain = (energy / LEAST_CHROMA**2 - 1).clamp(0, 1)
    colourless = (1 - evidence) * neutral
    kept = (1 - colourless) * shrunk * colour
    return kept * keep + colourless * certain * colour, kept
