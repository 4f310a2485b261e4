"""The alignment: every loss moves what it should, and the trunk stays."""

from dataclasses import replace

import pytest
import torch

from davy.imaging.clip import own
from davy.imaging.clip.lite0 import CONTENT_FEATURES, LIGHT_FEATURES, imagenet_trunk
from davy.imaging.clip.vocabulary import CompactTokenizer, tokens_of
from davy_trainer.clip.align import AlignConfig, align
from davy_trainer.clip.captions import every_text
from davy_trainer.clip.features import KINDS, FeatureSet

SMALL = AlignConfig(steps=8, batch=32, pairs=8, classes=16, warmup_steps=2)


@pytest.fixture(scope="module")
def five_lights() -> FeatureSet:
    """Made-up features, in which each light has its own direction: enough to see the loss fall."""
    torch.manual_seed(0)
    kind = torch.arange(100) % len(KINDS)
    light = torch.randn(len(KINDS), LIGHT_FEATURES)[kind] + torch.randn(100, LIGHT_FEATURES) * 0.3
    content = torch.rand(100, CONTENT_FEATURES)
    return FeatureSet(torch.cat([light, content], 1), kind, imagenet_trunk().classifier(content).detach(), 0.0)


def run(data: FeatureSet, config: AlignConfig) -> tuple[torch.nn.Module, list[float]]:
    torch.manual_seed(config.seed)
    tokenizer = CompactTokenizer(tokens_of(every_text()), 32)
    shape = own.OwnConfig(width=32, heads=2, layers=1)
    model = own.build(shape, tokenizer.vocab_size, imagenet_trunk())
    losses: list[float] = []
    align(model, tokenizer, data, config, lambda _, loss: losses.append(loss))
    return model, losses


@pytest.fixture(scope="module")
def aligned(five_lights: FeatureSet) -> tuple[torch.nn.Module, list[float]]:
    return run(five_lights, SMALL)


@pytest.mark.system
def test_the_loss_falls_and_the_trunk_does_not_move(aligned: tuple[torch.nn.Module, list[float]]):
    model, losses = aligned
    assert losses[-1] < losses[0] - 0.3
    after = own.image_tower(model).trunk.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in imagenet_trunk().state_dict().items())


@pytest.mark.system
def test_the_same_seed_gives_the_same_losses(five_lights: FeatureSet, aligned: tuple[torch.nn.Module, list[float]]):
    _, again = run(five_lights, replace(SMALL, steps=2))  # as long as the warm-up, which does not know the number of steps
    assert again == aligned[1][:2]
