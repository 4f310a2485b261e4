import pytest
import torch

from davy.imaging.isp.blocks import block_statistics
from davy.imaging.nets.ispcnn import IspCnn, thumbnail
from davy_trainer.adapt.items import Item, through_blocks
from davy_trainer.adapt.wise_ft import change, settle

MOST = 0.01


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
def held(start):
    return [[item(start, 0.2), item(start, 0.3)], [item(start, 0.6)]]


def brighter(start, stops):
    found = net(1)
    found.load_state_dict(start.state_dict())
    with torch.no_grad():
        found.exposure_head.bias += stops
    return found


def test_the_same_network_changes_nothing(start, held):
    assert change(start, held) == 0 and change(brighter(start, 0.5), []) == 0


def test_the_camera_that_changes_most_counts(start, held):
    adapted = brighter(start, 0.3)
    assert change(adapted, held) == max(change(adapted, [items]) for items in held) > MOST


def test_what_changes_too_much_goes_as_far_as_is_allowed(start, held):
    adapted = brighter(start, 0.3)
    settled = settle(start, adapted, held, MOST)
    assert 0 < settled.share < 1 and settled.whole_change > MOST
    assert 0.7 * MOST < settled.change <= MOST and change(adapted, held) == settled.change
    moved = (adapted.exposure_head.bias - start.exposure_head.bias) / 0.3
    assert torch.allclose(moved, torch.full_like(moved, settled.share), atol=1e-5)


def test_what_changes_little_stays_as_it_was_trained(start, held):
    adapted = brighter(start, 0.005)
    before = {name: tensor.clone() for name, tensor in adapted.state_dict().items()}
    assert settle(start, adapted, held, MOST).share == 1
    assert all(torch.equal(before[name], tensor) for name, tensor in adapted.state_dict().items())
