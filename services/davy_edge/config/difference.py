"""The difference between two configurations of an edge, by camera; unchanged cameras keep running."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from davy.site import CameraConfig

OPENED_WITH = frozenset({"source", "width", "height", "timeout_s", "tls", "decoder"})
"""Settings that require a reopened source; all others change between two frames."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Cameras by required action. tuned: settings change while the source stays open."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    reopened: tuple[str, ...]
    tuned: tuple[str, ...]

    @classmethod
    def between(cls, old: Mapping[str, CameraConfig], new: Mapping[str, CameraConfig]) -> Self:
        changed = {name: _changed_fields(old[name], new[name]) for name in new if name in old}
        return cls(
            added=tuple(name for name in new if name not in old),
            removed=tuple(name for name in old if name not in new),
            reopened=tuple(name for name, fields in changed.items() if fields & OPENED_WITH),
            tuned=tuple(name for name, fields in changed.items() if fields and not fields & OPENED_WITH),
        )

    def __str__(self) -> str:
        actions = {"added": self.added, "removed": self.removed, "reopened": self.reopened, "tuned": self.tuned}
        return "; ".join(f"{action} {', '.join(names)}" for action, names in actions.items() if names) or "nothing changes"


def _changed_fields(old: CameraConfig, new: CameraConfig) -> set[str]:
    return {field for field in CameraConfig.model_fields if getattr(old, field) != getattr(new, field)}
