"""Embedding drift: distance of a camera's pictures from the training pictures, in the embedding of the image tower.

An edge measures drift of light. This measure of content needs samples and a network, so the training service runs it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from davy.domain.errors import ConfigError, ModelError
from davy.imaging.clip import Clip
from davy.imaging.nets.checkpoint import load_tensors, save_tensors
from davy_trainer.data.camera_samples import find_cameras
from davy_trainer.data.embeddings import embed_views

REFERENCE = "embeddings.safetensors"  # in the folder of a model's weights
FORMAT = "davy-embeddings-1"
DIRECTIONS = 12  # principal directions with their own spread; all others share one
CLEAR_QUANTILE = 0.99  # of the training pictures' distances: a clear change
MIN_CLEAR = 1.4  # minimum clear distance, times the usual one: few pictures do not show their 99 % quantile
MIN_SPREAD = 0.02  # of a unit vector: also for a camera with identical pictures
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Reference:
    """Distribution of the training pictures' embeddings: means of groups (cameras or clusters), and spread around them.

    Attributes:
        means: (G, D).
        directions: (K, D), orthonormal.
        spreads: (K,), deviation along each direction.
        rest: Deviation along all other directions.
        usual: Median distance of a training picture.
        clear: Distance of a clear change.
        clip: Name of the CLIP of the embeddings.
    """

    means: Floats
    directions: Floats
    spreads: Floats
    rest: float
    usual: float
    clear: float
    clip: str


def embedding_drift(embeddings: Tensor, reference: Reference) -> float:
    """Return the drift of a camera's newest pictures: 0 is ordinary, 1 a clear change.

    Args:
        embeddings: Unit vectors (N, D) of raw pictures, N at least 1; their median distance counts.
    """
    distances = _distances(embeddings.double().numpy(), reference)
    return max(0.0, (float(np.median(distances)) - reference.usual) / (reference.clear - reference.usual))


def fit_reference(groups: Sequence[Tensor], clip: str) -> Reference:
    """Fit groups of embeddings (N, D), a camera's or a cluster's each; a quarter of the pictures is held out for the limits.

    Raises:
        ConfigError: No group has two pictures.
    """
    rows = [group.double().numpy() for group in groups if len(group)]
    if not any(len(group) > 1 for group in rows):
        raise ConfigError("too few pictures for a reference: at least one camera needs two")
    means = np.stack([group.mean(0) for group in rows])
    # Leave-one-out means: a mean of few pictures is too near to each.
    residuals = np.concatenate([(group - group.mean(0)) * len(group) / (len(group) - 1) for group in rows if len(group) > 1])
    held_out = np.arange(len(residuals)) % 4 == 3 if len(residuals) >= 40 else np.ones(len(residuals), bool)
    train = residuals[~held_out] if len(residuals) >= 40 else residuals
    _, singular, directions = np.linalg.svd(train, full_matrices=False)
    count = min(DIRECTIONS, len(train) // 10)  # few pictures give no directions
    spreads = np.maximum(singular[:count] / np.sqrt(len(train)), MIN_SPREAD / 4)
    left = np.square(train).sum() - np.square(singular[:count]).sum()
    rest = float(np.sqrt(max(left, 0) / len(train) / max(train.shape[1] - count, 1)))
    floor = MIN_SPREAD / np.sqrt(train.shape[1])
    rough = Reference(means, directions[:count], spreads, max(rest, floor), 0.0, 1.0, clip)
    found = _from_mean(residuals[held_out], rough)
    usual, clear = float(np.median(found)), float(np.quantile(found, CLEAR_QUANTILE))
    return Reference(means, directions[:count], spreads, rough.rest, usual, max(clear, MIN_CLEAR * usual, 1.0), clip)


def clusters(embeddings: Tensor, count: int, seed: int) -> list[Tensor]:
    """Group similar pictures by k-means, 20 rounds. Source: Lloyd 1982."""
    centres = embeddings[torch.randperm(len(embeddings), generator=torch.Generator().manual_seed(seed))[:count]]
    for _ in range(20):
        nearest = (embeddings @ centres.T).argmax(1)
        groups = [embeddings[nearest == k] for k in range(len(centres))]
        centres = torch.nn.functional.normalize(torch.stack([group.mean(0) for group in groups if len(group)]), dim=1)
    return [group for group in groups if len(group)]


def save_reference(path: Path, reference: Reference) -> None:
    arrays = {"means": reference.means, "directions": reference.directions, "spreads": reference.spreads}
    facts = {"format": FORMAT, "clip": reference.clip, "rest": reference.rest}
    facts |= {"usual": reference.usual, "clear": reference.clear}
    save_tensors(path, {name: torch.from_numpy(np.asarray(array, np.float16)) for name, array in arrays.items()}, facts)


def load_reference(path: Path) -> Reference:
    """Read a reference.

    Raises:
        ModelError: The file is missing or not a reference.
    """
    tensors, facts = load_tensors(path)
    try:
        if facts["format"] != FORMAT:
            raise ValueError(f"its format is {facts['format']!r}")
        means, directions, spreads = (tensors[name].double().numpy() for name in ("means", "directions", "spreads"))
        rest, usual, clear = (float(facts[name]) for name in ("rest", "usual", "clear"))
        if directions.shape != (len(spreads), means.shape[1]) or not 0 < rest < np.inf or not usual < clear < np.inf:
            raise ValueError("its tensors do not match")
        return Reference(means, directions, spreads, rest, usual, clear, str(facts["clip"]))
    except (KeyError, ValueError, IndexError, TypeError) as error:
        raise ModelError(
            str(path), f"holds no reference of embeddings ({error}): write one with `davy train reference`"
        ) from error


def embeddings_of_cameras(folder: Path, clip: Clip, newest: int) -> dict[str, Tensor]:
    """Return embeddings (N, D) of each camera's newest samples, by EDGE/CAM: 35 ms each.

    Raises:
        ConfigError: As of find_cameras, or a camera has no readable sample.
    """
    return {name: embed_views(clip, iter(camera.read(newest))) for name, camera in find_cameras(folder).items()}


def camera_drifts(folder: Path, reference: Reference, clip: Clip, newest: int = 5) -> dict[str, float]:
    """Return the drift of every camera with samples in a folder, by EDGE/CAM; errors as of embeddings_of_cameras.

    Raises:
        ConfigError: The reference belongs to another CLIP.
    """
    if clip.name != reference.clip:
        raise ConfigError(f"the reference belongs to CLIP {reference.clip!r}, not to {clip.name!r}")
    return {
        name: embedding_drift(embeddings, reference) for name, embeddings in embeddings_of_cameras(folder, clip, newest).items()
    }


def _distances(embeddings: Floats, reference: Reference) -> Floats:
    """Return the distance to the nearest group, (N,)."""
    return np.asarray(np.min([_from_mean(embeddings - mean, reference) for mean in reference.means], axis=0))


def _from_mean(residuals: Floats, reference: Reference) -> Floats:
    """Return the Mahalanobis distance per dimension, (N,); directions have their own spread, the rest a common one."""
    along = residuals @ reference.directions.T
    left = np.maximum(np.square(residuals).sum(1) - np.square(along).sum(1), 0)
    total = np.square(along / np.maximum(reference.spreads, reference.rest)).sum(1) + left / reference.rest**2
    return np.asarray(np.sqrt(total / residuals.shape[1]), np.float64)
