"""Candidates of a model registry: packages that wait for a person's signature.

Two objects of each below the registry's URL, written atomically:

    candidates/<id>.zip     the package without a signature
    candidates/<id>.json    its entry, which makes it visible; written last and deleted first

Nothing below `candidates` is a model: edges, rollouts and tags find it nowhere.
"""

import re
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from davy.adapters.process.judge import judge
from davy.adapters.storage.object_files import ObjectFiles
from davy.domain.errors import ConflictError, UnknownModelError
from davy.domain.secret_url import SecretUrl
from davy.models import Candidate, Manifest, ModelKind, open_candidate
from davy.models.manifest import DIGEST

FOLDER = "candidates"
MAX_CANDIDATES = 100  # each is under 60 MB, usually 0.5 MB
MAX_CAUSE, MAX_CHECKS = 700, 16
MIN_PREFIX = 4


Check = Annotated[str, Field(max_length=300)]


class Proposal(BaseModel):
    """Who proposed a candidate, and why."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    by: str = Field("", max_length=200, examples=["trainer"], description="Person or program that proposed it.")
    cause: str = Field("", max_length=MAX_CAUSE, examples=["drift of north.face"], description="Why it was trained.")
    checks: tuple[Check, ...] = Field(
        (), max_length=MAX_CHECKS, description="Results of the checks that it passed, in sentences."
    )


class CandidateEntry(BaseModel):
    """One candidate of the registry."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=DIGEST, description="The model's id, which signing does not change.")
    sha256: str = Field(pattern=DIGEST, description="Digest of the package without a signature.")
    size: int = Field(ge=0, description="Size of that package in bytes.")
    added: AwareDatetime
    manifest: Manifest
    card: str = ""
    proposal: Proposal = Proposal()

    @property
    def frame_id(self) -> str:
        """Model id in the frames that it would enhance."""
        return self.manifest.frame_id

    @property
    def kind(self) -> ModelKind:
        """What the model does."""
        return self.manifest.kind


class CandidateRegistry:
    """Calls block, and may come from any thread.

    Args:
        url: URL of the model registry; see ModelRegistry.

    Raises:
        ConfigError: no installed file system opens the URL.
    """

    def __init__(self, url: SecretUrl | str) -> None:
        self._files = ObjectFiles(url)

    def propose(self, data: bytes, proposal: Proposal, run: bool = True) -> CandidateEntry:
        """Store a candidate; an existing one stays unchanged, and a model that is signed already gets none.

        Args:
            data: Package without a signature.
            proposal: Who proposes it, and why.
            run: Also run its golden vectors here, in a process with limits.

        Raises:
            ModelRefusedError: the package violates a rule, or is signed.
            ConflictError: MAX_CANDIDATES wait already.
            StorageFullError, RegistryUnavailableError: it cannot be stored.
        """
        candidate = open_candidate(data)
        if run:
            judge(data)
        entry = _entry_of(candidate, proposal)
        if self._files.read(f"models/{entry.id}.json") is not None:
            return entry
        names = self.names()
        if entry.id in names and (known := self._entry(entry.id)) is not None:
            return known
        if len(names) >= MAX_CANDIDATES:
            raise ConflictError(f"{MAX_CANDIDATES} candidates wait already: sign or delete some")
        self._files.write(f"{FOLDER}/{entry.id}.zip", data)
        self._files.write(f"{FOLDER}/{entry.id}.json", entry.model_dump_json().encode())
        return entry

    def names(self) -> list[str]:
        """List the ids of all candidates."""
        return self._files.names(FOLDER, ".json")

    def entries(self) -> list[CandidateEntry]:
        """List all candidates, newest first."""
        found = [_read_entry(data) for data in self._files.read_all(FOLDER, ".json").values()]
        return sorted((entry for entry in found if entry is not None), key=lambda entry: entry.added, reverse=True)

    def get(self, name: str) -> CandidateEntry:
        """Find a candidate by its id, the start of an id, or the id in its frames.

        Raises:
            UnknownModelError: no candidate or several match.
        """
        if re.fullmatch(DIGEST, name) and (entry := self._entry(name)) is not None:
            return entry
        found = [each for each in self.entries() if _goes_by(each, name)]
        if len(found) != 1:
            reason = f"{len(found)} candidates begin with it: give more digits" if found else "no such candidate"
            raise UnknownModelError(name, reason)
        return found[0]

    def read(self, entry: CandidateEntry) -> bytes:
        """Read the package of a candidate.

        Raises:
            ModelRefusedError: the stored package changed.
            UnknownModelError: it is missing.
        """
        data = self._files.read(f"{FOLDER}/{entry.id}.zip")
        if data is None:
            raise UnknownModelError(entry.id, "the package of this candidate is missing in the registry")
        open_candidate(data)
        return data

    def delete(self, model_id: str) -> None:
        """Delete a candidate if it exists."""
        self._files.remove(f"{FOLDER}/{model_id}.json")
        self._files.remove(f"{FOLDER}/{model_id}.zip")

    def _entry(self, model_id: str) -> CandidateEntry | None:
        data = self._files.read(f"{FOLDER}/{model_id}.json")
        return _read_entry(data) if data is not None else None


def _entry_of(candidate: Candidate, proposal: Proposal) -> CandidateEntry:
    return CandidateEntry(
        id=candidate.id,
        sha256=candidate.sha256,
        size=len(candidate.data),
        added=datetime.now(UTC),
        manifest=candidate.manifest,
        card=candidate.card,
        proposal=proposal,
    )


def _read_entry(data: Any) -> CandidateEntry | None:  # noqa: ANN401  # fsspec gives bytes, or an exception
    """Parse an entry; None for a damaged file, which must not hide the others."""
    try:
        entry = CandidateEntry.model_validate_json(data)
    except (ValidationError, TypeError):
        return None
    return entry if entry.manifest.id == entry.id else None


def _goes_by(entry: CandidateEntry, name: str) -> bool:
    return entry.frame_id == name or (len(name) >= MIN_PREFIX and entry.id.startswith(name))
