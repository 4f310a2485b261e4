"""The interface that every CLIP shows, on Davy's own."""

import pytest
import torch

from davy.domain.errors import ShapeError
from davy.imaging.clip import Clip


def rgb(*shape: int) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(1))


def test_images_of_any_size_become_unit_vectors(davy_clip: Clip):
    small, wide = davy_clip.encode_image(rgb(2, 3, 64, 48)), davy_clip.encode_image(rgb(1, 3, 120, 400))
    assert small.shape == (2, 256)
    assert torch.cat([small, wide]).norm(dim=1).tolist() == pytest.approx([1, 1, 1], abs=1e-5)


def test_texts_become_unit_vectors_and_equal_texts_equal_vectors(davy_clip: Clip):
    vectors = davy_clip.encode_text(["a dark photo", "a dark photo", "a photo of an espresso, which is a longer text"])
    assert vectors.norm(dim=1).tolist() == pytest.approx([1, 1, 1], abs=1e-5)
    assert torch.equal(vectors[0], vectors[1])


def test_embeddings_of_tokens_give_what_the_text_itself_gives(davy_clip: Clip):
    ids = davy_clip.tokenize(["an unevenly lit photo of a cat"])
    by_embedding = davy_clip.encode_embeddings(davy_clip.embed_tokens(ids), ids)
    assert torch.allclose(by_embedding, davy_clip.encode_text(["an unevenly lit photo of a cat"]), atol=1e-5)


def test_the_gradient_reaches_the_image_and_no_weight(davy_clip: Clip):
    image = rgb(1, 3, 80, 80).requires_grad_()
    (davy_clip.encode_image(image) @ davy_clip.encode_text(["a well-lit photo"]).T).sum().backward()
    assert image.grad is not None
    assert bool(torch.isfinite(image.grad).all())
    assert float(image.grad.abs().sum()) > 0
    assert all(weight.grad is None and not weight.requires_grad for weight in davy_clip.model.parameters())


@pytest.mark.parametrize("level", [0.0, 1.0])
def test_a_black_or_white_frame_has_a_finite_embedding_and_gradient(davy_clip: Clip, level: float):
    image = torch.full((1, 3, 32, 32), level, requires_grad=True)
    embedding = davy_clip.encode_image(image)
    embedding.sum().backward()
    assert bool(torch.isfinite(embedding).all())
    assert image.grad is not None
    assert bool(torch.isfinite(image.grad).all())


def test_feature_maps_come_from_the_asked_stages_and_carry_gradients(davy_clip: Clip):
    image = rgb(1, 3, 224, 224).requires_grad_()
    maps = davy_clip.feature_maps(image, layers=[0, 2])
    assert [tuple(each.shape) for each in maps] == [(1, 16, 112, 112), (1, 40, 28, 28)]
    maps[0].mean().backward()
    assert image.grad is not None
    assert len(davy_clip.feature_maps(image)) == 5


def test_one_look_gives_the_same_as_two(davy_clip: Clip):
    image = rgb(1, 3, 100, 100)
    seen = davy_clip.image_features(image, layers=[1])
    assert torch.allclose(seen.embedding, davy_clip.encode_image(image), atol=1e-6)
    assert torch.equal(seen.maps[0], davy_clip.feature_maps(image, layers=[1])[0])


def test_a_picture_without_a_batch_axis_is_a_shape_error(davy_clip: Clip):
    with pytest.raises(ShapeError, match=r"expected \(B, 3, H, W\)"):
        davy_clip.encode_image(rgb(3, 64, 64))
