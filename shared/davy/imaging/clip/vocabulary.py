"""CLIP's byte-pair tokenizer over the few hundred tokens that a small text tower has learned."""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor

from davy.imaging.clip.operators import open_clip

PADDING, UNKNOWN, RESERVED = 0, 1, 2  # compact ids; kept tokens follow in their old order, so "end of text" stays the largest
PLACEHOLDER = "x"  # a learnable prompt writes this word where its own vectors go


class CompactTokenizer:
    """open_clip's SimpleTokenizer with its ids mapped onto a kept few; every other token becomes "unknown".

    49,408 embeddings would be nine tenths of a small text tower's file.

    Args:
        kept: SimpleTokenizer's ids, ascending; the start and end tokens among them.
        context_length: Longer texts are cut.
    """

    def __init__(self, kept: Sequence[int], context_length: int) -> None:
        self.kept = tuple(kept)
        self.context_length = context_length
        self._simple = _simple_tokenizer()
        self._compact = torch.full((self._simple.vocab_size,), UNKNOWN, dtype=torch.long)
        self._compact[list(kept)] = torch.arange(len(kept)) + RESERVED

    @property
    def vocab_size(self) -> int:
        return len(self.kept) + RESERVED

    def __call__(self, texts: list[str]) -> Tensor:
        """Ids of shape (N, context_length): start, tokens, end, then PADDING."""
        ids: Tensor = self._simple(texts, self.context_length)
        end = ids.argmax(1, keepdim=True)
        after_end = torch.arange(ids.shape[1])[None] > end
        return self._compact[ids].masked_fill(after_end, PADDING)


@cache
def _simple_tokenizer() -> Any:  # noqa: ANN401  # open_clip has no types
    """CLIP's vocabulary, read once: it takes half a second."""
    return open_clip().SimpleTokenizer()


def tokens_of(texts: Iterable[str]) -> list[int]:
    """SimpleTokenizer's ids of every token in texts, with start, end and PLACEHOLDER, ascending."""
    simple = _simple_tokenizer()
    found = {simple.sot_token_id, simple.eot_token_id, *simple.encode(PLACEHOLDER)}
    for text in texts:
        found.update(simple.encode(text))
    return sorted(found)
