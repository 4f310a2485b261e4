import pytest
import torch

from davy.imaging.isp.blocks import block_statistics
from davy.imaging.isp.scene import colour_evidence, local_luma, scene_means


def grey(generator):
    return (torch.rand(1, 1, 288, 384, generator=generator) * 0.3).expand(1, 3, -1, -1).contiguous()


def evidence(picture):
    return colour_evidence(scene_means(block_statistics(picture, 1))).item()


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(1)


def test_a_colourless_picture_has_none(generator):
    assert evidence(grey(generator)) == 0
    assert evidence(torch.zeros(1, 3, 48, 64)) == 0 and evidence(torch.ones(1, 3, 48, 64)) == 0


def test_codec_noise_is_no_colour(generator):
    noise = torch.randint(-1, 2, (1, 3, 288, 384), generator=generator) / 255
    assert evidence((grey(generator) + noise).clamp(0, 1)) < 0.1


def test_a_dark_photograph_with_faint_colour_has_all(generator):
    picture = grey(generator) * 0.1
    picture[:, 0] *= 1.3
    assert evidence(picture) == 1


def test_a_lit_coloured_corner_of_a_black_picture_counts_alone():
    picture = torch.zeros(1, 3, 288, 384)
    picture[:, :, :80, :80] = torch.tensor([0.4, 0.3, 0.2]).view(1, 3, 1, 1)
    assert evidence(picture) == 1


def test_burnt_in_text_does_not_make_a_colour_picture(generator):
    picture = grey(generator)
    picture[:, 2, 8:24, 10:300] = 0
    picture[:, 0, 260:280, 100:380] = 0
    assert evidence(picture) == 0


def test_local_luma_is_the_mean_of_each_part():
    means = torch.zeros(1, 3, 144, 192)
    means[..., :12, :12] = 0.5
    around = local_luma(means, 12, 16)
    assert around[0, 0, 0, 0].item() == pytest.approx(0.5) and around.sum().item() == pytest.approx(0.5)
