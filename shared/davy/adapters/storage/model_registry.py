"""Model registry: content-addressed signed packages on a file system or an object storage of fsspec.

Three kinds of objects below one URL, each written atomically:

    packages/<sha256>.zip     a package as it travels
    models/<id>.json          its entry: what makes it visible, written last and deleted first
    tags/<tag>.json           a name for an id

A crash leaves at most a package without an entry, which nobody sees and `sweep` removes.
"""

import errno
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import fsspec
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from davy.atomic import failpoint, write_atomic
from davy.domain.errors import (
    ConfigError,
    ConflictError,
    DavyError,
    RegistryUnavailableError,
    StorageFullError,
    UnknownModelError,
)
from davy.domain.extras import install_command
from davy.domain.urls import redact
from davy.models import KeySet, Manifest, Package, open_package
from davy.models.manifest import DIGEST

TAG_PATTERN = r"^[a-z][a-z0-9.-]{0,63}$"
MIN_PREFIX = 4
OBJECT_STORES = {"s3", "s3a", "gs", "gcs", "abfs", "az", "oci"}  # makedirs would create the bucket of a mistyped name
ORPHAN_AFTER = timedelta(hours=1)
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Entry(BaseModel):
    """One model of the registry."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=DIGEST)
    sha256: str = Field(pattern=DIGEST, description="Of the package.")
    size: int = Field(ge=0, description="Of the package, in bytes.")
    key: str = Field(description="Who signed it.")
    added: AwareDatetime
    manifest: Manifest
    card: str = ""
    tags: tuple[str, ...] = ()

    @property
    def frame_id(self) -> str:
        return self.manifest.frame_id


class ModelRegistry:
    """Calls block, and may come from any thread.

    Args:
        url: file:///srv/models, s3://bucket/models (needs s3fs), memory://models, ...; a plain path is a folder.
        trust: The keys whose packages are taken in and given out; a file is read again each time.

    Raises:
        ConfigError: nothing here opens such a URL.
    """

    def __init__(self, url: str, trust: KeySet | Path) -> None:
        self.url, self._trust = redact(url), trust
        try:
            self._fs, self._root = fsspec.core.url_to_fs(url)
        except (ImportError, ValueError) as error:
            raise ConfigError(f"registry {self.url}: {error}; for S3: {install_command('s3')}") from error
        protocols = _protocols(self._fs)
        self._local, self._has_folders = "file" in protocols, not OBJECT_STORES.intersection(protocols)

    def add(self, data: bytes, run: bool = True) -> Entry:
        """Verify a package like an edge does, and store it; an existing package stays unchanged.

        Args:
            run: Also run its golden vectors here.

        Raises:
            ModelRefusedError: a rule does not hold.
            StorageFullError, RegistryUnavailableError: it cannot be stored; no part of it becomes visible.
        """
        trust = self._keys()
        package = open_package(data, trust, trust.now())
        if run:
            package.load()
        known = self._entry(package.id)
        if known is not None and known.sha256 == package.sha256:
            return self._tagged(known)
        entry = _entry_of(package)
        self._write(f"packages/{package.sha256}.zip", data)
        failpoint("registry.package")
        self._write(f"models/{package.id}.json", entry.model_dump_json(exclude={"tags"}).encode())
        if known is not None:  # signed again by another key
            self._remove(f"packages/{known.sha256}.zip")
        return self._tagged(entry)

    def entries(self) -> list[Entry]:
        """List all models, newest first."""
        with self._translated():
            paths = self._names("models", ".json")
            found = self._fs.cat([self._path(f"models/{name}.json") for name in paths], on_error="omit") if paths else {}
        tags = self.tags()
        entries = [entry for data in found.values() if (entry := _read_entry(data)) is not None]
        named = [entry.model_copy(update={"tags": _tags_of(entry.id, tags)}) for entry in entries]
        return sorted(named, key=lambda entry: (entry.manifest.created, entry.added), reverse=True)

    def get(self, name: str) -> Entry:
        """Find a model by its id, the start of an id, the id in its frames, or a tag.

        Raises:
            UnknownModelError: there is none, or several.
        """
        if re.fullmatch(DIGEST, name) and (entry := self._entry(name)) is not None:
            return self._tagged(entry)
        tags = self.tags()
        if name in tags and (entry := self._entry(tags[name])) is not None:
            return self._tagged(entry)
        found = [each for each in self.entries() if _goes_by(each, name)]
        if len(found) != 1:
            raise UnknownModelError(
                name, f"{len(found)} models begin with it: give more digits" if found else "no such id or tag"
            )
        return found[0]

    def read(self, entry: Entry) -> bytes:
        """Read the package of a model.

        Raises:
            ModelRefusedError: the storage has altered it.
        """
        data = self._read(f"packages/{entry.sha256}.zip")
        if data is None:
            raise UnknownModelError(entry.id, "its package is missing in the registry")
        open_package(data, self._keys(), None)
        return data

    def open(self, entry: Entry) -> Package:
        """Read the package of a model and verify it again."""
        return open_package(self.read(entry), self._keys(), None)

    def tags(self) -> dict[str, str]:
        """Model ids by tag."""
        with self._translated():
            names = self._names("tags", ".json")
            found = self._fs.cat([self._path(f"tags/{name}.json") for name in names], on_error="omit") if names else {}
        by_path = {str(path).rpartition("/")[2].removesuffix(".json"): data for path, data in found.items()}
        return {name: str(json.loads(data)["id"]) for name, data in by_path.items() if data}

    def tag(self, entry: Entry, tag: str) -> None:
        """Tag a model; an existing tag moves to it.

        Raises:
            ConfigError: it is no legal tag.
        """
        _check_tag(tag)
        content = {"id": entry.id, "at": datetime.now(UTC).isoformat()}
        self._write(f"tags/{tag}.json", json.dumps(content).encode())

    def untag(self, tag: str) -> None:
        """Remove a tag.

        Raises:
            ConfigError: it is no legal tag.
        """
        _check_tag(tag)
        self._remove(f"tags/{tag}.json")

    def delete(self, entry: Entry, protected: Sequence[str] = ()) -> None:
        """Delete a model.

        Args:
            protected: Ids that run somewhere.

        Raises:
            ConflictError: it has a tag, or runs somewhere.
        """
        if entry.tags:
            raise ConflictError(f"model {entry.id[:12]} is tagged {', '.join(entry.tags)}: remove the tag first")
        if entry.id in protected:
            raise ConflictError(f"model {entry.id[:12]} runs on an edge, or is the model that it would return to")
        self._remove(f"models/{entry.id}.json")
        failpoint("registry.entry")
        self._remove(f"packages/{entry.sha256}.zip")

    def retire(self, keep: int, older_than: timedelta, protected: Sequence[str] = (), dry_run: bool = False) -> list[Entry]:
        """Delete old models; keep the newest `keep`, tagged and running models, and those added within older_than."""
        before = datetime.now(UTC) - older_than
        old = [entry for entry in self.entries()[keep:] if entry.added < before]
        gone = [entry for entry in old if not entry.tags and entry.id not in protected]
        if not dry_run:
            for entry in gone:
                self.delete(entry, protected)
            self.sweep()
        return gone

    def sweep(self) -> int:
        """Remove packages without an entry that are older than an hour, left by a crash; return their number."""
        wanted = {entry.sha256 for entry in self.entries()}
        gone = 0
        with self._translated():
            for name in self._names("packages", ".zip"):
                path = self._path(f"packages/{name}.zip")
                if name not in wanted and _age(self._fs, path) > ORPHAN_AFTER:
                    self._fs.rm_file(path)
                    gone += 1
        return gone

    def _keys(self) -> KeySet:
        return KeySet.load(self._trust) if isinstance(self._trust, Path) else self._trust

    def _entry(self, model_id: str) -> Entry | None:
        data = self._read(f"models/{model_id}.json")
        return _read_entry(data) if data is not None else None

    def _tagged(self, entry: Entry) -> Entry:
        return entry.model_copy(update={"tags": _tags_of(entry.id, self.tags())})

    def _path(self, name: str) -> str:
        return f"{self._root.rstrip('/')}/{name}"

    def _names(self, folder: str, suffix: str) -> list[str]:
        try:
            self._fs.invalidate_cache()
            paths = self._fs.ls(self._path(folder), detail=False)
        except FileNotFoundError:
            return []
        names = [str(path).rpartition("/")[2] for path in paths]
        return [name.removesuffix(suffix) for name in names if name.endswith(suffix) and not name.startswith(".")]

    def _read(self, name: str) -> bytes | None:
        with self._translated():
            try:
                data: bytes = self._fs.cat_file(self._path(name))
            except FileNotFoundError:
                return None
            return data

    def _write(self, name: str, data: bytes) -> None:
        path = self._path(name)
        with self._translated():
            if self._local:
                Path(path).parent.mkdir(parents=True, exist_ok=True)
                write_atomic(Path(path), data)
            else:  # an object appears when its upload ends
                if self._has_folders:
                    self._fs.makedirs(path.rpartition("/")[0], exist_ok=True)
                self._fs.pipe_file(path, data)

    def _remove(self, name: str) -> None:
        with self._translated():
            try:
                self._fs.rm_file(self._path(name))
            except FileNotFoundError:
                return

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except DavyError:
            raise
        except OSError as error:
            if error.errno in _FULL:
                raise StorageFullError(self.url, error.strerror or str(error)) from error
            raise RegistryUnavailableError(self.url, str(error)) from error
        except Exception as error:  # fsspec's storages share no base class of errors
            raise RegistryUnavailableError(self.url, f"{type(error).__name__}: {error}") from error


def _check_tag(tag: str) -> None:
    if not re.fullmatch(TAG_PATTERN, tag) or re.fullmatch(r"[0-9a-f]{4,64}", tag):
        raise ConfigError(f"tag {tag!r}: begin with a letter; use a-z, 0-9, '.', '-'; it may not read as an id")


def _entry_of(package: Package) -> Entry:
    return Entry(
        id=package.id,
        sha256=package.sha256,
        size=len(package.data),
        key=package.signature.key,
        added=datetime.now(UTC),
        manifest=package.manifest,
        card=package.card,
    )


def _read_entry(data: Any) -> Entry | None:  # noqa: ANN401  # fsspec gives bytes, or an exception
    """Parse an entry; None for a damaged file, which must not hide the others."""
    try:
        entry = Entry.model_validate_json(data)
    except (ValidationError, TypeError):
        return None
    return entry if entry.manifest.id == entry.id else None


def _goes_by(entry: Entry, name: str) -> bool:
    return entry.frame_id == name or (len(name) >= MIN_PREFIX and entry.id.startswith(name))


def _tags_of(model_id: str, tags: dict[str, str]) -> tuple[str, ...]:
    return tuple(sorted(tag for tag, tagged in tags.items() if tagged == model_id))


def _protocols(fs: Any) -> tuple[str, ...]:  # noqa: ANN401  # fsspec has no types
    return (fs.protocol,) if isinstance(fs.protocol, str) else tuple(fs.protocol)


def _age(fs: Any, path: str) -> timedelta:  # noqa: ANN401  # as above
    moment: datetime = fs.modified(path)
    return datetime.now(UTC) - (moment if moment.tzinfo else moment.replace(tzinfo=UTC))
