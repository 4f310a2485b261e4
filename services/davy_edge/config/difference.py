"""What changes between two configurations of an edge, camera by camera: what does not change is not touched."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from davy.site import CameraConfig

OPENED_WITH = frozenset({"source", "width", "height", "timeout_s"})
"""Settings that a source is opened with; everything else is taken over between two frames."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Cameras by what happens to them. tuned: other settings, the same source, which stays open."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    reopened: tuple[str, ...]
    tuned: tuple[str, ...]

    @classmethod
    def between(cls, old: Mapping[str, CameraConfig], new: Mapping[str, CameraConfig]) -> Self:
        changed = {name: _changes(old[name], new[name]) for name in new if name in old}
        return cls(
            added=tuple(name for name in new if name not in old),
            removed=tuple(name for name in old if name not in new),
            reopened=tuple(name for name, fields in changed.items() if fields & OPENED_WITH),
            tuned=tuple(name for name, fields in changed.items() if fields and not fields & OPENED_WITH),
        )

    def __str__(self) -> str:
        parts = {"added": self.added, "removed": self.removed, "opened anew": self.reopened, "tuned": self.tuned}
        return "; ".join(f"{title} {', '.join(names)}" for title, names in parts.items() if names) or "nothing changes"


def _changes(old: CameraConfig, new: CameraConfig) -> set[str]:
    return {field for field in CameraConfig.model_fields if getattr(old, field) != getattr(new, field)}
