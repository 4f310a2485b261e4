"""Data-parallel training: `torchrun --nproc-per-node 2 -m davy train self-supervised ...`, with gloo, on CPUs.

Each rank processes its share of every batch. Gradients and logged values are averaged, so all ranks hold the same weights;
rank 0 writes. Without torchrun these functions do nothing.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import torch
import torch.distributed as dist

from davy.domain.errors import ConfigError


@contextmanager
def init() -> Iterator[None]:
    """Join the process group of torchrun, and leave it at the end."""
    if not is_distributed():
        yield
        return
    dist.init_process_group("gloo")
    try:
        yield
    finally:
        dist.destroy_process_group()


def is_distributed() -> bool:
    """Return whether torchrun started several processes."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def count() -> int:
    return dist.get_world_size() if dist.is_initialized() else 1


def is_first() -> bool:
    """Return whether this is rank 0, which writes and prints."""
    return not dist.is_initialized() or dist.get_rank() == 0


def rank() -> tuple[int, int]:
    """Return the rank of this process and the world size."""
    return (dist.get_rank(), count()) if dist.is_initialized() else (0, 1)


def local_indices(batch: int) -> range:
    """Return the indices of this rank's pictures in a batch.

    Raises:
        ConfigError: The batch does not split evenly.
    """
    if batch % count():
        raise ConfigError(f"a batch of {batch} does not split evenly among {count()} processes: set another batch")
    share = batch // count()
    first = share * rank()[0]
    return range(first, first + share)


def average(net: torch.nn.Module, values: Mapping[str, float]) -> dict[str, float]:
    """Average the gradients of net over all ranks, in place.

    Args:
        values: Of this rank; all ranks have the same names.

    Returns:
        The means of the values over all ranks.
    """
    if count() == 1:
        return dict(values)
    gradients = [parameter.grad for parameter in net.parameters() if parameter.grad is not None]
    flat = torch.cat([*(gradient.reshape(-1) for gradient in gradients), gradients[0].new_tensor(list(values.values()))])
    dist.all_reduce(flat)
    flat /= count()
    *means, averaged = torch.split(flat, [*(gradient.numel() for gradient in gradients), len(values)])
    for gradient, mean in zip(gradients, means, strict=True):
        gradient.copy_(mean.view_as(gradient))
    return dict(zip(values, averaged.tolist(), strict=True))


def broadcast(value: float) -> float:
    """Return the value of rank 0 on every rank, so that clocks cannot make ranks diverge."""
    if count() == 1:
        return value
    tensor = torch.tensor([value], dtype=torch.float64)
    dist.broadcast(tensor, 0)
    return float(tensor)


def any_rank(stop: Callable[[], bool]) -> bool:
    """Return True on every rank as soon as stop() is true on one."""
    stopping = stop()
    if count() == 1:
        return stopping
    flag = torch.tensor([int(stopping)])
    dist.all_reduce(flag, dist.ReduceOp.MAX)
    return bool(flag)


def barrier() -> None:
    """Wait until every rank has arrived."""
    if count() > 1:
        dist.barrier()
