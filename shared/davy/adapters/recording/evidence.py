"""Exports of recordings that stand as evidence: a ZIP with a signed manifest. One flipped byte anywhere is noticed.

The ZIP is canonical: stored, without times, in the order of its manifest. Verification writes it again from what it read, so
that bytes that no hash covers, such as a header of the ZIP, cannot differ either.
"""

import hashlib
import json
import lzma
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from davy.domain.errors import UnreadableError
from davy.domain.recording import Segment
from davy.models.keys import KeySet
from davy.models.manifest import Signature
from davy.models.signing_key import Signer

FORMAT = "davy.recording/1"
PREFIX = f"{FORMAT}\n".encode()  # the key also signs the journal: neither signature is valid for the other
MANIFEST, SIGNATURE = "manifest.json", "manifest.sig"
MAX_MANIFEST_BYTES = 64_000_000
CHUNK = 1 << 20
# what `zipfile` raises for damage: a flipped byte may also name another compression, or another length
_DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error),
    *(OSError, EOFError, LookupError, ValueError, RuntimeError, OverflowError),
)


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ExportedFile(_Document):
    """A file of the export."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]{0,200}$")
    bytes: int
    sha256: str
    camera: str
    variant: str
    captured_at: AwareDatetime | None = Field(None, description="Of a picture.")


class ExportedSegment(_Document):
    """A segment that a video was copied or enhanced from, as it was recorded."""

    camera: str
    variant: str
    boot_id: str
    first_seq: int
    last_seq: int
    start_at: AwareDatetime
    end_at: AwareDatetime
    sha256: str
    bytes: int
    model: str = Field(description="Model that enhanced it; empty for a raw picture.")
    strength: float


class Enhancement(_Document):
    """How recorded video was enhanced again."""

    model: str = Field(description="Id of the model, as pictures carry it.")
    model_sha256: str = Field(description="SHA-256 of the network in ONNX.")
    strength: float
    quality: int = Field(description="Constant rate factor of H.264.")
    lead_in_s: float = Field(description="Seconds of the segment before, which the enhancer sees first.")


class ExportManifest(_Document):
    """Who exported what, and when."""

    format: str = FORMAT
    site: str
    exported_by: str
    exported_at: AwareDatetime
    reason: str
    start_at: AwareDatetime
    end_at: AwareDatetime
    davy: str = Field(description="Version of the program.")
    files: tuple[ExportedFile, ...]
    segments: tuple[ExportedSegment, ...]
    enhancement: Enhancement | None = Field(None, description="Of an archive that was enhanced again.")

    @classmethod
    def read(cls, data: bytes) -> Self:
        """Read a manifest.

        Raises:
            UnreadableError: it is none.
        """
        try:
            return cls.model_validate_json(data)
        except ValidationError as error:
            raise UnreadableError(f"{MANIFEST} is no manifest of a recording: {error.errors()[0]['msg']}") from error


def exported_segment(segment: Segment) -> ExportedSegment:
    """Describe a segment."""
    return ExportedSegment(
        camera=segment.camera.key,
        variant=segment.variant,
        boot_id=segment.boot_id,
        first_seq=segment.first_seq,
        last_seq=segment.last_seq,
        start_at=datetime.fromtimestamp(segment.start_ns / 1e9, UTC),
        end_at=datetime.fromtimestamp(segment.end_ns / 1e9, UTC),
        sha256=segment.sha256,
        bytes=segment.bytes,
        model=segment.model,
        strength=segment.strength,
    )


def exported_file(path: Path, camera: str, variant: str, captured_at: AwareDatetime | None = None) -> ExportedFile:
    """Describe a file by its content."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return ExportedFile(
        name=path.name, bytes=path.stat().st_size, sha256=digest, camera=camera, variant=variant, captured_at=captured_at
    )


def write_export(target: Path, folder: Path, manifest: ExportManifest, key: Signer) -> None:
    """Write an export of the files in a folder."""
    absent = {"enhancement"} if manifest.enhancement is None else None  # older programs verify a copy as before
    document = json.dumps(manifest.model_dump(mode="json", exclude=absent), indent=1).encode()
    signature = key.sign(document, PREFIX).model_dump_json().encode()
    with target.open("wb") as file:
        _write(file, manifest, document, signature, (folder / each.name for each in manifest.files))


def _write(target: BinaryIO, manifest: ExportManifest, document: bytes, signature: bytes, contents: Iterator[Path]) -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for name, data in ((MANIFEST, document), (SIGNATURE, signature)):
            with archive.open(_member(name, len(data)), "w") as member:
                member.write(data)
        for each, path in zip(manifest.files, contents, strict=True):
            with archive.open(_member(each.name, each.bytes), "w") as member, path.open("rb") as source:
                while chunk := source.read(CHUNK):
                    member.write(chunk)


def _member(name: str, size: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)  # the time is 1980
    info.external_attr, info.create_system, info.file_size = 0o100644 << 16, 3, size
    return info


def verify_export(path: Path, keys: KeySet) -> tuple[ExportManifest, str]:
    """Verify every byte of an export.

    Args:
        path: The ZIP.
        keys: Public keys of the aggregators whose exports count.

    Returns:
        The manifest, and the id of the key that signed it.

    Raises:
        UnreadableError: it is no export, or a byte of it was changed; the text says where.
        ModelRefusedError: the key is unknown or revoked, or did not sign it.
    """
    try:
        with zipfile.ZipFile(path) as archive, tempfile.TemporaryDirectory(prefix="davy-verify-") as folder:
            document, signature = (_small(archive, name) for name in (MANIFEST, SIGNATURE))
            signed = _signature(signature)
            keys.verify(document, signed, None, PREFIX)
            manifest = ExportManifest.read(document)
            for each in manifest.files:
                _check(archive, each, Path(folder))
            again = Path(folder) / ".again"
            with again.open("w+b") as file:
                _write(file, manifest, document, signature, (Path(folder) / each.name for each in manifest.files))
            _compare(path, again)
    except _DAMAGE as error:
        raise UnreadableError(f"{path} is no intact export: {error}") from error
    return manifest, signed.key


def _signature(data: bytes) -> Signature:
    try:
        return Signature.model_validate_json(data)
    except ValidationError as error:
        raise UnreadableError(f"{SIGNATURE} is no signature") from error


def _small(archive: zipfile.ZipFile, name: str) -> bytes:
    with archive.open(name) as member:
        data = member.read(MAX_MANIFEST_BYTES + 1)
    if len(data) > MAX_MANIFEST_BYTES:
        raise UnreadableError(f"{name} is over {MAX_MANIFEST_BYTES} bytes")
    return data


def _check(archive: zipfile.ZipFile, each: ExportedFile, folder: Path) -> None:
    digest, size = hashlib.sha256(), 0
    with archive.open(each.name) as member, (folder / each.name).open("wb") as copy:
        while chunk := member.read(CHUNK):
            digest.update(chunk)
            size += len(chunk)
            if size > each.bytes:
                break
            copy.write(chunk)
    if size != each.bytes or digest.hexdigest() != each.sha256:
        raise UnreadableError(f"{each.name} is not the file that was exported")


def _compare(path: Path, again: Path) -> None:
    with path.open("rb") as one, again.open("rb") as other:
        at = 0
        while True:
            left, right = one.read(CHUNK), other.read(CHUNK)
            if left != right:
                raise UnreadableError(f"{path} was changed near byte {at}, outside of its files")
            if not left:
                return
            at += len(left)
