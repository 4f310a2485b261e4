"""The compared methods: raw, classical baselines, Davy."""

from collections.abc import Callable, Mapping, Sequence

from davy.domain.errors import ConfigError
from davy.domain.frame import BgrImage
from davy.imaging.runtime import StillEnhancer
from davy_bench.methods.baselines import BASELINES

RAW = "raw"
DAVY = "Davy"
Method = Callable[[BgrImage], BgrImage]


def select_methods(names: Sequence[str], still: StillEnhancer) -> Mapping[str, Method]:
    """Select methods by name, in the order of the tables: raw, the named baselines, Davy.

    Raises:
        ConfigError: a name is unknown.
    """
    known = {_normalised(name): name for name in (RAW, *BASELINES, DAVY)}
    if unknown := [name for name in names if _normalised(name) not in known]:
        raise ConfigError(f"unknown method {unknown[0]!r}: choose from {', '.join(BASELINES)}, or none")
    selected = {known[_normalised(name)] for name in names}
    baselines = {name: method for name, method in BASELINES.items() if name in selected}
    return {RAW: lambda image: image, **baselines, DAVY: still.enhance}


def _normalised(name: str) -> str:
    return "".join(character for character in name.lower() if character.isalnum())
