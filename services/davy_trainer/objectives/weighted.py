"""Losses with their weights."""

from collections.abc import Callable, Mapping

from torch import Tensor

Weighted = Mapping[str, tuple[float, Callable[[], Tensor]]]
"""By the name in the log: the weight, and the function that computes the loss, a scalar."""


def weighted(losses: Weighted) -> dict[str, Tensor]:
    """Return each loss times its weight; a loss of weight 0 is not computed."""
    return {name: weight * loss() for name, (weight, loss) in losses.items() if weight > 0}
