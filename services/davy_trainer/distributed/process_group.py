"""Several processes train one network: `torchrun --nproc-per-node 2 -m davy train self-supervised ...`, by gloo, on CPUs.

Each makes and sees its part of every batch; gradients and logged values are averaged, so that all hold the same weights, and
the first one writes. Without torchrun every function here does nothing.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import torch
import torch.distributed as dist

from davy.domain.errors import ConfigError


@contextmanager
def init() -> Iterator[None]:
    """Join the process group that torchrun started, and leave it at the end."""
    if not asked_for():
        yield
        return
    dist.init_process_group("gloo")
    try:
        yield
    finally:
        dist.destroy_process_group()


def asked_for() -> bool:
    """True in a process of several that torchrun has started."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def count() -> int:
    return dist.get_world_size() if dist.is_initialized() else 1


def is_first() -> bool:
    """True for the one process that writes and shows."""
    return not dist.is_initialized() or dist.get_rank() == 0


def rank() -> tuple[int, int]:
    """Return the rank of this process and the world size."""
    return (dist.get_rank(), count()) if dist.is_initialized() else (0, 1)


def part_of(batch: int) -> range:
    """Which pictures of a batch this process makes.

    Raises:
        ConfigError: the batch does not split evenly.
    """
    if batch % count():
        raise ConfigError(f"a batch of {batch} does not split evenly among {count()} processes: set another batch")
    share = batch // count()
    first = share * rank()[0]
    return range(first, first + share)


def average(net: torch.nn.Module, values: Mapping[str, float]) -> dict[str, float]:
    """Average the gradients of net over all processes, in place.

    Args:
        values: of this process; all processes have the same names.

    Returns:
        Their means over all processes.
    """
    if count() == 1:
        return dict(values)
    gradients = [parameter.grad for parameter in net.parameters() if parameter.grad is not None]
    flat = torch.cat([*(gradient.reshape(-1) for gradient in gradients), gradients[0].new_tensor(list(values.values()))])
    dist.all_reduce(flat)
    flat /= count()
    *means, told = torch.split(flat, [*(gradient.numel() for gradient in gradients), len(values)])
    for gradient, mean in zip(gradients, means, strict=True):
        gradient.copy_(mean.view_as(gradient))
    return dict(zip(values, told.tolist(), strict=True))


def broadcast(value: float) -> float:
    """Return the value of rank 0 on every rank, so that clocks cannot make ranks diverge."""
    if count() == 1:
        return value
    told = torch.tensor([value], dtype=torch.float64)
    dist.broadcast(told, 0)
    return float(told)


def any_rank(stop: Callable[[], bool]) -> bool:
    """Return True on every rank as soon as stop() is true on one."""
    asked = stop()
    if count() == 1:
        return asked
    flag = torch.tensor([int(asked)])
    dist.all_reduce(flag, dist.ReduceOp.MAX)
    return bool(flag)


def barrier() -> None:
    """Wait until every rank has arrived."""
    if count() > 1:
        dist.barrier()
