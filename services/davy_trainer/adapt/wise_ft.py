"""The last look of an adaptation: as much of the way from the running model as leaves every other camera's picture as it is."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from davy.imaging.nets.ispcnn import IspCnn
from davy_trainer.adapt.items import Item, through_blocks

REGIONS = 12  # on the short side: grain is nobody's light
HALVINGS = 6  # of the interval that is searched: to 1/64 of the way


@dataclass(frozen=True, slots=True)
class Settled:
    """share: of the way from the start's weights to the adapted ones, in [0, 1]; change: what it makes of the other cameras."""

    share: float
    change: float
    whole_change: float  # of all of the way


def settle(start: IspCnn, adapted: IspCnn, held: Sequence[Sequence[Item]], most: float) -> Settled:
    """Move adapted towards start, weight by weight, as far as is needed.

    Args:
        held: of every camera that shall stay as it is, pictures that no training saw, with start's results as targets.
        most: the change that is allowed.

    Source: Wortsman et al. 2022, "Robust fine-tuning of zero-shot models" (WiSE-FT).
    """
    whole = change(adapted, held)
    if whole <= most:
        return Settled(1.0, whole, whole)
    trained = {name: tensor.clone() for name, tensor in adapted.state_dict().items()}
    low, high, low_change = 0.0, 1.0, 0.0  # low holds always, high never
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        _mix(start, trained, middle, adapted)
        if (found := change(adapted, held)) <= most:
            low, low_change = middle, found
        else:
            high = middle
    _mix(start, trained, low, adapted)
    return Settled(low, low_change, whole)


def change(net: IspCnn, held: Sequence[Sequence[Item]]) -> float:
    """Of the camera whose pictures change most: root mean square over its regions, of [0, 1]; 0 without cameras."""
    return max((_camera_change(net, items) for items in held), default=0.0)


def _camera_change(net: IspCnn, items: Sequence[Item]) -> float:
    with torch.no_grad():
        squares = [(_regions(through_blocks(net, [item])[0][0]) - _regions(item.target)).square().mean() for item in items]
    return float(torch.stack(squares).mean().sqrt())


def _regions(picture: Tensor) -> Tensor:
    return avg_pool2d(picture, max(min(picture.shape[2:]) // REGIONS, 1))


def _mix(start: IspCnn, trained: dict[str, Tensor], share: float, into: IspCnn) -> None:
    first = start.state_dict()
    into.load_state_dict({name: torch.lerp(first[name], tensor, share) for name, tensor in trained.items()})
