"""Align the head and the text tower of Davy's own CLIP with captions of known light and content; the trunk is frozen."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from davy.imaging.clip.lite0 import LIGHT_FEATURES, StagedHead
from davy.imaging.clip.own import image_tower
from davy.imaging.clip.tower import Tokenizer, embed, run_text_tower
from davy.imaging.clip.vocabulary import RESERVED, UNKNOWN
from davy_trainer.clip.captions import class_names, describe, describe_content
from davy_trainer.clip.features import KINDS, FeatureSet


@dataclass(frozen=True)
class AlignConfig:
    """Every hyper-parameter of the alignment."""

    steps: int = 1000
    batch: int = 256  # pictures per step; their features are cached
    pairs: int = 40  # of them with an individual caption, of light and content
    classes: int = 96  # class names per step
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    warmup_steps: int = 50
    moved_share: float = 0.5  # share of pictures whose content is moved to a random class: photographs show 300 of 1000
    prototype_margin: float = 10.0  # the same for the prototype of a class
    moved_margin: float = 4.0  # logits by which the new class leads
    feature_noise: float = 0.2  # standard deviations, as augmentation of few photographs
    unknown_share: float = 0.02  # share of hidden tokens, so that "unknown" stays neutral
    max_logit_scale: float = 50.0
    seed: int = 7


def align(
    model: nn.Module, tokenizer: Tokenizer, data: FeatureSet, config: AlignConfig, tick: Callable[[int, float], None]
) -> None:
    """Train model.text, model.visual.head and model.logit_scale in place.

    Args:
        model: From davy.imaging.clip.own.build; its trunk is frozen and still has its classifier.
        data: Features of the training photographs in every light.
        tick: Called after each step with its number and loss.
    """
    torch.manual_seed(config.seed)
    rng = np.random.default_rng(config.seed)
    classifier, head = image_tower(model).trunk.classifier, image_tower(model).head
    text_tower, logit_scale = model.get_submodule("text"), model.get_parameter("logit_scale")
    head.standardise(data.pooled)
    _start_from_classifier(head, classifier)
    parameters = [*text_tower.parameters(), *head.parameters(), logit_scale]
    prototypes = _prototypes(data.pooled.mean(0), classifier, config)
    optimizer = torch.optim.AdamW(parameters, lr=config.learning_rate, weight_decay=config.weight_decay)
    model.train()
    for step in range(config.steps):
        for group in optimizer.param_groups:
            group["lr"] = config.learning_rate * _schedule(step, config)
        rows = torch.from_numpy(rng.integers(0, len(data.kind), config.batch))
        pooled, kind = data.pooled[rows], data.kind[rows]
        pooled, logits = _move_content(pooled, data.logits[rows], classifier, config, rng)
        pooled = pooled + torch.randn_like(pooled) * config.feature_noise / head.scale
        images = normalize(head(pooled), dim=-1)  # (batch, D)
        scale = logit_scale.exp().clamp(max=config.max_logit_scale)

        def encode(texts: list[str]) -> Tensor:
            return _encode(text_tower, tokenizer, texts, config.unknown_share)

        loss = _light_loss(images, kind, scale, encode, rng)
        loss = loss + _content_loss(images, logits, scale, encode, config, rng)
        loss = loss + _name_loss(head, prototypes, scale, encode, config, rng)
        loss = loss + _pair_loss(images, kind, logits, scale, encode, config, rng)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        tick(step + 1, loss.item())
    with torch.no_grad():
        logit_scale.clamp_(max=math.log(config.max_logit_scale))
    model.eval()


def _start_from_classifier(head: StagedHead, classifier: nn.Linear) -> None:
    """Initialise the content projection with the principal directions of the classifier."""
    with torch.no_grad():
        rows = classifier.weight - classifier.weight.mean(0)  # (1000, 1280)
        directions = torch.linalg.svd(rows, full_matrices=False).Vh[: head.content.out_features]
        projection = directions / head.scale[LIGHT_FEATURES:]  # the head standardises first
        head.content.weight.copy_(projection / projection.square().sum(1).mean().sqrt())
        nn.init.zeros_(head.content.bias)


def _schedule(step: int, config: AlignConfig) -> float:
    """Linear warm-up, then a half cosine to zero."""
    if step < config.warmup_steps:
        return (step + 1) / config.warmup_steps
    progress = (step - config.warmup_steps) / max(config.steps - config.warmup_steps, 1)
    return 0.5 * (1 + math.cos(math.pi * progress))


def _move_content(
    pooled: Tensor, logits: Tensor, classifier: nn.Linear, config: AlignConfig, rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """Move last-layer features of some pictures along a random class's row of the classifier, until it predicts this class.

    So every class name meets features of its class, also without a photograph. Features of light stay unchanged.
    """
    count = round(len(pooled) * config.moved_share)
    with torch.no_grad():
        target = torch.from_numpy(rng.integers(0, classifier.out_features, count))
        moved = _towards(pooled[:count, LIGHT_FEATURES:], target, classifier, config.moved_margin)
        pooled = torch.cat([torch.cat([pooled[:count, :LIGHT_FEATURES], moved], 1), pooled[count:]])
        logits = torch.cat([classifier(moved), logits[count:]])
    return pooled, logits


def _towards(last: Tensor, target: Tensor, classifier: nn.Linear, margin: float) -> Tensor:
    """Move last-layer features (N, 1280) along the rows of target (N,) until its logit leads by margin."""
    row = classifier.weight[target]
    now = classifier(last)
    lead = now.max(1).values - now[torch.arange(len(last)), target] + margin
    moved: Tensor = (last + (lead.clamp(min=0) / row.square().sum(1))[:, None] * row).clamp(min=0)
    return moved


def _prototypes(mean: Tensor, classifier: nn.Linear, config: AlignConfig) -> Tensor:
    """Return pooled features (1000, F) of the mean picture with its content moved to each class."""
    with torch.no_grad():
        everything = torch.arange(classifier.out_features)
        rows = mean.expand(len(everything), -1)
        moved = _towards(rows[:, LIGHT_FEATURES:], everything, classifier, config.prototype_margin)
        return torch.cat([rows[:, :LIGHT_FEATURES], moved], 1)


def _encode(tower: nn.Module, tokenizer: Tokenizer, texts: list[str], unknown_share: float) -> Tensor:
    """Encode texts as unit vectors (N, D), with some tokens hidden."""
    ids = tokenizer(texts)
    ids = ids[:, : int(ids.argmax(1).max()) + 1]
    inner = (ids >= RESERVED) & (ids != ids[0, 0]) & (ids != ids.max())
    ids = ids.masked_fill(inner & (torch.rand(ids.shape) < unknown_share), UNKNOWN)
    return normalize(run_text_tower(tower, embed(tower, ids), ids), dim=-1)


Encode = Callable[[list[str]], Tensor]


def _light_loss(images: Tensor, kind: Tensor, scale: Tensor, encode: Encode, rng: np.random.Generator) -> Tensor:
    """Loss of light: pictures against captions of light without content, in two wordings."""
    texts = [describe(name, None, rng) for _ in range(2) for name in KINDS]
    similarity = scale * images @ encode(texts).T  # (batch, 2 * kinds)
    return cross_entropy(similarity[:, : len(KINDS)], kind) + cross_entropy(similarity[:, len(KINDS) :], kind)


def _content_loss(
    images: Tensor, logits: Tensor, scale: Tensor, encode: Encode, config: AlignConfig, rng: np.random.Generator
) -> Tensor:
    """Loss of content: pictures against the classifier's distribution over some classes, in any light.

    Source: Hinton et al. 2015, "Distilling the Knowledge in a Neural Network", at temperature 1.
    """
    named = torch.unique(logits.argmax(1))
    named = named[torch.from_numpy(rng.permutation(len(named)))][: config.classes * 3 // 4]
    others = torch.from_numpy(rng.permutation(logits.shape[1])[: config.classes])
    chosen = torch.unique(torch.cat([named, others]))[: config.classes]
    names = class_names()
    texts = [describe_content(names[index], rng) for index in chosen.tolist()]
    probability = logits.softmax(1)[:, chosen]
    weight = probability.sum(1)  # a picture of other classes has no weight
    target = probability / weight[:, None].clamp(min=1e-6)
    each = cross_entropy(scale * images @ encode(texts).T, target, reduction="none")
    return (each * weight).sum() / weight.sum()


def _name_loss(
    head: StagedHead, prototypes: Tensor, scale: Tensor, encode: Encode, config: AlignConfig, rng: np.random.Generator
) -> Tensor:
    """Loss of names: class names against the prototypes of all classes, the text side of the contrastive loss."""
    chosen = torch.from_numpy(rng.permutation(len(prototypes))[: config.classes])
    names = class_names()
    texts = [describe_content(names[index], rng) for index in chosen.tolist()]
    return cross_entropy(scale * encode(texts) @ normalize(head(prototypes), dim=-1).T, chosen)


def _pair_loss(
    images: Tensor,
    kind: Tensor,
    logits: Tensor,
    scale: Tensor,
    encode: Encode,
    config: AlignConfig,
    rng: np.random.Generator,
) -> Tensor:
    """Loss of pairs: pictures against their captions, with captions of others and of other lights as negatives.

    Source: Radford et al. 2021 (CLIP), the image side of the contrastive loss, with hard negatives.
    """
    chosen = torch.from_numpy(rng.permutation(len(images))[: config.pairs])
    images, kind, label = images[chosen], kind[chosen], logits[chosen].argmax(1)
    wrong = (kind + torch.from_numpy(rng.integers(1, len(KINDS), len(chosen)))) % len(KINDS)
    kinds, labels = torch.cat([kind, wrong]), torch.cat([label, label])
    names = class_names()
    texts = [describe(KINDS[k], names[c], rng) for k, c in zip(kinds.tolist(), labels.tolist(), strict=True)]
    matches = ((kind[:, None] == kinds[None]) & (label[:, None] == labels[None])).float()
    return cross_entropy(scale * images @ encode(texts).T, matches / matches.sum(1, keepdim=True))
