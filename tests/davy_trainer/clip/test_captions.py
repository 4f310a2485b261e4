"""Captions of rendered pictures."""

import numpy as np
import pytest

from davy.imaging.clip.vocabulary import UNKNOWN, CompactTokenizer, tokens_of
from davy_trainer.clip.captions import article, class_names, describe, describe_content, every_text
from davy_trainer.clip.features import KINDS


@pytest.fixture(scope="module")
def tokenizer() -> CompactTokenizer:
    return CompactTokenizer(tokens_of(every_text()), 32)


def test_a_caption_names_light_and_label_with_the_right_article():
    rng = np.random.default_rng(0)
    captions = {describe("uneven", "espresso", rng) for _ in range(60)}
    assert "an unevenly lit photo of an espresso" in captions
    assert "a photo of an espresso in uneven light" in captions
    assert article("iron") == "an iron"


def test_every_caption_is_known_to_the_tokenizer_and_fits_its_context(tokenizer: CompactTokenizer):
    rng = np.random.default_rng(1)
    captions = [describe(KINDS[i % 5], name, rng) for i, name in enumerate(class_names())]
    captions += [describe_content(name, rng) for name in class_names()]
    ids = tokenizer(captions)
    assert not bool((ids == UNKNOWN).any())
    assert int(ids[:, -1].max()) == 0  # the longest still ends before the context does


def test_a_word_that_no_caption_holds_is_unknown_and_the_end_stays_the_largest_id(tokenizer: CompactTokenizer):
    ids = tokenizer(["a photo of xylophagous bureaucracy"])
    assert bool((ids == UNKNOWN).any())
    assert int(ids.max()) == tokenizer.vocab_size - 1
