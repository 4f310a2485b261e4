"""A place whose light is no more what it was: lamps dimmed, out or of another colour, more dust."""

from dataclasses import dataclass, replace

from davy.domain.errors import ConfigError
from davy_simulator.places import Place

RANGES = {"dim": (0.0, 4.0), "kelvin": (1500.0, 15000.0), "dust": (0.0, 20.0), "from": (0.0, 1e9)}


@dataclass(frozen=True, slots=True)
class Change:
    """What befell a place. Its camera keeps the exposure of the usual light: it was at its limit already."""

    dim: float = 1.0  # factor on the power of every fixed lamp
    out: tuple[int, ...] = ()  # lamps that burn no more, by their place in the row
    kelvin: float | None = None  # colour temperature of all fixed lamps
    dust: float = 1.0  # factor on the extinction

    def of(self, place: Place) -> Place:
        """The place after it."""
        lamps = tuple(
            replace(
                lamp,
                power=0.0 if index in self.out else lamp.power * self.dim,
                temperature_k=lamp.temperature_k if self.kelvin is None else self.kelvin,
            )
            for index, lamp in enumerate(place.lamps)
        )
        return replace(place, lamps=lamps, extinction_per_m=place.extinction_per_m * self.dust)


USUAL = Change()


def parse_change(words: dict[str, str], place: Place) -> tuple[Change, float]:
    """Parse a change of light, such as dim=0.3 or out=0,2, and its start in s of the mine's time (from=60; default 0).

    Raises:
        ConfigError: a word is unknown or out of range.
    """
    numbers = {name: _number(name, text) for name, text in words.items() if name in RANGES}
    out: tuple[int, ...] = ()
    if "out" in words:
        parts = words["out"].split(",")
        if not all(part.isdecimal() and int(part) < len(place.lamps) for part in parts):
            raise ConfigError(f"out={words['out']}: {place.name} has the lamps 0 to {len(place.lamps) - 1}; write out=0,2")
        out = tuple(map(int, parts))
    if unknown := sorted(set(words) - set(RANGES) - {"out"}):
        raise ConfigError(f"{unknown[0]}: a place's light changes by {', '.join((*RANGES, 'out'))}")
    change = Change(numbers.get("dim", 1.0), out, numbers.get("kelvin"), numbers.get("dust", 1.0))
    return change, numbers.get("from", 0.0)


def _number(name: str, text: str) -> float:
    least, most = RANGES[name]
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not least <= number <= most:
        raise ConfigError(f"{name}={text}: write a number from {least:g} to {most:g}")
    return number
