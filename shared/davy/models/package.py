"""A model as one file: weights, graph, golden vectors, card, manifest, signature."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Self

from davy.domain.errors import ModelError, ModelRefusedError
from davy.imaging.runtime import StillEnhancer
from davy.imaging.runtime.network import MAX_MODEL_BYTES
from davy.models import golden
from davy.models.archive import MAX_ENTRIES, unzip_strict, zip_exact
from davy.models.keys import KeySet, SigningKey
from davy.models.manifest import INTERFACE, SCHEMA, FileEntry, Manifest, Signature
from davy.models.refusal import Cause

ONNX, TENSORS, CARD, MANIFEST, SIGNATURE = "model.onnx", "model.safetensors", "card.md", "manifest.json", "signature.json"
MAX_TENSOR_HEADER_BYTES = 1_000_000  # of safetensors: JSON that a reader would parse as a whole
LIMITS: Mapping[str, int] = {
    ONNX: MAX_MODEL_BYTES,
    TENSORS: MAX_MODEL_BYTES,
    CARD: 256 * 1024,
    MANIFEST: 64 * 1024,
    SIGNATURE: 1024,
    **{name: golden.MAX_BYTES for pair in golden.golden_names(8) for name in pair},
}
MAX_PACKAGE_BYTES = sum(LIMITS.values()) + MAX_ENTRIES * 256


@dataclass(frozen=True, slots=True)
class Package:
    """A package whose every byte was checked.

    Args:
        manifest: What it says of itself; `manifest.id` is the model's id.
        files: By name, manifest and signature included.
        data: The single file; sha256 is of it.
    """

    manifest: Manifest
    signature: Signature
    files: Mapping[str, bytes] = field(repr=False)
    data: bytes = field(repr=False)
    sha256: str = ""

    @property
    def id(self) -> str:
        return self.manifest.id

    @property
    def onnx(self) -> bytes:
        return self.files[ONNX]

    @property
    def card(self) -> str:
        return self.files[CARD].decode("utf-8", "replace")

    def load(self, threads: int = 1) -> StillEnhancer:
        """Build the enhancer and run the golden vectors on it.

        Raises:
            ModelRefusedError: this machine cannot run it, or computes something else than its maker's did.
        """
        if self.manifest.interface != INTERFACE:
            raise ModelRefusedError(Cause.INTERFACE, f"{self.manifest.interface} is not {INTERFACE}, which this Davy runs")
        try:
            still = StillEnhancer(self.onnx, threads)
        except ModelError as error:
            raise ModelRefusedError(Cause.INTERFACE, error.reason) from error
        golden.check_golden(self.manifest.golden, dict(self.files), still)
        return still


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a model comes from, for its manifest. figures: measured values by name, "val-psnr-db" for example."""

    name: str = "ispcnn"
    parent: str = ""
    run: str = ""
    figures: Mapping[str, float] = field(default_factory=dict)
    created: datetime | None = None

    def now(self) -> datetime:
        return (self.created or datetime.now(UTC)).replace(microsecond=0)


def pack(onnx: bytes, tensors: bytes, card: str, key: SigningKey, provenance: Provenance | None = None) -> Package:
    """Make a signed package: runs the golden vectors here, and writes their results down.

    Args:
        onnx: The network, as `davy train export` writes it.
        tensors: The same weights as safetensors.
        card: The model card, Markdown.

    Raises:
        ModelError: the network does not run here.
        ModelRefusedError: a part is too large, or the tensors are no safetensors.
    """
    told = provenance or Provenance()
    expected, vectors = golden.make_golden(onnx)
    contents = {ONNX: onnx, TENSORS: tensors, CARD: card.encode(), **vectors}
    for name, data in contents.items():
        if len(data) > LIMITS[name]:
            raise ModelRefusedError(Cause.TOO_LARGE, f"{name} has {len(data):,} bytes, at most {LIMITS[name]:,} are allowed")
    _check_tensors(tensors)
    manifest = Manifest(
        schema_=SCHEMA,
        interface=INTERFACE,
        name=told.name,
        created=told.now(),
        parent=told.parent,
        run=told.run,
        maker=_maker(),
        figures=dict(told.figures),
        golden=expected,
        files={name: FileEntry(size=len(data), sha256=_sha256(data)) for name, data in contents.items()},
    )
    return sign(manifest, contents, key)


