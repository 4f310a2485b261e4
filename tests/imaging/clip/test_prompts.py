"""Learnable prompts through the frozen text tower."""

from pathlib import Path

import pytest
import torch

from davy.domain.errors import ConfigError, ModelError
from davy.imaging.clip import LOW, NORMAL, Clip, PromptConfig, PromptPair, load_prompts


def test_the_gradient_reaches_the_prompt_tokens_and_not_the_text_tower(davy_clip: Clip):
    pair = PromptPair(davy_clip)
    pair()[NORMAL].sum().backward()
    assert [name for name, _ in pair.named_parameters()] == ["context"]
    assert pair.context.grad is not None
    assert float(pair.context.grad[NORMAL].abs().sum()) > 0
    assert float(pair.context.grad[LOW].abs().sum()) == 0
    assert all(weight.grad is None for weight in davy_clip.model.parameters())


def test_prompts_of_exactly_their_start_texts_encode_as_those_texts(davy_clip: Clip):
    pair = PromptPair(davy_clip, PromptConfig(tokens=3, start=("clear dark picture", "very dark photo")))
    texts = davy_clip.encode_text(["clear dark picture", "very dark photo"])
    assert torch.allclose(pair(), texts, atol=1e-5)


def test_fixed_words_stand_after_the_learnable_tokens(davy_clip: Clip):
    pair = PromptPair(davy_clip, PromptConfig(tokens=2, words=("photo", "picture"), start=("very dark", "very dark")))
    assert torch.allclose(pair(), davy_clip.encode_text(["very dark photo", "very dark picture"]), atol=1e-5)


def test_a_few_steps_pull_a_prompt_to_the_images_that_it_should_describe(davy_clip: Clip):
    images = davy_clip.encode_text(["a dark photo of a cat", "a well-lit photo of a cat"])  # stand for two images
    pair = PromptPair(davy_clip, PromptConfig(start=("", "")))
    optimizer = torch.optim.Adam(pair.parameters(), lr=0.02)
    for _ in range(30):
        loss = torch.nn.functional.cross_entropy(davy_clip.logit_scale * images @ pair().T, torch.tensor([LOW, NORMAL]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert pair.probabilities(images).argmax(1).tolist() == [LOW, NORMAL]


def test_saved_prompts_come_back_with_their_configuration(davy_clip: Clip, tmp_path: Path):
    pair = PromptPair(davy_clip, PromptConfig(tokens=5, words=("photo", "photo"), seed=3))
    with torch.no_grad():
        pair.context.normal_()
    pair.save(tmp_path / "prompts.safetensors")
    again = load_prompts(tmp_path / "prompts.safetensors", davy_clip)
    assert again.config == pair.config
    assert torch.equal(again(), pair())


def test_prompts_of_another_clip_are_refused_by_name(davy_clip: Clip, random_clip: Clip, tmp_path: Path):
    PromptPair(davy_clip).save(tmp_path / "prompts.safetensors")
    with pytest.raises(ModelError, match="learned with CLIP 'davy', not with 'davy:random:1'"):
        load_prompts(tmp_path / "prompts.safetensors", random_clip)


def test_a_file_that_holds_no_prompts_is_a_clear_error(davy_clip: Clip, tmp_path: Path):
    (tmp_path / "x.safetensors").write_bytes(b"no")
    with pytest.raises(ModelError, match="davy train pair"):
        load_prompts(tmp_path / "x.safetensors", davy_clip)


def test_more_tokens_than_the_context_holds_is_a_clear_error(davy_clip: Clip):
    with pytest.raises(ConfigError, match="do not fit davy's context of 32"):
        PromptPair(davy_clip, PromptConfig(tokens=31))
