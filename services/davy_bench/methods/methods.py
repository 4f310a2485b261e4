"""What is measured side by side: nothing at all, classical methods, Davy."""

from collections.abc import Callable, Mapping, Sequence

from davy.domain.errors import ConfigError
from davy.domain.frame import BgrImage
from davy.imaging.runtime import StillEnhancer
from davy_bench.methods.baselines import BASELINES

RAW = "raw"
DAVY = "Davy"
Method = Callable[[BgrImage], BgrImage]


def choose(names: Sequence[str], still: StillEnhancer) -> Mapping[str, Method]:
    """Methods by name, in the order of the tables: raw always, Davy always, between them the named baselines.

    Raises:
        ConfigError: a name is unknown.
    """
    known = {_plain(name): name for name in (RAW, *BASELINES, DAVY)}
    if unknown := [name for name in names if _plain(name) not in known]:
        raise ConfigError(f"no method {unknown[0]!r}: choose from {', '.join(BASELINES)}, or none for Davy alone")
    wanted = {known[_plain(name)] for name in names}
    baselines = {name: method for name, method in BASELINES.items() if name in wanted}
    return {RAW: lambda image: image, **baselines, DAVY: still.enhance}


def _plain(name: str) -> str:
    return "".join(character for character in name.lower() if character.isalnum())
