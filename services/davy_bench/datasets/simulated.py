"""Pairs of the simulated mine, raw and evenly lit, with seeds that training never uses."""

from collections.abc import Sequence

from davy.imaging.iqa.seeds import check_evaluation_seeds
from davy_bench.datasets.cases import Case
from davy_simulator.world import Mine

EPOCH_NS = 1_767_225_600_000_000_000  # 2026-01-01: results are reproducible
FIRST_S, STEP_S = 6.5, 23.7  # not a multiple of any period of a lamp or a miner
Size = tuple[int, int]


def mine_cases(seeds: Sequence[int], frames: int, size: Size) -> list[Case]:
    """The same points in time at every place of every seed, grouped by place.

    Raises:
        ConfigError: a seed may be a training seed.
    """
    return [
        _case(mine, place, FIRST_S + index * STEP_S, size)
        for mine in (Mine(seed, EPOCH_NS) for seed in check_evaluation_seeds(seeds))
        for place in mine.places
        for index in range(frames)
    ]


def _case(mine: Mine, place: str, t_s: float, size: Size) -> Case:
    name = f"{place}, seed {mine.seed}, {t_s:.1f} s"
    return Case(name, place, lambda: (mine.render(place, t_s, size), mine.truth(place, t_s, size)))
