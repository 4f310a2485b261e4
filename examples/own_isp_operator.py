"""An ISP operator of one's own: local contrast, differentiable, with its parameter found by gradient descent.

    python examples/own_isp_operator.py        # needs torch: `pip install '.[trainer]'`

To make it part of the ISP-CNN, put the function into a file of shared/davy/imaging/isp/ and call it in pipeline.py. Let the
network set its parameter (Parameters), and write the same arithmetic in shared/davy/imaging/runtime/: the parity test compares
both.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from davy.imaging.isp.luminance import luma

WINDOW = 9  # pixels per side of the neighbourhood; odd


def adjust_local_contrast(image: Tensor, amount: Tensor) -> Tensor:
    """Scale the difference between a pixel's luma and the mean of its neighbourhood.

    Args:
        image: Display-encoded RGB, shape (B, 3, H, W), float in [0, 1].
        amount: Per image, shape (B,): 0 flattens, 1 is the identity, 2 doubles.

    Returns:
        Shape of image, clipped to [0, 1]; differentiable in both arguments.
    """
    grey = luma(image)  # (B, 1, H, W)
    mean = F.avg_pool2d(F.pad(grey, (WINDOW // 2,) * 4, mode="reflect"), WINDOW, stride=1)
    return (image + (amount.view(-1, 1, 1, 1) - 1) * (grey - mean)).clamp(0, 1)


def main() -> None:
    torch.manual_seed(1)
    image = 0.4 + 0.2 * torch.rand(2, 3, 64, 64)
    wanted = torch.tensor([0.5, 1.7])
    target = adjust_local_contrast(image, wanted)
    amount = torch.ones(2, requires_grad=True)
    optimizer = torch.optim.Adam([amount], lr=0.05)
    for _ in range(200):
        optimizer.zero_grad()
        loss = (adjust_local_contrast(image, amount) - target).square().mean()
        loss.backward()
        optimizer.step()
    print(f"wanted {wanted.tolist()}, found {[round(value, 2) for value in amount.tolist()]}")


if __name__ == "__main__":
    main()
