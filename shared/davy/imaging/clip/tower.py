"""One interface to any CLIP: images, words, learnable token embeddings, and feature maps; frozen, differentiable, offline."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, normalize

from davy.domain.errors import ConfigError, ShapeError
from davy.imaging.clip.operators import open_clip

Tokenizer = Callable[[list[str]], Tensor]
"""Texts to token ids, shape (N, L), int64: start, tokens, end, then zeros."""


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """Preprocessing of an image tower: size (height, width) in px, mean and deviation of RGB values."""

    size: tuple[int, int]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class ImageFeatures:
    """Features of images: unit vectors (B, D), and maps of the requested layers, each (B, C, h, w)."""

    embedding: Tensor
    maps: list[Tensor]


class Clip:
    """A frozen open_clip model. Gradients pass through it, to images and to token embeddings; its weights never move.

    Args:
        name: The setting that chose it; prompts remember it.
        model: open_clip's CLIP, CustomTextCLIP or CoCa; it is set to eval and frozen here.
        tokenizer: The one it was trained with.
    """

    def __init__(self, name: str, model: nn.Module, tokenizer: Tokenizer, preprocessing: Preprocessing) -> None:
        self.name = name
        self.model: Any = model.eval().requires_grad_(False)
        self.tokenizer = tokenizer
        self.preprocessing = preprocessing
        self.logit_scale = math.exp(self.model.get_parameter("logit_scale").item())

    def to(self, device: torch.device | str) -> Clip:
        self.model.to(device)
        return self

    @property
    def device(self) -> torch.device:
        device: torch.device = self.model.logit_scale.device
        return device

    def encode_image(self, rgb: Tensor) -> Tensor:
        """Unit vectors of images.

        Args:
            rgb: Display-encoded RGB, shape (B, 3, H, W), float in [0, 1], any H and W.

        Returns:
            Shape (B, D), unit length; differentiable in rgb.

        Raises:
            ShapeError: not (B, 3, H, W).
        """
        embedding: Tensor = normalize(self.model.encode_image(prepare(rgb, self.preprocessing)), dim=-1)
        return embedding

    def image_features(self, rgb: Tensor, layers: Sequence[int] | None = None) -> ImageFeatures:
        """encode_image and feature_maps for the price of one pass; arguments and errors are theirs."""
        found = self._intermediates(rgb, layers, intermediates_only=False)
        return ImageFeatures(normalize(found["image_features"], dim=-1), list(found["image_intermediates"]))

    def feature_maps(self, rgb: Tensor, layers: Sequence[int] | None = None) -> list[Tensor]:
        """What layers of the image tower see, for a fidelity loss between an image and its enhanced self.

        Args:
            rgb: As for encode_image.
            layers: Which, counted from 0 at the input: blocks of a transformer, stages of a convolutional tower; all if None.

        Returns:
            One map per layer, shape (B, C, h, w), differentiable in rgb.
        """
        return list(self._intermediates(rgb, layers, intermediates_only=True)["image_intermediates"])

    def encode_text(self, texts: list[str]) -> Tensor:
        """Unit vectors of texts, shape (N, D), without gradient."""
        with torch.no_grad():
            embedding: Tensor = normalize(self.model.encode_text(self.tokenize(texts)), dim=-1)
        return embedding

    def tokenize(self, texts: list[str]) -> Tensor:
        """Token ids, shape (N, L), on the model's device."""
        return self.tokenizer(texts).to(self.device)

    def embed_tokens(self, ids: Tensor) -> Tensor:
        """Token embeddings of ids (N, L), before positions are added: shape (N, L, W). A learnable prompt replaces some.

        Raises:
            ConfigError: this model's text tower takes no embeddings (a Hugging Face or CoCa tower).
        """
        return embed(self._text_tower(), ids)

    def encode_embeddings(self, embeddings: Tensor, ids: Tensor) -> Tensor:
        """Unit vectors of token embeddings.

        Args:
            embeddings: Shape (N, L, W), L at most the model's context length.
            ids: The ids that they stand for, shape (N, L): they mark the end of each text.

        Returns:
            Shape (N, D), unit length; differentiable in embeddings.

        Raises:
            ShapeError: embeddings and ids do not fit each other.
            ConfigError: as for embed_tokens.
        """
        if embeddings.ndim != 3 or embeddings.shape[:2] != ids.shape:
            raise ShapeError("embeddings", embeddings.shape, f"({', '.join(map(str, ids.shape))}, width)")
        return normalize(run_text_tower(self._text_tower(), embeddings, ids), dim=-1)

    def _text_tower(self) -> nn.Module:
        tower: nn.Module = getattr(
            self.model, "text", self.model
        )  # open_clip's plain CLIP keeps the text tower's parts on itself
        if not hasattr(tower, "token_embedding") or getattr(tower, "cls_emb", None) is not None:
            raise ConfigError(
                f"the text tower of {self.name} takes no learnable tokens: choose a CLIP with a plain one, or 'davy'"
            )
        return tower

    def _intermediates(self, rgb: Tensor, layers: Sequence[int] | None, intermediates_only: bool) -> dict[str, Any]:
        found: dict[str, Any] = self.model.visual.forward_intermediates(
            prepare(rgb, self.preprocessing),
            indices=None if layers is None else list(layers),
            intermediates_only=intermediates_only,
            output_fmt="NCHW",
        )
        return found


def prepare(rgb: Tensor, preprocessing: Preprocessing) -> Tensor:
    """Images (B, 3, H, W) in [0, 1] as a tower wants them: its size, its normalisation; differentiable.

    It resizes the full picture to the tower's square: a centre crop would lose dark corners.

    Raises:
        ShapeError: not (B, 3, H, W).
    """
    if rgb.ndim != 4 or rgb.shape[1] != 3:
        raise ShapeError("rgb", rgb.shape, "(B, 3, H, W)")
    if tuple(rgb.shape[2:]) != preprocessing.size:
        rgb = interpolate(rgb, preprocessing.size, mode="bilinear", antialias=True, align_corners=False)
    mean = rgb.new_tensor(preprocessing.mean).view(1, 3, 1, 1)
    std = rgb.new_tensor(preprocessing.std).view(1, 3, 1, 1)
    return (rgb - mean) / std


def embed(text_tower: nn.Module, ids: Tensor) -> Tensor:
    """Token embeddings of ids (N, L), without positions: shape (N, L, W)."""
    embeddings: Tensor = text_tower.get_submodule("token_embedding")(ids)
    return embeddings


def run_text_tower(text_tower: nn.Module, embeddings: Tensor, ids: Tensor) -> Tensor:
    """open_clip's text forward pass from token embeddings (N, L, W) on: shape (N, D), not normalised.

    Source: open_clip 3.3, CLIP.encode_text and TextTransformer.forward, which start from ids.
    """
    open_clip()
    from open_clip.transformer import text_global_pool

    tower: Any = text_tower
    length = embeddings.shape[1]
    mask = tower.attn_mask
    x: Tensor = embeddings + tower.positional_embedding[:length]
    x = tower.transformer(x, attn_mask=None if mask is None else mask[:length, :length])
    x = tower.ln_final(x)
    plain = hasattr(tower, "text_pool_type")  # the plain CLIP's spelling
    pool_type = tower.text_pool_type if plain else tower.pool_type
    end_id = tower.text_eos_id if plain else tower.eos_id
    x = text_global_pool(x, ids, pool_type, eos_token_id=end_id)
    projection = tower.text_projection
    if projection is None:
        return x
    projected: Tensor = projection(x) if isinstance(projection, nn.Linear) else x @ projection
    return projected
