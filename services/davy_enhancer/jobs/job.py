"""A job and its folder: job.json, the upload, the result."""

import time
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, Field, ValidationError

from davy.domain.dials import NEUTRAL, Dials
from davy_enhancer.files import written_name

MAX_FAILURES = 1000  # stored lines, of failures and of notes


class State(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"

    @property
    def final(self) -> bool:
        return self in (State.DONE, State.FAILED)


class Job(BaseModel):
    """State of a job, written to disk on each change of state."""

    id: str
    kind: Literal["video", "zip"]
    name: str  # file name of the upload, without folders
    strength: float = 1.0
    quality: int = 90
    dials: Dials = NEUTRAL
    created: float = Field(default_factory=time.time)  # Unix time, s
    finished: float | None = None
    state: State = State.QUEUED
    attempts: int = Field(0, ge=0)  # how often it was begun: it may be what ends the service
    progress: float = 0.0  # 0 to 1
    detail: str = ""  # reason of a failure
    failures: list[str] = []  # failed files of a ZIP archive
    notes: list[str] = []  # on enhanced files, such as omitted streams
    result_bytes: int = 0

    @property
    def result_name(self) -> str:
        path = Path(written_name(self.name))
        return f"{path.stem}-enhanced{path.suffix}"


class Folder:
    """The folder of one job."""

    def __init__(self, path: Path, job: Job) -> None:
        self.path, self.job = path, job

    @property
    def upload(self) -> Path:
        return self.path / f"upload{Path(self.job.name).suffix}"

    @property
    def result(self) -> Path:
        return self.path / f"result{Path(written_name(self.job.name)).suffix}"

    def save(self) -> None:
        """Write job.json atomically: a reader, or a start after a crash, finds the old or the new one."""
        temporary = self.path / "job.json.part"
        temporary.write_text(self.job.model_dump_json(), encoding="utf-8")
        temporary.replace(self.path / "job.json")

    def remove(self) -> None:
        """Remove the folder; job.json first, so that a crash in between leaves no job."""
        for path in sorted(self.path.iterdir(), key=lambda each: each.name != "job.json"):
            path.unlink(missing_ok=True)
        self.path.rmdir()

    def tidy(self) -> None:
        """Remove temporary files left by a crash."""
        for path in self.path.iterdir():
            if path not in (self.path / "job.json", self.upload, self.result):
                path.unlink()

    @classmethod
    def load(cls, path: Path) -> Self | None:
        """Read the job of a folder; return None for an incomplete upload."""
        try:
            return cls(path, Job.model_validate_json((path / "job.json").read_bytes()))
        except (OSError, ValidationError):
            return None


def load_all(data: Path) -> Iterator[Folder]:
    """Yield every job on disk, oldest first, and remove incomplete uploads."""
    found = []
    for path in data.iterdir():
        if not path.is_dir():
            continue
        folder = Folder.load(path)
        if folder is None:
            Folder(path, Job(id=path.name, kind="zip", name="")).remove()
        else:
            folder.tidy()
            found.append(folder)
    yield from sorted(found, key=lambda folder: folder.job.created)
