"""Zero-shot accuracy of any CLIP on held-out pictures: applied light, content, real folders."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from davy.imaging.clip import Clip
from davy.imaging.clip.lite0 import imagenet_trunk
from davy.imaging.clip.tower import prepare
from davy_trainer.clip.captions import article, class_names
from davy_trainer.clip.features import KINDS, LITE0, as_batch
from davy_trainer.clip.pictures import LONG_SIDE, RENDER, read, resize_to

PROMPTS = {
    "normal": "a well-lit photo",
    "low": "a low-light photo",
    "uneven": "an unevenly lit photo",
    "over": "an overexposed photo",
    "noisy": "a noisy photo",
}
THREE = ("normal", "low", "uneven")  # the classes of real folders
SURE = 0.5  # minimum probability of a sure label


@dataclass(frozen=True, slots=True)
class ContentScore:
    """Share of photographs whose ImageNet label, out of 1000 names, is the best (top1) or among the five best."""

    kind: str
    top1: float
    top5: float
    sure_top1: float  # of photographs whose label has a probability of SURE or more
    sure_top5: float


@dataclass(frozen=True, slots=True)
class FolderScore:
    """Predictions of three prompts on a real folder: shares that sum to 1."""

    folder: str
    pictures: int
    normal: float
    low: float
    uneven: float


@dataclass(frozen=True, slots=True)
class ClipScore:
    """A complete evaluation."""

    clip: str
    photographs: int
    sure: int
    five_way: float
    three_way: float
    confusion: dict[str, dict[str, float]]  # applied light: predicted light: share
    content: list[ContentScore]
    folders: list[FolderScore]


def evaluate(
    clip: Clip, held_out: Sequence[Path], folders: Sequence[tuple[str, Sequence[Path]]], seed: int, tick: Callable[[], None]
) -> ClipScore:
    """Evaluate the zero-shot accuracy with one plain prompt per light and per class.

    Args:
        held_out: Held-out well-lit photographs; each is rendered in every light.
        folders: Real pictures by name, unchanged.
        seed: Random seed of the rendering.
        tick: Called after each picture.
    """
    lights = clip.encode_text([PROMPTS[kind] for kind in KINDS])
    classes = clip.encode_text([f"a photo of {article(name)}" for name in class_names()])
    images, labels, certainty = _render_and_encode(clip, held_out, seed, tick)  # (P, kinds, D), (P,), (P,)
    scores = images @ lights.T  # (P, kinds, kinds)
    three = [KINDS.index(kind) for kind in THREE]
    applied = torch.arange(len(KINDS)).expand(scores.shape[:2])
    best_of_three = scores[:, three][:, :, three].argmax(2)
    return ClipScore(
        clip=clip.name,
        photographs=len(held_out),
        sure=int((certainty >= SURE).sum()),
        five_way=_share(scores.argmax(2) == applied),
        three_way=_share(best_of_three == torch.arange(len(THREE))),
        confusion={
            kind: {other: _share(scores[:, row].argmax(1) == column) for column, other in enumerate(KINDS)}
            for row, kind in enumerate(KINDS)
        },
        content=[_content(kind, images[:, row] @ classes.T, labels, certainty) for row, kind in enumerate(KINDS)],
        folders=[_folder(clip, name, paths, lights[three], tick) for name, paths in folders],
    )


def _render_and_encode(clip: Clip, paths: Sequence[Path], seed: int, tick: Callable[[], None]) -> tuple[Tensor, Tensor, Tensor]:
    trunk = imagenet_trunk()
    images, labels, certainty = [], [], []
    for index, path in enumerate(paths):
        rng = np.random.default_rng((seed, index))
        image = resize_to(read(path), LONG_SIDE)
        with torch.no_grad():
            images.append(clip.encode_image(torch.cat([as_batch(render(image, rng)) for render in RENDER.values()])))
            best = trunk(prepare(as_batch(image), LITE0)).softmax(1).max(1)
        labels.append(best.indices)
        certainty.append(best.values)
        tick()
    return torch.stack(images), torch.cat(labels), torch.cat(certainty)


def _content(kind: str, similarity: Tensor, labels: Tensor, certainty: Tensor) -> ContentScore:
    five = similarity.topk(5, 1).indices  # (P, 5)
    top1, top5 = five[:, 0] == labels, (five == labels[:, None]).any(1)
    sure = certainty >= SURE
    return ContentScore(kind, _share(top1), _share(top5), _share(top1[sure]), _share(top5[sure]))


def _folder(clip: Clip, name: str, paths: Sequence[Path], prompts: Tensor, tick: Callable[[], None]) -> FolderScore:
    predicted = []
    for path in paths:
        with torch.no_grad():
            predicted.append((clip.encode_image(as_batch(read(path))) @ prompts.T).argmax(1))
        tick()
    best = torch.cat(predicted)
    normal, low, uneven = (_share(best == index) for index in range(len(THREE)))
    return FolderScore(name, len(paths), normal, low, uneven)


def _share(hits: Tensor) -> float:
    return round(float(hits.float().mean()), 4) if hits.numel() else float("nan")
