"""Losses of pairing, enhancement and refinement, small and named; each is a mean over the batch."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from davy.imaging.clip import NORMAL
from davy.imaging.isp.luminance import luma
from davy_trainer.objectives.losses import charbonnier, roughness

REGION_PX = 16  # of the crops: spatial consistency compares neighbouring regions of this size


# --- of prompts -------------------------------------------------------------------------------------------------------


def prompt_cross_entropy(pair: Tensor, embeddings: Tensor, labels: Tensor, scale: float, smoothing: float = 0.0) -> Tensor:
    """Cross entropy of image-text similarity. Source: Radford et al. 2021; Zhou et al. 2022, CoOp.

    Smoothed labels end at a probability of 1 - smoothing / 2 (Szegedy et al. 2016). Hard ones drive the prompts apart for
    ever where the classes are easily told, and what then guides enhancement pushes without end: 1 dB on simulated mines.

    Args:
        pair: unit vectors of the prompts (2, D): NORMAL, LOW.
        embeddings: unit vectors of images (B, D).
        labels: NORMAL or LOW of each, (B,), int64.
        scale: of similarities before the softmax (the CLIP's).
        smoothing: share of the labels that is spread over both classes, in [0, 1].
    """
    return F.cross_entropy(scale * embeddings @ pair.T, labels, label_smoothing=smoothing)


def normality(pair: Tensor, embeddings: Tensor, scale: float) -> Tensor:
    """How likely the normal prompt describes each image: (B,), in [0, 1]."""
    return (scale * embeddings @ pair.T).softmax(-1)[..., NORMAL]


def margin_ranking(better: Tensor, worse: Tensor, margin: float, weights: Tensor | None = None) -> Tensor:
    """Hinge: `better` should exceed `worse` by `margin`; both (B,). Source: Liang et al. 2023, CLIP-LIT, prompt refinement."""
    short = (margin - (better - worse)).clamp_min(0)
    return short.mean() if weights is None else (short * weights).sum() / weights.sum()


# --- of enhancement ---------------------------------------------------------------------------------------------------


def clip_guidance_loss(pair: Tensor, embeddings: Tensor, scale: float, smoothing: float = 0.0) -> Tensor:
    """Cross entropy towards the normal prompt: L_clip. Source: Liang et al. 2023, CLIP-LIT, equation 3, as a logarithm.

    The logarithm keeps a gradient where a dark picture is surely low-light, which the plain probability does not.
    """
    labels = torch.full((embeddings.shape[0],), NORMAL, device=embeddings.device)
    return prompt_cross_entropy(pair, embeddings, labels, scale, smoothing)


def feature_fidelity(before: Sequence[Tensor], after: Sequence[Tensor]) -> Tensor:
    """1 - cosine between feature maps at every place, mean over layers: what is shown stays. Source: Liang et al. 2023.

    Args:
        before, after: a frozen image tower's maps (B, C, h, w) of the gain-normalised input and of the output.
    """
    return torch.stack([1 - F.cosine_similarity(a, b, dim=1).mean() for a, b in zip(before, after, strict=True)]).mean()


def spatial_consistency(before: Tensor, after: Tensor) -> Tensor:
    """Neighbouring regions keep their difference in luma. Source: Guo et al. 2020, Zero-DCE, equation 3.

    Args:
        before, after: RGB (B, 3, H, W): the gain-normalised input, and the output.
    """
    x, y = (F.avg_pool2d(luma(image), REGION_PX) for image in (before, after))
    across = (x[..., 1:] - x[..., :-1]).abs() - (y[..., 1:] - y[..., :-1]).abs()
    down = (x[..., 1:, :] - x[..., :-1, :]).abs() - (y[..., 1:, :] - y[..., :-1, :]).abs()
    return across.square().mean() + down.square().mean()


def exposure(after: Tensor, target: Tensor) -> Tensor:
    """Squared stops between each picture's mean luma and its target (B,). Source: Guo et al. 2020, with a prior per picture."""
    return (mean_luma(after).clamp_min(1e-3).log2() - target.clamp_min(1e-3).log2()).square().mean()


def colour_constancy(after: Tensor) -> Tensor:
    """Squared differences of the channels' means: the world is grey on average. Source: Buchsbaum 1980; Zero-DCE."""
    red, green, blue = after.mean((2, 3)).unbind(1)
    return ((red - green).square() + (green - blue).square() + (blue - red).square()).mean()


def smoothness(log2_gain: Tensor, log2_colour: Tensor) -> Tensor:
    """Light changes slowly: squared steps between neighbouring cells of gain and colour. Source: Zero-DCE, equation 6."""
    return roughness(log2_gain) + roughness(log2_colour)


def distillation(after: Tensor, start: Tensor) -> Tensor:
    """The starting weights' output is not left without a reason. Source: Li and Hoiem 2016, Learning without Forgetting."""
    return charbonnier(after, start)


# --- what they share --------------------------------------------------------------------------------------------------


def mean_luma(images: Tensor) -> Tensor:
    """(B, 3, H, W) -> (B,)."""
    return luma(images).mean((1, 2, 3))


def gain_normalised(low: Tensor, after: Tensor) -> Tensor:
    """The input at the output's mean luma, clipped to 1: a fair one to compare contents with; no gradient."""
    gain = mean_luma(after.detach()) / mean_luma(low).clamp_min(1e-3)
    return (low * gain.view(-1, 1, 1, 1)).clamp(0, 1)
