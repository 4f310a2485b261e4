"""Separate seeds for training and evaluation.

A seed defines a world: the rock, people and dust of the simulated mine, or the lamps of `davy.imaging.lowlight`.
"""

from collections.abc import Iterable

from davy.domain.errors import ConfigError

TRAINING_BELOW = 500  # training uses seeds 0 to 499
EVALUATION_FROM = 900  # evaluation uses these and higher seeds; a training run compares models on those between


def check_evaluation_seeds(seeds: Iterable[int]) -> tuple[int, ...]:
    """Return the seeds after checking that none is a training seed.

    Raises:
        ConfigError: no seed is given, or one is below 900.
    """
    checked = tuple(seeds)
    if not checked:
        raise ConfigError(f"give at least one seed, {EVALUATION_FROM} or higher")
    if trained := [seed for seed in checked if seed < EVALUATION_FROM]:
        raise ConfigError(
            f"seed {trained[0]} may be a training seed: training uses seeds below {TRAINING_BELOW}, "
            f"evaluate with seeds from {EVALUATION_FROM} on"
        )
    return checked