def sign(manifest: Manifest, contents: Mapping[str, bytes], key: SigningKey) -> Package:
    """Put a manifest, its files and a signature into one file."""
    said = manifest.to_bytes()
    signature = key.sign(said)
    files = {**contents, MANIFEST: said, SIGNATURE: signature.to_bytes()}
    data = zip_exact(files)
    return Package(manifest, signature, files, data, _sha256(data))


class Verdict:
    """The steps of `open_package`, each a rule of its own: nothing is read further before the rule before it holds."""

    def __init__(self, data: bytes) -> None:
        if len(data) > MAX_PACKAGE_BYTES:
            raise ModelRefusedError(Cause.TOO_LARGE, f"{len(data):,} bytes, at most {MAX_PACKAGE_BYTES:,} are allowed")
        self.data, self.files = data, unzip_strict(data, LIMITS)

    def signed_by(self, trust: KeySet, now: datetime | None) -> Self:
        """The signature holds over the manifest's bytes, which nobody has read so far."""
        if MANIFEST not in self.files:
            raise ModelRefusedError(Cause.MISSING_FILE, f"{MANIFEST} is missing")
        if SIGNATURE not in self.files:
            raise ModelRefusedError(Cause.UNSIGNED, "it carries no signature")
        try:
            self.signature = Signature.parse(self.files[SIGNATURE])
        except ModelRefusedError as error:
            raise ModelRefusedError(Cause.SIGNATURE, error.reason) from error
        trust.verify(self.files[MANIFEST], self.signature, now)
        return self

    def complete(self) -> Self:
        """The manifest names every file, with its size and digest, and the archive is in its one form."""
        self.manifest = manifest = Manifest.parse(self.files[MANIFEST])
        vectors = {name for pair in golden.golden_names(manifest.golden.count) for name in pair}
        needed = {ONNX, TENSORS, CARD, *vectors}
        if set(manifest.files) != needed:
            raise ModelRefusedError(Cause.SCHEMA, f"the manifest lists {sorted(manifest.files)}, expected {sorted(needed)}")
        present = set(self.files) - {MANIFEST, SIGNATURE}
        for name in sorted(present | needed):
            if name not in present:
                raise ModelRefusedError(Cause.MISSING_FILE, f"{name} is missing")
            if name not in needed:
                raise ModelRefusedError(Cause.UNEXPECTED_FILE, f"{name} is not in the manifest")
            self._matches(name, manifest.files[name])
        if zip_exact(self.files) != self.data:
            raise ModelRefusedError(Cause.NOT_CANONICAL, "the archive is not byte for byte what Davy writes")
        _check_tensors(self.files[TENSORS])
        return self

    def _matches(self, name: str, entry: FileEntry) -> None:
        data = self.files[name]
        if len(data) != entry.size:
            raise ModelRefusedError(Cause.SIZE, f"{name} has {len(data)} bytes, the manifest says {entry.size}")
        if _sha256(data) != entry.sha256:
            raise ModelRefusedError(Cause.DIGEST, f"{name} is not what was signed")


def open_package(data: bytes, trust: KeySet, now: datetime | None) -> Package:
    """Check a package: size, form, signature, schema, sizes and digests, in this order. Runs nothing of it: see Package.load.

    Args:
        now: The time by which keys are judged (KeySet.now); None for a model that was admitted before.

    Raises:
        ModelRefusedError: a rule does not hold; `cause` says which.
    """
    verdict = Verdict(data).signed_by(trust, now).complete()
    return Package(verdict.manifest, verdict.signature, verdict.files, data, _sha256(data))


def _check_tensors(data: bytes) -> None:
    """The header's length, which a reader of safetensors believes before it parses."""
    header = int.from_bytes(data[:8], "little")
    if len(data) < 8 or header > MAX_TENSOR_HEADER_BYTES or header > len(data) - 8:
        raise ModelRefusedError(
            Cause.HUGE_HEADER, f"{TENSORS} announces a header of {header:,} bytes in a file of {len(data):,}"
        )


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _maker() -> str:
    try:
        return f"davy {version('davy')}"
    except PackageNotFoundError:  # run from a source tree that was never installed
        return "davy"
