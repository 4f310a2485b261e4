"""One job, and the folder that it lives in: job.json, the upload, and in the end the result."""

import time
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, Field, ValidationError

from davy_enhancer.files import written_name

MAX_FAILURES = 1000  # that are kept word by word, and as many notes


class State(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"

    @property
    def final(self) -> bool:
        return self in (State.DONE, State.FAILED)


class Job(BaseModel):
    """What is known of a job; written to disk whenever its state changes."""

    id: str
    kind: Literal["video", "zip"]
    name: str  # of the upload, without folders
    strength: float = 1.0
    quality: int = 90
    created: float = Field(default_factory=time.time)  # Unix time, s
    finished: float | None = None
    state: State = State.QUEUED
    progress: float = 0.0  # 0 to 1
    detail: str = ""  # why it failed
    failures: list[str] = []  # a zip's files that could not be done
    notes: list[str] = []  # what is worth knowing of those that were, such as streams that were left out
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
        """Write job.json so that a reader, or a start after a crash, sees the old or the new one whole."""
        temporary = self.path / "job.json.part"
        temporary.write_text(self.job.model_dump_json(), encoding="utf-8")
        temporary.replace(self.path / "job.json")

    def remove(self) -> None:
        """Every file in it, then itself; job.json first, so that a crash in between leaves no job."""
        for path in sorted(self.path.iterdir(), key=lambda each: each.name != "job.json"):
            path.unlink(missing_ok=True)
        self.path.rmdir()

    def tidy(self) -> None:
        """Remove what a crash left half written."""
        for path in self.path.iterdir():
            if path not in (self.path / "job.json", self.upload, self.result):
                path.unlink()

    @classmethod
    def load(cls, path: Path) -> Self | None:
        """The job that a folder holds; None for a folder whose upload never ended."""
        try:
            return cls(path, Job.model_validate_json((path / "job.json").read_bytes()))
        except (OSError, ValidationError):
            return None


def load_all(data: Path) -> Iterator[Folder]:
    """Every job on disk, oldest first; what is left of broken uploads is removed."""
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
