"""A pair of learnable prompts, normal light and low light, that reads as text to the frozen text tower.

Source: Zhou et al. 2022, "Learning to Prompt for Vision-Language Models" (CoOp), with a context of its own per class;
Liang et al. 2023 (CLIP-LIT) for the pair.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from davy.domain.errors import ConfigError, ModelError
from davy.imaging.clip.tower import Clip
from davy.imaging.clip.vocabulary import PLACEHOLDER

NORMAL, LOW = 0, 1
FORMAT = "davy-prompts-1"


@dataclass(frozen=True, slots=True)
class PromptConfig:
    """What a prompt pair is made of.

    Args:
        tokens: Learnable vectors per prompt; they stand between the start token and the words.
        words: Fixed words after them, normal then low; empty leaves the learnable vectors alone.
        start: Texts whose embeddings the vectors start from, cut or filled up with noise; empty starts from noise.
        seed: Of the noise.
    """

    tokens: int = 16
    words: tuple[str, str] = ("", "")
    start: tuple[str, str] = ("a well-lit photo", "a low-light photo")
    seed: int = 0


class PromptPair(nn.Module):
    """(normal, low-light) as two points of the joint space; only `context` learns.

    Args:
        clip: The frozen model that the prompts are for; not part of this module's state.

    Raises:
        ConfigError: the prompts are longer than the text tower's context, or it takes no learnable tokens.
    """

    ids: Tensor

    def __init__(self, clip: Clip, config: PromptConfig | None = None) -> None:
        super().__init__()
        self.clip, self.config = clip, config or PromptConfig()
        self.register_buffer("ids", _layout(clip, self.config), persistent=False)
        self.context = nn.Parameter(_start(clip, self.config))  # (2, tokens, W)

    def forward(self) -> Tensor:
        """Unit vectors, shape (2, D): row NORMAL, row LOW; differentiable in context."""
        fixed = self.clip.embed_tokens(self.ids)
        after = fixed[:, 1 + self.config.tokens :]
        return self.clip.encode_embeddings(torch.cat([fixed[:, :1], self.context, after], 1), self.ids)

    def probabilities(self, images: Tensor) -> Tensor:
        """For unit vectors of images (B, D), how likely each prompt describes them: shape (B, 2), rows sum to 1."""
        pair: Tensor = self()
        return (self.clip.logit_scale * images @ pair.T).softmax(-1)

    def save(self, path: Path) -> None:
        """Write the context as safetensors, with its configuration and its CLIP's setting in the metadata."""
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        metadata = {"format": FORMAT, "clip": self.clip.name, "config": json.dumps(asdict(self.config))}
        save_file({"context": self.context.detach().cpu().contiguous()}, partial, metadata)
        partial.replace(path)


def load_prompts(path: Path, clip: Clip) -> PromptPair:
    """The prompt pair that `save` wrote, for the same CLIP.

    Raises:
        ModelError: the file is not there, is no prompt file, or was learned with another CLIP.
    """
    try:
        with safe_open(path, "pt") as stored:
            metadata = stored.metadata() or {}
            context = stored.get_tensor("context")
        learned_with = metadata["clip"]
        words = json.loads(metadata["config"])
        config = PromptConfig(words["tokens"], tuple(words["words"]), tuple(words["start"]), words["seed"])
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ModelError(str(path), f"it holds no prompt pair ({error!r}): train one with `davy train pair`") from error
    if learned_with != clip.name:
        raise ModelError(str(path), f"its prompts were learned with CLIP {learned_with!r}, not with {clip.name!r}")
    pair = PromptPair(clip, config)
    if context.shape != pair.context.shape:
        raise ModelError(
            str(path), f"its context has shape {tuple(context.shape)}, {clip.name!r} wants {tuple(pair.context.shape)}"
        )
    with torch.no_grad():
        pair.context.copy_(context)
    return pair


def _layout(clip: Clip, config: PromptConfig) -> Tensor:
    """Ids (2, L): start, placeholders, words, end, padding."""
    texts = [f"{' '.join([PLACEHOLDER] * config.tokens)} {words}" for words in config.words]
    ids, longer = clip.tokenize(texts), clip.tokenize([f"{text} {PLACEHOLDER}" for text in texts])
    holders = ids[:, 1 : 1 + config.tokens]
    if torch.equal(ids, longer) or holders.shape[1] < config.tokens or not bool((holders == holders[0, 0]).all()):
        raise ConfigError(
            f"{config.tokens} learnable tokens and the words {config.words} do not fit {clip.name}'s context of {ids.shape[1]}"
        )
    return ids


def _start(clip: Clip, config: PromptConfig) -> Tensor:
    """Vectors (2, tokens, W) to start from."""
    ids = clip.tokenize(list(config.start))
    embeddings = clip.embed_tokens(ids).detach()
    generator = torch.Generator().manual_seed(config.seed)
    scale = float(embeddings.std())
    context = torch.randn((2, config.tokens, embeddings.shape[2]), generator=generator).to(clip.device) * scale
    for row in range(2):
        length = min(int(ids[row].argmax()) - 1, config.tokens)  # tokens between start and end
        context[row, :length] = embeddings[row, 1 : 1 + length]
    return context
