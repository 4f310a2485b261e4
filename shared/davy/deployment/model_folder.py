"""The model folder of a device.

active.json                    the pointer, see davy.twin.state_file
packages/<id>.zip              verified packages: active, previous, under evaluation
partial/<sha256>.part          a download, resumed after an interruption
"""

import hashlib
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from pydantic import AwareDatetime, Field

from davy.atomic import failpoint, sync_folder
from davy.domain.errors import ModelRefusedError
from davy.models import MAX_PACKAGE_BYTES, Cause, KeySet, Package, open_package
from davy.twin.model import DesiredModel, ModelState, Target
from davy.twin.protocol import SHA256, Pointer


class ModelPointer(Pointer):
    """active and previous are model ids, empty for the installed model.

    newest is the creation time of the newest model ever admitted, a lower bound of the present time. desired lets an
    interrupted edge continue offline.
    """

    state: ModelState = ModelState.WAITING
    active: str = Field("", alias="model", pattern=SHA256)
    previous: str = Field("", pattern=SHA256)
    newest: AwareDatetime | None = None
    desired: DesiredModel | None = None


class ModelFolder:
    """The package files. Calls block: make them off the event loop. OSError: the disk is full or fails."""

    def __init__(self, folder: Path, trust: Path) -> None:
        self._folder, self._trust = folder, trust
        for name in ("packages", "partial"):
            (folder / name).mkdir(parents=True, exist_ok=True)

    def trust(self) -> KeySet:
        """Read the key set; raise ConfigError if it is unreadable."""
        return KeySet.load(self._trust)

    def trust_changed_ns(self) -> int:
        """Return the modification time of the key set; 0 if there is none."""
        try:
            return self._trust.stat().st_mtime_ns
        except OSError:
            return 0

    def has(self, model: str) -> bool:
        """Return whether a package was admitted."""
        return self._package(model).is_file()

    def open(self, model: str) -> Package:
        """Verify and open an admitted package. Admission has checked the validity period of its key.

        Raises:
            ModelRefusedError: the package was altered on disk, or its key is revoked.
        """
        package = open_package(self._read(model), self.trust(), None)
        if package.id != model:
            raise ModelRefusedError(Cause.DIGEST, f"{model[:12]}.zip holds {package.id[:12]}")
        return package

    def admit(self, target: Target, newest: datetime | None) -> Package:
        """Verify a download and move it to the packages.

        Args:
            target: The package.
            newest: Lower bound of the present time, for a clock that is behind.

        Raises:
            ModelRefusedError: a rule is broken; the download has been removed.
        """
        partial = self.partial(target)
        try:
            data = partial.read_bytes()
            if hashlib.sha256(data).hexdigest() != target.sha256:
                raise ModelRefusedError(Cause.DIGEST, "the package does not match the announced digest")
            trust = self.trust()
            package = open_package(data, trust, trust.now(*[newest] if newest else []))
            if package.id != target.model:
                raise ModelRefusedError(
                    Cause.DIGEST, f"the package holds {package.id[:12]}, not the announced {target.model[:12]}"
                )
        except ModelRefusedError:
            partial.unlink(missing_ok=True)
            raise
        partial.replace(self._package(target.model))
        sync_folder(self._folder / "packages")
        failpoint("model.admitted")
        return package

    def partial(self, target: Target) -> Path:
        """Return the path of a download; raise ModelRefusedError if it is too large for a package."""
        if not 0 < target.size <= MAX_PACKAGE_BYTES or not target.sha256:
            raise ModelRefusedError(Cause.TOO_LARGE, f"{target.size:,} bytes exceed the limit of {MAX_PACKAGE_BYTES:,}")
        return self._folder / "partial" / f"{target.sha256}.part"

    def remove_all_but(self, *models: str) -> None:
        """Remove every download, and the packages of other models."""
        kept = [path for path in (self._folder / "packages").iterdir() if path.stem in models]
        for folder in ("packages", "partial"):
            for path in (self._folder / folder).iterdir():
                if path not in kept:
                    with suppress(OSError):  # the next call tries again
                        path.unlink()

    def _package(self, model: str) -> Path:
        return self._folder / "packages" / f"{model}.zip"

    def _read(self, model: str) -> bytes:
        path = self._package(model)
        try:
            with path.open("rb") as file:
                return file.read(MAX_PACKAGE_BYTES + 1)
        except OSError as error:
            raise ModelRefusedError(Cause.MISSING_FILE, f"{path}: {error.strerror}") from error
