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
def joined() -> Iterator[None]:
    """Meet the other processes that torchrun has started, and part at the end."""
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


def which() -> tuple[int, int]:
    """This process's number, from 0, and how many there are."""
    return (dist.get_rank(), count()) if dist.is_initialized() else (0, 1)


def part_of(batch: int) -> range:
    """Which pictures of a batch this process makes.

    Raises:
        ConfigError: the batch does not split evenly.
    """
    if batch % count():
        raise ConfigError(f"a batch of {batch} does not split evenly among {count()} processes: set another batch")
    share = batch // count()
    first = share * which()[0]
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
    flat = torch.cat([*(gradient.reshape(-1) for gradient in gradients), torch.tensor(list(values.values()))])
    dist.all_reduce(flat)
    flat /= count()
    *means, told = torch.split(flat, [*(gradient.numel() for gradient in gradients), len(values)])
    for gradient, mean in zip(gradients, means, strict=True):
        gradient.copy_(mean.view_as(gradient))
    return dict(zip(values, told.tolist(), strict=True))


def same(value: float) -> float:
    """The first process's value, for all: what clocks say must not part them."""
    if count() == 1:
        return value
    told = torch.tensor([value], dtype=torch.float64)
    dist.broadcast(told, 0)
    return float(told)


def agreed(stop: Callable[[], bool]) -> bool:
    """True for all as soon as one is asked to stop."""
    asked = stop()
    if count() == 1:
        return asked
    flag = torch.tensor([int(asked)])
    dist.all_reduce(flag, dist.ReduceOp.MAX)
    return bool(flag)


def meet() -> None:
    """Wait until all processes are here."""
    if count() > 1:
        dist.barrier()
