"""The pointer of one payload on an edge's disk: one JSON file, replaced atomically, so that a kill leaves exactly one state."""

import threading
from contextlib import suppress
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import ValidationError

from davy.atomic import write_atomic
from davy.domain.validation import first_error
from davy.telemetry import get_logger
from davy.twin.protocol import Pointer

log = get_logger(__name__)

SECRET = 0o600  # a configuration holds the cameras' passwords
P = TypeVar("P", bound=Pointer)


class StateFile(Generic[P]):
    """active.json in a folder that only the edge's user reads. Calls block: make them off the event loop.

    Args:
        initial: The pointer of an edge that never accepted a desired state.
    """

    def __init__(self, folder: Path, initial: P) -> None:
        self._path, self._lock = folder / "active.json", threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)  # a payload may hold passwords
        self.set_aside = ""  # what became of a damaged file
        self.pointer = self._read(initial)

    def update(self, *, remember: bool = False, **changes: object) -> None:
        """Change the pointer, on disk first.

        Args:
            remember: Change it in memory alone if the disk fails, so that the device still reports the truth.
            changes: New values of its fields.

        Raises:
            OSError: the disk is full or fails, and remember is not set; the pointer is unchanged.
        """
        with self._lock:
            changed = type(self.pointer).model_validate({**dict(self.pointer), **changes})
            try:
                write_atomic(self._path, changed.model_dump_json(indent=1, by_alias=True).encode(), SECRET)
            except OSError as error:
                if not remember:
                    raise
                log.error("twin.pointer_not_written", path=str(self._path), error=str(error))
            self.pointer = changed

    def _read(self, initial: P) -> P:
        try:
            return type(initial).model_validate_json(self._path.read_bytes())
        except FileNotFoundError:
            return initial
        except (OSError, ValidationError) as error:  # the write is atomic: the disk itself is damaged
            reason = first_error(error) if isinstance(error, ValidationError) else str(error)  # not its input: passwords
            log.error("twin.pointer_damaged", path=str(self._path), error=reason[:300])
            self.set_aside = f"{self._path.parent.name}/{self._path.name} was damaged and set aside: {reason[:200]}"
            with suppress(OSError):
                self._path.replace(self._path.with_suffix(".damaged"))
            return initial
