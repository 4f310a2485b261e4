"""What an edge keeps of its configuration: one file, replaced atomically, so that whatever is killed it names exactly one."""

import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from davy.atomic import write_atomic
from davy.telemetry import get_logger
from davy.twin.configuration import CONFIG_ID, MAX_EPOCH, ConfigState

log = get_logger(__name__)


class ConfigPointer(BaseModel):
    """What the edge runs, and what must be known after a kill -9.

    epoch is the highest that was seen, target what was told with it; running the configuration as it came, None for the one in
    site.yaml; previous the one before; attempts how often running was begun and not yet kept, 0 once it was; gone the cameras
    whose retained status the broker may still have.
    """

    model_config = ConfigDict(frozen=True)

    epoch: int = Field(0, ge=0, le=MAX_EPOCH)
    target: str = Field("", pattern=CONFIG_ID)
    state: ConfigState = ConfigState.WAITING
    reason: str = ""
    running: dict[str, Any] | None = None
    previous: dict[str, Any] | None = None
    attempts: int = Field(0, ge=0)
    gone: tuple[str, ...] = ()


class ConfigDisk:
    """Calls block: make them off the event loop. OSError means that the disk is full or fails; nothing is half done then."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "active.json"
        self._lock = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)  # the sources of cameras may hold passwords
        self.pointer = self._read()

    def point(self, **changes: object) -> ConfigPointer:
        """Change the pointer, on disk first.

        Raises:
            OSError: it stays as it was.
        """
        with self._lock:
            changed = ConfigPointer.model_validate({**dict(self.pointer), **changes})
            write_atomic(self._path, changed.model_dump_json(indent=1).encode())
            self.pointer = changed
            return changed

    def remember(self, **changes: object) -> None:
        """Change it where the disk takes nothing: what is true is at least told; the next boot finds it out again."""
        with self._lock:
            self.pointer = self.pointer.model_copy(update=changes)

    def _read(self) -> ConfigPointer:
        try:
            return ConfigPointer.model_validate_json(self._path.read_bytes())
        except FileNotFoundError:
            return ConfigPointer()
        except (OSError, ValidationError) as error:  # it is written atomically: the disk itself is damaged
            log.error("config.pointer_damaged", path=str(self._path), error=str(error)[:300])
            with suppress(OSError):
                self._path.replace(self._path.with_suffix(".damaged"))
            return ConfigPointer()
