import pytest
import torch

from davy.imaging.isp.blocks import block_statistics
from davy.imaging.nets.ispcnn import IspCnn, thumbnail
from davy_trainer.adapt.items import Item, through_blocks
from davy_trainer.adapt.wise_ft import change, interpolate_weights

pytestmark = pytest.mark.system

MAX_CHANGE = 0.01


def net(seed):
    torch.manual_seed(seed)
    return IspCnn(8).eval()


def item(start, level):
    picture = level * torch.rand(1, 3, 96, 128, generator=torch.Generator().manual_seed(2))
    blocks = block_statistics(picture, 1)
    with torch.no_grad():
        (target,), parameters = through_blocks(start, [Item(thumbnail(blocks), blocks, picture)])
    return Item(thumbnail(blocks), blocks, target, parameters)


@pytest.fixture
def start():
    return net(1)


@pytest.fixture
def held_out(start):
    return [[item(start, 0.2), item(start, 0.3)], [item(start, 0.6)]]


def brighter(start, stops):
    found = net(1)
    found.load_state_dict(start.state_dict())
    with torch.no_grad():
        found.exposure_head.bias += stops
    return found


def test_the_same_network_changes_nothing(start, held_out):
    assert change(start, held_out) == 0 and change(brighter(start, 0.5), []) == 0


def test_the_camera_that_changes_most_counts(start, held_out):
    adapted = brighter(start, 0.3)
    assert change(adapted, held_out) == max(change(adapted, [items]) for items in held_out) > MAX_CHANGE


def test_a_large_change_is_interpolated_to_the_limit(start, held_out):
    adapted = brighter(start, 0.3)
    interpolation = interpolate_weights(start, adapted, held_out, MAX_CHANGE)
    assert 0 < interpolation.share < 1 and interpolation.full_change > MAX_CHANGE
    assert 0.7 * MAX_CHANGE < interpolation.change <= MAX_CHANGE and change(adapted, held_out) == interpolation.change
    moved = (adapted.exposure_head.bias - start.exposure_head.bias) / 0.3
    assert torch.allclose(moved, torch.full_like(moved, interpolation.share), atol=1e-5)


def test_a_small_change_keeps_all_adapted_weights(start, held_out):
    adapted = brighter(start, 0.005)
    before = {name: tensor.clone() for name, tensor in adapted.state_dict().items()}
    assert interpolate_weights(start, adapted, held_out, MAX_CHANGE).share == 1
    assert all(torch.equal(before[name], tensor) for name, tensor in adapted.state_dict().items())
