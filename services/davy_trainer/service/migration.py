"""Names of stored records before 0.2, translated when a record is read."""

from collections.abc import Mapping
from typing import Any

RENAMED_FIELDS = {"part": "phase", "told": "message", "by": "trigger", "read": "progress_offset"}
RENAMED_PHASES = {"judge": "evaluate"}
RENAMED_FIGURES = {
    "held-accuracy": "held-out-accuracy",
    "held-unchanged-accuracy": "held-out-unchanged-accuracy",
}


def migrate_record(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a run, a state event or a drift measurement with today's names; today's own value wins."""
    found = {RENAMED_FIELDS.get(name, name): value for name, value in fields.items() if RENAMED_FIELDS.get(name) not in fields}
    if found.get("phase") in RENAMED_PHASES:
        found["phase"] = RENAMED_PHASES[found["phase"]]
    result = found.get("result")
    if isinstance(result, Mapping) and isinstance(figures := result.get("figures"), Mapping):
        renamed = {RENAMED_FIGURES.get(name, name): value for name, value in figures.items()}
        found["result"] = {**result, "figures": renamed}
    return found
