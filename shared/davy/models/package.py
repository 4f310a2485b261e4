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
from davy.models.keys import KeySet
from davy.models.manifest import INTERFACES, SCHEMA, FileEntry, Golden, Manifest, ModelKind, Signature
from davy.models.refusal import Cause
from davy.models.signing_key import Signer

ONNX, TENSORS, CARD, MANIFEST, SIGNATURE = "model.onnx", "model.safetensors", "card.md", "manifest.json", "signature.json"
SPEC = "detector.yaml"  # description of a detector; see davy.models.detector
MAX_TENSOR_HEADER_BYTES = 1_000_000  # of safetensors: JSON that a reader parses at once
LIMITS: Mapping[str, int] = {
    ONNX: MAX_MODEL_BYTES,
    TENSORS: MAX_MODEL_BYTES,
    CARD: 256 * 1024,
    MANIFEST: 64 * 1024,
    SIGNATURE: 1024,
    SPEC: 16 * 1024,
    **{name: golden.MAX_BYTES for pair in golden.golden_names(8) for name in pair},
}
MAX_PACKAGE_BYTES = sum(LIMITS.values()) + MAX_ENTRIES * 256


@dataclass(frozen=True, slots=True)
class Package:
    """A package with every byte verified.

    Args:
        manifest: Signed description; `manifest.id` is the model's id.
        files: Contents by name, manifest and signature included.
        data: The package file; sha256 is its digest.
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
        """Build the enhancer and run the golden vectors on it, in this process.

        A registry runs a package in a process with limits before (`davy.adapters.process.judge`). An edge does not: its
        aggregator has judged the same signed bytes, and a second Python with ONNX Runtime takes 0.1 GB and some seconds of a
        small computer. A graph that ends an edge is reverted at its next start.

        Raises:
            ModelRefusedError: this machine cannot run it, or its output differs from the golden vectors.
        """
        return load_checked(self.manifest, self.files, threads)


def load_checked(manifest: Manifest, files: Mapping[str, bytes], threads: int = 1) -> StillEnhancer:
    """Build the enhancer of verified files and run the golden vectors on it; see Package.load."""
    check_interface(manifest, ModelKind.ENHANCER)
    try:
        still = StillEnhancer(files[ONNX], threads)
    except ModelError as error:
        raise ModelRefusedError(Cause.INTERFACE, error.reason) from error
    golden.check_golden(manifest.golden, dict(files), still)
    return still


def check_interface(manifest: Manifest, kind: ModelKind) -> None:
    """Raise ModelRefusedError if a model is of another kind, or of an interface that this Davy does not run."""
    if manifest.interface != INTERFACES[kind]:
        raise ModelRefusedError(Cause.INTERFACE, f"{manifest.interface} is not {INTERFACES[kind]}, which runs here")


@dataclass(frozen=True, slots=True)
class Provenance:
    """Origin of a model, for its manifest. figures: measured values by name, such as "val-psnr-db"."""

    name: str = "ispcnn"
    parent: str = ""
    run: str = ""
    figures: Mapping[str, float] = field(default_factory=dict)
    created: datetime | None = None

    def now(self) -> datetime:
        return (self.created or datetime.now(UTC)).replace(microsecond=0)


def pack(onnx: bytes, tensors: bytes, card: str, key: Signer, provenance: Provenance | None = None) -> Package:
    """Make a signed package; see describe."""
    manifest, contents = describe(onnx, tensors, card, provenance)
    return sign(manifest, contents, key)


def describe(
    onnx: bytes, tensors: bytes, card: str, provenance: Provenance | None = None
) -> tuple[Manifest, Mapping[str, bytes]]:
    """Make the manifest of a model; it runs the golden vectors here and stores their results.

    Args:
        onnx: The network, written by `davy train export`.
        tensors: The same weights as safetensors.
        card: The model card, Markdown.
        provenance: Origin of the model.

    Returns:
        The manifest, and the files that it lists, by name.

    Raises:
        ModelError: the network does not run here.
        ModelRefusedError: a part is too large, or the tensors are no safetensors.
    """
    expected, vectors = golden.make_golden(onnx)
    _check_tensors(tensors)
    contents = {ONNX: onnx, TENSORS: tensors, CARD: card.encode(), **vectors}
    return manifest_of(contents, ModelKind.ENHANCER, expected, provenance or Provenance()), contents


def manifest_of(contents: Mapping[str, bytes], kind: ModelKind, expected: Golden, origin: Provenance) -> Manifest:
    """Make the manifest of a package's files.

    Raises:
        ModelRefusedError: a file is too large.
    """
    for name, data in contents.items():
        if len(data) > LIMITS[name]:
            raise ModelRefusedError(Cause.TOO_LARGE, f"{name} has {len(data):,} bytes, at most {LIMITS[name]:,} are allowed")
    return Manifest(
        schema_=SCHEMA,
        interface=INTERFACES[kind],
        name=origin.name,
        created=origin.now(),
        parent=origin.parent,
        run=origin.run,
        maker=_maker(),
        figures=dict(origin.figures),
        golden=expected,
        files={name: FileEntry(size=len(data), sha256=_sha256(data)) for name, data in contents.items()},
    )


def sign(manifest: Manifest, contents: Mapping[str, bytes], key: Signer) -> Package:
    """Sign a manifest and archive it with its files."""
    signed = manifest.to_bytes()
    signature = key.sign(signed)
    files = {**contents, MANIFEST: signed, SIGNATURE: signature.to_bytes()}
    data = zip_exact(files)
    return Package(manifest, signature, files, data, _sha256(data))


class PackageVerification:
    """Steps of `open_package`; each one reads only data that the previous steps verified."""

    def __init__(self, data: bytes) -> None:
        if len(data) > MAX_PACKAGE_BYTES:
            raise ModelRefusedError(Cause.TOO_LARGE, f"{len(data):,} bytes, at most {MAX_PACKAGE_BYTES:,} are allowed")
        self.data, self.files = data, unzip_strict(data, LIMITS)

    def verify_signature(self, trust: KeySet, now: datetime | None) -> Self:
        """Verify the signature over the manifest's bytes before parsing them."""
        if MANIFEST not in self.files:
            raise ModelRefusedError(Cause.MISSING_FILE, f"{MANIFEST} is missing")
        if SIGNATURE not in self.files:
            raise ModelRefusedError(Cause.UNSIGNED, "it has no signature")
        try:
            self.signature = Signature.parse(self.files[SIGNATURE])
        except ModelRefusedError as error:
            raise ModelRefusedError(Cause.SIGNATURE, error.reason) from error
        trust.verify(self.files[MANIFEST], self.signature, now)
        return self

    def verify_files(self) -> Self:
        """Verify that the manifest lists every file with size and digest, and that the archive is canonical."""
        self.manifest = manifest = Manifest.parse(self.files[MANIFEST])
        vectors = {name for pair in golden.golden_names(manifest.golden.count) for name in pair}
        needed = {ONNX, CARD, *vectors} | _files_of_kind(manifest)
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
            raise ModelRefusedError(Cause.NOT_CANONICAL, "the archive is not in the canonical form")
        if TENSORS in needed:
            _check_tensors(self.files[TENSORS])
        return self

    def _matches(self, name: str, entry: FileEntry) -> None:
        data = self.files[name]
        if len(data) != entry.size:
            raise ModelRefusedError(Cause.SIZE, f"{name} has {len(data)} bytes, the manifest lists {entry.size}")
        if _sha256(data) != entry.sha256:
            raise ModelRefusedError(Cause.DIGEST, f"{name} differs from the signed file")


def open_package(data: bytes, trust: KeySet, now: datetime | None) -> Package:
    """Verify a package: size, form, signature, schema, sizes and digests, in this order; it runs no model, see Package.load.

    Args:
        now: Time for the validity of keys (KeySet.now); None for a model that was admitted before.

    Raises:
        ModelRefusedError: a rule is violated; `cause` names it.
    """
    verified = PackageVerification(data).verify_signature(trust, now).verify_files()
    return Package(verified.manifest, verified.signature, verified.files, data, _sha256(data))


def _files_of_kind(manifest: Manifest) -> set[str]:
    """A detector of another project has no tensors."""
    if manifest.kind is ModelKind.DETECTOR:
        return {SPEC} | ({TENSORS} & set(manifest.files))
    return {TENSORS}


def _check_tensors(data: bytes) -> None:
    """Check the header's length, which safetensors readers trust before parsing."""
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
    except PackageNotFoundError:  # runs from a source tree without installation
        return "davy"
