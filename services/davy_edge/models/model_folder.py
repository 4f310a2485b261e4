"""What an edge keeps of models: the packages that it may need, one that is coming, and one file that says which runs.

active.json                    the pointer, replaced atomically: whatever is killed, it names one model
packages/<id>.zip              verified packages: the active one, the last good one, the one on trial
partial/<sha256>.part          a download that goes on where it ended
"""

import hashlib
import threading
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from pydantic import AwareDatetime, Field, ValidationError

from davy.atomic import failpoint, sync_folder, write_atomic
from davy.domain.errors import ModelRefusedError
from davy.models import MAX_PACKAGE_BYTES, Cause, KeySet, Package, open_package
from davy.telemetry import get_logger
from davy.twin.model import MODEL_ID, Desired, Reported, Target

log = get_logger(__name__)


class Pointer(Reported):
    """Which model runs, how it came to that, and what must be known after a kill -9.

    epoch is the highest that was seen; model what runs, empty for the one installed; previous the last good one; attempts how
    often the target was begun, so that one that ends the process is not tried for ever; newest when the newest model that was
    ever admitted was made: the time cannot be earlier.
    """

    previous: str = Field("", pattern=MODEL_ID)
    attempts: int = Field(0, ge=0)
    newest: AwareDatetime | None = None
    desired: Desired | None = None


class ModelDisk:
    """Calls block: make them off the event loop. OSError means that the disk is full or fails; nothing is half done then."""

    def __init__(self, folder: Path, trust: Path) -> None:
        self._folder, self._trust = folder, trust
        self._lock = threading.Lock()
        for name in ("packages", "partial"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        self.pointer = self._read_pointer()

    def point(self, **changes: object) -> Pointer:
        """Change the pointer, on disk first.

        Raises:
            OSError: it stays as it was.
        """
        with self._lock:
            changed = Pointer.model_validate({**dict(self.pointer), **changes})
            write_atomic(self._folder / "active.json", changed.model_dump_json(indent=1).encode())
            self.pointer = changed
            return changed

    def trust(self) -> KeySet:
        """The key set as it is now.

        Raises:
            ConfigError: it cannot be read.
        """
        return KeySet.load(self._trust)

    def trust_changed_ns(self) -> int:
        """When the key set was changed; 0 where there is none."""
        try:
            return self._trust.stat().st_mtime_ns
        except OSError:
            return 0

    def has(self, model: str) -> bool:
        return self._package(model).is_file()

    def open(self, model: str) -> Package:
        """A package that was admitted before, checked again but for the validity period of its key.

        Raises:
            ModelRefusedError: it was altered on disk, or its key was revoked.
        """
        package = open_package(self._read(model), self.trust(), None)
        if package.id != model:
            raise ModelRefusedError(Cause.DIGEST, f"{model[:12]}.zip holds {package.id[:12]}")
        return package

    def admit(self, target: Target) -> Package:
        """Check what was downloaded, and take it among the packages.

        Raises:
            ModelRefusedError: a rule does not hold; the download is gone.
        """
        partial = self.partial(target)
        try:
            data = partial.read_bytes()
            if hashlib.sha256(data).hexdigest() != target.sha256:
                raise ModelRefusedError(Cause.DIGEST, "the package is not the one that was announced")
            trust = self.trust()
            package = open_package(data, trust, trust.now(*[self.pointer.newest] if self.pointer.newest else []))
            if package.id != target.model:
                raise ModelRefusedError(Cause.DIGEST, f"the package holds {package.id[:12]}, announced was {target.model[:12]}")
        except ModelRefusedError:
            partial.unlink(missing_ok=True)
            raise
        partial.replace(self._package(target.model))
        sync_folder(self._folder / "packages")
        failpoint("model.admitted")
        return package

    def partial(self, target: Target) -> Path:
        """Where a download grows.

        Raises:
            ModelRefusedError: it would be too large for a package.
        """
        if not 0 < target.size <= MAX_PACKAGE_BYTES or not target.sha256:
            raise ModelRefusedError(
                Cause.TOO_LARGE, f"a package of {target.size:,} bytes; at most {MAX_PACKAGE_BYTES:,} are taken"
            )
        return self._folder / "partial" / f"{target.sha256}.part"

    def forget_all_but(self, *models: str) -> None:
        """Remove packages and downloads that nobody needs any more."""
        kept = [path for path in (self._folder / "packages").iterdir() if path.stem in models]
        for folder in ("packages", "partial"):
            for path in (self._folder / folder).iterdir():
                if path not in kept:
                    with suppress(OSError):  # it is tried again after the next model
                        path.unlink()

    def admitted(self, package: Package) -> datetime:
        """The floor of the clock once this package is in."""
        created = package.manifest.created
        return max(created, self.pointer.newest) if self.pointer.newest else created

    def _package(self, model: str) -> Path:
        return self._folder / "packages" / f"{model}.zip"

    def _read(self, model: str) -> bytes:
        path = self._package(model)
        try:
            with path.open("rb") as file:
                return file.read(MAX_PACKAGE_BYTES + 1)
        except OSError as error:
            raise ModelRefusedError(Cause.MISSING_FILE, f"{path}: {error.strerror}") from error

    def _read_pointer(self) -> Pointer:
        path = self._folder / "active.json"
        try:
            return Pointer.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return Pointer()
        except (OSError, ValidationError) as error:  # it is written atomically: the disk itself is damaged
            log.error("model.pointer_damaged", path=str(path), error=str(error)[:300])
            with suppress(OSError):
                path.replace(path.with_suffix(".damaged"))
            return Pointer()
