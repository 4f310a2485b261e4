"""Losses on CLIP embeddings and feature maps, for stages 1 to 3 and adaptation; each is a mean over the batch.

enhance_losses has the losses of stage 2 without CLIP.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from davy.imaging.clip import NORMAL


def prompt_cross_entropy(pair: Tensor, embeddings: Tensor, labels: Tensor, scale: float, smoothing: float = 0.0) -> Tensor:
    """Cross entropy of image-text similarity. Source: Radford et al. 2021; Zhou et al. 2022, CoOp.

    Smoothed labels end at a probability of 1 - smoothing / 2 (Szegedy et al. 2016). Hard labels
    separate easy classes without limit; enhancement with such prompts loses 1 dB on simulated mines.

    Args:
        pair: Unit vectors of the prompts (2, D): NORMAL, LOW.
        embeddings: Unit vectors of images (B, D).
        labels: NORMAL or LOW of each, (B,), int64.
        scale: Logit scale of the CLIP.
        smoothing: Share of each label that is spread over both classes, in [0, 1].
    """
    return F.cross_entropy(scale * embeddings @ pair.T, labels, label_smoothing=smoothing)


def normality(pair: Tensor, embeddings: Tensor, scale: float) -> Tensor:
    """Probability that the normal prompt describes each image: (B,), in [0, 1]."""
    return (scale * embeddings @ pair.T).softmax(-1)[..., NORMAL]


def margin_ranking(better: Tensor, worse: Tensor, margin: float, weights: Tensor | None = None) -> Tensor:
    """Hinge: `better` should exceed `worse` by `margin`; both (B,). Source: Liang et al. 2023, CLIP-LIT, prompt refinement."""
    missing = (margin - (better - worse)).clamp_min(0)
    return missing.mean() if weights is None else (missing * weights).sum() / weights.sum()


def clip_guidance_loss(pair: Tensor, embeddings: Tensor, scale: float, smoothing: float = 0.0) -> Tensor:
    """Cross entropy towards the normal prompt: L_clip. Source: Liang et al. 2023, CLIP-LIT, equation 3, as a logarithm.

    The logarithm keeps a gradient for pictures that are certainly low-light; the probability itself does not.
    """
    labels = torch.full((embeddings.shape[0],), NORMAL, device=embeddings.device)
    return prompt_cross_entropy(pair, embeddings, labels, scale, smoothing)


def feature_fidelity(before: Sequence[Tensor], after: Sequence[Tensor]) -> Tensor:
    """1 - cosine between feature maps at every place, mean over layers. Source: Liang et al. 2023.

    Args:
        before: Maps (B, C, h, w) of a frozen image tower for the gain-normalised input.
        after: Its maps for the output.
    """
    return torch.stack([1 - F.cosine_similarity(a, b, dim=1).mean() for a, b in zip(before, after, strict=True)]).mean()
