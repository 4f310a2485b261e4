"""Which seeds may be trained on and which judge: the one place where the two are kept apart.

A seed defines a world: the simulated mine's rock, people and dust, or the lamps that `davy.imaging.lowlight` hangs up.
"""

from collections.abc import Iterable

from davy.domain.errors import ConfigError

TRAINING_BELOW = 500  # seeds 0 to 499 make training pictures
JUDGING_FROM = 900  # seeds from here on make what a model is judged by; those between belong to nobody


def check_judging_seeds(seeds: Iterable[int]) -> tuple[int, ...]:
    """The seeds as they are, once each is known to be no seed of training.

    Raises:
        ConfigError: there is none, or one is below 900.
    """
    chosen = tuple(seeds)
    if not chosen:
        raise ConfigError(f"give at least one seed, {JUDGING_FROM} or higher")
    if trained := [seed for seed in chosen if seed < JUDGING_FROM]:
        raise ConfigError(
            f"seed {trained[0]} may have been trained on: training takes seeds below {TRAINING_BELOW}, "
            f"judge by seeds from {JUDGING_FROM} on"
        )
    return chosen
