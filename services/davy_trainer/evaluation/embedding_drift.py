"""How far what a camera shows lies from what the running model was trained on, as the frozen image tower sees it.

An edge measures the light; this measures the picture, and needs the samples and a network: it is the training service's.
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

REFERENCE = "embeddings.safetensors"  # beside a model's weights
FORMAT = "davy-embeddings-1"
DIRECTIONS = 12  # in which the spread is known one by one; all others share one
CLEAR = 0.99  # of the pictures trained on lie nearer than a clear change
LEAST_CLEAR = 1.4  # times the usual distance: of few pictures the 1 in 100 is not known
LEAST_SPREAD = 0.02  # of a unit vector: a camera that showed one picture only is no point
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Reference:
    """What was trained on: the means of its groups (cameras, or clusters), and how pictures spread around their mean.

    means: (G, D). directions: (K, D), orthonormal. spreads: (K,), deviation along each; rest: deviation along all others.
    usual, clear: the distances of an ordinary picture and of 1 in 100. clip: whose embeddings these are.
    """

    means: Floats
    directions: Floats
    spreads: Floats
    rest: float
    usual: float
    clear: float
    clip: str


def embedding_drift(embeddings: Tensor, reference: Reference) -> float:
    """Drift of a camera by its newest pictures: 0 is ordinary, 1 a clear change (as far as 1 in 100 of those trained on).

    Args:
        embeddings: unit vectors (N, D) of raw pictures, N at least 1; their median distance counts.
    """
    distances = _distances(embeddings.double().numpy(), reference)
    return max(0.0, (float(np.median(distances)) - reference.usual) / (reference.clear - reference.usual))


def fit_reference(groups: Sequence[Tensor], clip: str) -> Reference:
    """Learn from groups of embeddings (N, D), a camera's or a cluster's each; every fourth picture only judges.

    Raises:
        ConfigError: no group has two pictures.
    """
    rows = [group.double().numpy() for group in groups if len(group)]
    if not any(len(group) > 1 for group in rows):
        raise ConfigError("too few pictures to say what is usual: at least one camera needs two")
    means = np.stack([group.mean(0) for group in rows])
    # Leaving each picture out of its own mean: of few pictures the mean lies too near to them.
    apart = np.concatenate([(group - group.mean(0)) * len(group) / (len(group) - 1) for group in rows if len(group) > 1])
    judges = np.arange(len(apart)) % 4 == 3 if len(apart) >= 40 else np.ones(len(apart), bool)
    learned = apart[~judges] if len(apart) >= 40 else apart
    _, singular, directions = np.linalg.svd(learned, full_matrices=False)
    count = min(DIRECTIONS, len(learned) // 10)  # of few pictures no direction is known
    spreads = np.maximum(singular[:count] / np.sqrt(len(learned)), LEAST_SPREAD / 4)
    left = np.square(learned).sum() - np.square(singular[:count]).sum()
    rest = float(np.sqrt(max(left, 0) / len(learned) / max(learned.shape[1] - count, 1)))
    floor = LEAST_SPREAD / np.sqrt(learned.shape[1])
    rough = Reference(means, directions[:count], spreads, max(rest, floor), 0.0, 1.0, clip)
    found = _from_mean(apart[judges], rough)
    usual, clear = float(np.median(found)), float(np.quantile(found, CLEAR))
    return Reference(means, directions[:count], spreads, rough.rest, usual, max(clear, LEAST_CLEAR * usual, 1.0), clip)


def clusters(embeddings: Tensor, count: int, seed: int) -> list[Tensor]:
    """Groups of pictures that are alike: k-means, 20 rounds. Source: Lloyd 1982."""
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
    """What save_reference wrote.

    Raises:
        ModelError: the file is missing or holds something else.
    """
    tensors, facts = load_tensors(path)
    try:
        if facts["format"] != FORMAT:
            raise ValueError(f"its format is {facts['format']!r}")
        means, directions, spreads = (tensors[name].double().numpy() for name in ("means", "directions", "spreads"))
        rest, usual, clear = (float(facts[name]) for name in ("rest", "usual", "clear"))
        if directions.shape != (len(spreads), means.shape[1]) or not 0 < rest < np.inf or not usual < clear < np.inf:
            raise ValueError("its parts do not fit each other")
        return Reference(means, directions, spreads, rest, usual, clear, str(facts["clip"]))
    except (KeyError, ValueError, IndexError, TypeError) as error:
        raise ModelError(
            str(path), f"holds no reference of embeddings ({error}): make one with `davy train reference`"
        ) from error


def embeddings_of_cameras(folder: Path, clip: Clip, newest: int) -> dict[str, Tensor]:
    """Embeddings (N, D) of each camera's newest samples, by EDGE/CAM: 35 ms each.

    Raises:
        ConfigError: of find_cameras, or a camera has no readable sample.
    """
    return {name: embed_views(clip, iter(camera.read(newest))) for name, camera in find_cameras(folder).items()}


def camera_drifts(folder: Path, reference: Reference, clip: Clip, newest: int = 5) -> dict[str, float]:
    """Drift of every camera that has samples in a folder, by EDGE/CAM; errors as of embeddings_of_cameras.

    Raises:
        ConfigError: the reference was made with another CLIP.
    """
    if clip.name != reference.clip:
        raise ConfigError(f"the reference was made with CLIP {reference.clip!r}, not with {clip.name!r}")
    return {name: embedding_drift(seen, reference) for name, seen in embeddings_of_cameras(folder, clip, newest).items()}


def _distances(embeddings: Floats, reference: Reference) -> Floats:
    """To the nearest group, (N,)."""
    return np.asarray(np.min([_from_mean(embeddings - mean, reference) for mean in reference.means], axis=0))


def _from_mean(apart: Floats, reference: Reference) -> Floats:
    """Mahalanobis distance per dimension, (N,): the known directions by their own spread, the rest by the shared one."""
    along = apart @ reference.directions.T
    left = np.maximum(np.square(apart).sum(1) - np.square(along).sum(1), 0)
    total = np.square(along / np.maximum(reference.spreads, reference.rest)).sum(1) + left / reference.rest**2
    return np.asarray(np.sqrt(total / apart.shape[1]), np.float64)
