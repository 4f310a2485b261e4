"""The messages of REST about runs and health."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field

from davy_trainer.service.record import Progress, Result, RunPhase, RunRecord, RunState
from davy_trainer.service.settings import Kind

INTERNAL = {"created_ns", "started_ns", "ended_ns", "progress_offset"}  # fields of a record that no client gets


class RunView(BaseModel):
    """A run now."""

    id: str
    kind: Kind
    state: RunState
    phase: RunPhase = Field(description="The present or last phase.")
    trigger: str = Field(description="schedule or drift; empty for a request.")
    started_by: str = Field(description="Who requested it; empty for schedule and drift.")
    reason: str = Field(description="Why the run started.")
    message: str = Field(description="Status or final reason, in a sentence.")
    overrides: dict[str, Any]
    drifted: tuple[str, ...]
    created_at: str
    started_at: str | None
    ended_at: str | None
    kills: int = Field(description="Number of consecutive kills without progress.")
    cancelling: bool
    progress: Progress | None
    result: Result
    sheet: str | None = Field(examples=["/v1/training-runs/ID/sheet.jpg"])
    events: str

    @classmethod
    def of(cls, record: RunRecord, sheet: Path | None) -> "RunView":
        """Convert a stored record."""
        url = run_url(record.id)
        times = {f"{name}_at": _utc(getattr(record, f"{name}_ns")) for name in ("created", "started", "ended")}
        links = {"sheet": sheet_url(record.id, sheet), "events": f"{url}/events"}
        return cls.model_validate(record.model_dump(exclude=INTERNAL) | times | links)


class Runs(BaseModel):
    runs: list[RunView]


class Alive(BaseModel):
    status: str = "alive"


class Readiness(BaseModel):
    status: Literal["ready", "degraded"]
    active: bool = Field(description="Whether this service is active; a standby service waits for its lease.")
    errors: dict[str, str] = Field(description="Reason by failing component.")


def run_url(run: str) -> str:
    return f"/v1/training-runs/{run}"


def sheet_url(run: str, path: Path | None) -> str | None:
    """Return the URL of a sheet; its time makes a browser load each new sheet."""
    return f"{run_url(run)}/sheet.jpg?at={path.stat().st_mtime_ns // 1_000_000}" if path else None


def _utc(ns: int) -> str | None:
    return datetime.fromtimestamp(ns / 1e9, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z") if ns else None
