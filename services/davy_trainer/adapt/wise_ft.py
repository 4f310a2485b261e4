"""Weight interpolation (WiSE-FT): as much of an adaptation as leaves the pictures of all other cameras unchanged."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from davy.imaging.nets.ispcnn import IspCnn
from davy_trainer.adapt.items import Item, through_blocks

REGIONS = 12  # on the short side: noise averages out
HALVINGS = 6  # bisection of the share to 1/64


@dataclass(frozen=True, slots=True)
class Interpolation:
    """Result of an interpolation.

    Attributes:
        share: Share of the adapted weights, in [0, 1]; the rest are the running model's.
        change: Change of the other cameras with this share.
        full_change: The same with share 1.
    """

    share: float
    change: float
    full_change: float


def interpolate_weights(
    running: IspCnn, adapted: IspCnn, held_out: Sequence[Sequence[Item]], max_change: float
) -> Interpolation:
    """Interpolate adapted towards running in place, as far as max_change requires.

    Args:
        held_out: Held-out pictures of every camera that must not change, with running's outputs as targets.
        max_change: Maximum change of such a camera.

    Source: Wortsman et al. 2022, "Robust fine-tuning of zero-shot models" (WiSE-FT).
    """
    full_change = change(adapted, held_out)
    if full_change <= max_change:
        return Interpolation(1.0, full_change, full_change)
    trained = {name: tensor.clone() for name, tensor in adapted.state_dict().items()}
    low, high, low_change = 0.0, 1.0, 0.0  # low always fulfils max_change, high never
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        _lerp(running, trained, middle, adapted)
        if (found := change(adapted, held_out)) <= max_change:
            low, low_change = middle, found
        else:
            high = middle
    _lerp(running, trained, low, adapted)
    return Interpolation(low, low_change, full_change)


def change(net: IspCnn, held_out: Sequence[Sequence[Item]]) -> float:
    """Return the RMS change of the regions of the most changed camera, of [0, 1]; 0 without cameras."""
    return max((_camera_change(net, items) for items in held_out), default=0.0)


def _camera_change(net: IspCnn, items: Sequence[Item]) -> float:
    with torch.no_grad():
        squares = [(_regions(through_blocks(net, [item])[0][0]) - _regions(item.target)).square().mean() for item in items]
    return float(torch.stack(squares).mean().sqrt())


def _regions(picture: Tensor) -> Tensor:
    return avg_pool2d(picture, max(min(picture.shape[2:]) // REGIONS, 1))


def _lerp(running: IspCnn, trained: dict[str, Tensor], share: float, into: IspCnn) -> None:
    first = running.state_dict()
    into.load_state_dict({name: torch.lerp(first[name], tensor, share) for name, tensor in trained.items()})
