"""Model registry: content-addressed signed packages on a file system or an object storage of fsspec.

Three kinds of objects below one URL, each written atomically:

    packages/<sha256>.zip     a package file
    models/<id>.json          its entry, which makes it visible; written last and deleted first
    tags/<tag>.json           a name for an id

A crash leaves at most a package without an entry, which is invisible and removed by `sweep`. Packages without a signature
are no models: see candidate_registry.
"""

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from davy.adapters.process.judge import judge
from davy.adapters.storage.candidate_registry import CandidateRegistry
from davy.adapters.storage.object_files import ObjectFiles
from davy.atomic import failpoint
from davy.domain.errors import (
    ConfigError,
    ConflictError,
    UnknownModelError,
)
from davy.domain.secret_url import SecretUrl
from davy.models import KeySet, Manifest, ModelKind, Package, open_package
from davy.models.manifest import DIGEST

TAG_PATTERN = r"^[a-z][a-z0-9.-]{0,63}$"
MIN_PREFIX = 4
ORPHAN_AFTER = timedelta(hours=1)


class Entry(BaseModel):
    """One model of the registry."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=DIGEST)
    sha256: str = Field(pattern=DIGEST, description="Digest of the package.")
    size: int = Field(ge=0, description="Size of the package in bytes.")
    key: str = Field(description="Id of the signing key.")
    added: AwareDatetime
    manifest: Manifest
    card: str = ""
    tags: tuple[str, ...] = ()

    @property
    def frame_id(self) -> str:
        return self.manifest.frame_id

    @property
    def kind(self) -> ModelKind:
        """What the model does."""
        return self.manifest.kind


class ModelRegistry:
    """Calls block, and may come from any thread.

    Args:
        url: file:///srv/models, s3://bucket/models (needs s3fs), memory://models, ...; a plain path is a folder.
        trust: Keys of accepted packages; a file is read at each use.

    Raises:
        ConfigError: no installed file system opens the URL.
    """

    def __init__(self, url: SecretUrl | str, trust: KeySet | Path) -> None:
        self._files, self._trust = ObjectFiles(url), trust
        self.url = self._files.url
        self.candidates = CandidateRegistry(url)

    def add(self, data: bytes, run: bool = True) -> Entry:
        """Verify a package like an edge does, and store it; an existing package stays unchanged. Its candidate ends.

        Args:
            run: Also run its golden vectors here, in a process with limits.

        Raises:
            ModelRefusedError: the package violates a rule.
            StorageFullError, RegistryUnavailableError: it cannot be stored; no part of it becomes visible.
        """
        trust = self._keys()
        package = open_package(data, trust, trust.now())
        if run:
            judge(package.data)
        known = self._entry(package.id)
        if known is not None and known.sha256 == package.sha256:
            self.candidates.delete(package.id)
            return self._tagged(known)
        entry = _entry_of(package)
        self._files.write(f"packages/{package.sha256}.zip", data)
        failpoint("registry.package")
        self._files.write(f"models/{package.id}.json", entry.model_dump_json(exclude={"tags"}).encode())
        if known is not None:  # signed again by another key
            self._files.remove(f"packages/{known.sha256}.zip")
        self.candidates.delete(package.id)
        return self._tagged(entry)

    def entries(self) -> list[Entry]:
        """List all models, newest first."""
        tags = self.tags()
        entries = [
            entry for data in self._files.read_all("models", ".json").values() if (entry := _read_entry(data)) is not None
        ]
        named = [entry.model_copy(update={"tags": _tags_of(entry.id, tags)}) for entry in entries]
        return sorted(named, key=lambda entry: (entry.manifest.created, entry.added), reverse=True)

    def get(self, name: str) -> Entry:
        """Find a model by its id, the start of an id, the id in its frames, or a tag.

        Raises:
            UnknownModelError: no model or several models match.
        """
        if re.fullmatch(DIGEST, name) and (entry := self._entry(name)) is not None:
            return self._tagged(entry)
        tags = self.tags()
        if name in tags and (entry := self._entry(tags[name])) is not None:
            return self._tagged(entry)
        found = [each for each in self.entries() if _goes_by(each, name)]
        if not found and len(name) >= MIN_PREFIX and any(each.startswith(name) for each in self.candidates.names()):
            raise UnknownModelError(name, "it is a candidate without a signature: sign it by `davy models sign`")
        if len(found) != 1:
            raise UnknownModelError(
                name, f"{len(found)} models begin with it: give more digits" if found else "no such id or tag"
            )
        return found[0]

    def read(self, entry: Entry) -> bytes:
        """Read the package of a model.

        Raises:
            ModelRefusedError: the stored package changed.
        """
        data = self._files.read(f"packages/{entry.sha256}.zip")
        if data is None:
            raise UnknownModelError(entry.id, "its package is missing in the registry")
        open_package(data, self._keys(), None)
        return data

    def open(self, entry: Entry) -> Package:
        """Read the package of a model and verify it again."""
        return self.verify(self.read(entry))

    def verify(self, data: bytes) -> Package:
        """Verify a package that need not be in the registry, by the registry's keys."""
        return open_package(data, self._keys(), None)

    def tags(self) -> dict[str, str]:
        """Model ids by tag."""
        return {name: str(json.loads(data)["id"]) for name, data in self._files.read_all("tags", ".json").items() if data}

    def tag(self, entry: Entry, tag: str) -> None:
        """Tag a model; an existing tag moves to it.

        Raises:
            ConfigError: the tag is not legal.
        """
        _check_tag(tag)
        content = {"id": entry.id, "at": datetime.now(UTC).isoformat()}
        self._files.write(f"tags/{tag}.json", json.dumps(content).encode())

    def untag(self, tag: str) -> None:
        """Remove a tag.

        Raises:
            ConfigError: the tag is not legal.
        """
        _check_tag(tag)
        self._files.remove(f"tags/{tag}.json")

    def delete(self, entry: Entry, protected: Sequence[str] = ()) -> None:
        """Delete a model.

        Args:
            protected: Ids of models that edges run.

        Raises:
            ConflictError: the model has a tag, or an edge runs it.
        """
        if entry.tags:
            raise ConflictError(f"model {entry.id[:12]} is tagged {', '.join(entry.tags)}: remove the tag first")
        if entry.id in protected:
            raise ConflictError(f"model {entry.id[:12]} runs on an edge, or is the model that it would return to")
        self._files.remove(f"models/{entry.id}.json")
        failpoint("registry.entry")
        self._files.remove(f"packages/{entry.sha256}.zip")

    def retire(self, keep: int, older_than: timedelta, protected: Sequence[str] = (), dry_run: bool = False) -> list[Entry]:
        """Delete old models; keep the newest `keep` of each kind, tagged and running ones, and newer ones than older_than."""
        before, entries = datetime.now(UTC) - older_than, self.entries()
        spare = {entry.id for kind in ModelKind for entry in [each for each in entries if each.kind is kind][keep:]}
        old = [entry for entry in entries if entry.id in spare and entry.added < before]
        gone = [entry for entry in old if not entry.tags and entry.id not in protected]
        if not dry_run:
            for entry in gone:
                self.delete(entry, protected)
            self.sweep()
        return gone

    def sweep(self) -> int:
        """Remove packages without an entry that are older than an hour, left by a crash; return their number."""
        wanted = {entry.sha256 for entry in self.entries()}
        orphans = [f"packages/{name}.zip" for name in self._files.names("packages", ".zip") if name not in wanted]
        gone = [path for path in orphans if self._files.age(path) > ORPHAN_AFTER]
        for path in gone:
            self._files.remove(path)
        return len(gone)

    def _keys(self) -> KeySet:
        return KeySet.load(self._trust) if isinstance(self._trust, Path) else self._trust

    def _entry(self, model_id: str) -> Entry | None:
        data = self._files.read(f"models/{model_id}.json")
        return _read_entry(data) if data is not None else None

    def _tagged(self, entry: Entry) -> Entry:
        return entry.model_copy(update={"tags": _tags_of(entry.id, self.tags())})


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
