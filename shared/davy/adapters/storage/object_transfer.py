"""Carries the files of a folder into an object storage, and proves it."""

import hashlib
from pathlib import Path

from davy.adapters.storage.object_files import ObjectFiles
from davy.adapters.storage.transfer import DIGEST_BYTES, MODULUS, Carried, Digest, Progress
from davy.domain.errors import TransferError


class ObjectTransfer:
    """One transfer. Calls block. Killed in the middle, the next run continues with the files that are missing.

    Args:
        name: Of these files, for people.
        folder: Where the files are. Hidden files and folders are unfinished, and stay.
        target: Where they go.
        pattern: Which files.

    Raises:
        RegistryUnavailableError: The storage fails; every method raises it.
    """

    def __init__(self, name: str, folder: Path, target: ObjectFiles, pattern: str = "*") -> None:
        self.name, self._folder, self._target = name, folder, target
        found = (path.relative_to(folder) for path in folder.rglob(pattern) if path.is_file())
        seen = [path for path in found if not any(part.startswith(".") for part in path.parts)]
        # an entry makes its package visible: it comes after it
        self._names = [path.as_posix() for path in sorted(seen, key=lambda path: (path.suffix == ".json", path))]

    def copy(self, progress: Progress) -> None:
        """Copy every file that the target lacks.

        Raises:
            OSError: A file cannot be read.
        """
        for done, name in enumerate(self._names):
            progress(self.name, done, len(self._names))
            path = self._folder / name
            if self._target.size(name) != path.stat().st_size:
                self._target.write(name, path.read_bytes())
        progress(self.name, len(self._names), len(self._names))

    def verify(self, progress: Progress) -> Carried:
        """Read every file back and compare it.

        Raises:
            TransferError: A file differs.
        """
        totals, differing = [0, 0], list[str]()
        for done, name in enumerate(self._names):
            progress(f"verify {self.name}", done, len(self._names))
            both = (self._folder / name).read_bytes(), self._target.read(name)
            for side, data in enumerate(both):
                totals[side] += int.from_bytes(hashlib.blake2b(data or b"", digest_size=DIGEST_BYTES).digest())
            if both[0] != both[1]:
                differing.append(name)
        progress(f"verify {self.name}", len(self._names), len(self._names))
        if differing:
            raise TransferError("files", differing)
        source, target = (Digest(len(self._names), total % MODULUS) for total in totals)
        return Carried(self.name, source, target)
