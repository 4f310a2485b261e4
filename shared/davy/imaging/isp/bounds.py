"""Clip a parameter to its range without losing it to training."""

from torch import Tensor


def clip(x: Tensor, least: float, most: float) -> Tensor:
    """Clip x to [least, most], any shape.

    The gradient reaches a value outside of the range where a descent step brings it back: torch.clamp would keep it there for
    good.
    """
    clipped = x.clamp(least, most)
    if not x.requires_grad:
        return clipped
    outside = clipped.detach() - x.detach()  # positive below the range, negative above
    through = x + outside

    def inwards(gradient: Tensor) -> Tensor:
        return gradient.masked_fill(outside * gradient > 0, 0)

    through.register_hook(inwards)  # type: ignore[no-untyped-call]
    return through
