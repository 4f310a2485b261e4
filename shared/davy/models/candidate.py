"""A candidate: a model package that nobody has signed. No edge loads one; a person signs it.

The id of a model is the digest of its manifest. The signature is no part of it, so a candidate and its signed package have the
same id.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from davy.domain.errors import ModelRefusedError
from davy.imaging.runtime import StillEnhancer
from davy.models.archive import zip_exact
from davy.models.manifest import Manifest
from davy.models.package import (
    CARD,
    MANIFEST,
    SIGNATURE,
    Package,
    PackageVerification,
    Provenance,
    describe,
    load_checked,
    sign,
)
from davy.models.refusal import Cause
from davy.models.signing_key import Signer


@dataclass(frozen=True, slots=True)
class Candidate:
    """A package without a signature, with every digest verified.

    Attributes:
        manifest: Description of the model; `manifest.id` is the model's id.
        files: Contents by name, the manifest included.
        data: The file; sha256 is its digest.
    """

    manifest: Manifest
    files: Mapping[str, bytes] = field(repr=False)
    data: bytes = field(repr=False)
    sha256: str = ""

    @property
    def id(self) -> str:
        """The model's id."""
        return self.manifest.id

    @property
    def card(self) -> str:
        """The report of the training, Markdown."""
        return self.files[CARD].decode("utf-8", "replace")

    def load(self, threads: int = 1) -> StillEnhancer:
        """Build the enhancer and run the golden vectors on it; see Package.load."""
        return load_checked(self.manifest, self.files, threads)

    def sign(self, key: Signer) -> Package:
        """Return the signed package."""
        return sign(self.manifest, {name: self.files[name] for name in self.manifest.files}, key)


def pack_candidate(onnx: bytes, tensors: bytes, card: str, provenance: Provenance | None = None) -> Candidate:
    """Make a candidate; see davy.models.package.describe."""
    return candidate_of(*describe(onnx, tensors, card, provenance))


def candidate_of(manifest: Manifest, contents: Mapping[str, bytes]) -> Candidate:
    """Archive a manifest with its files, without a signature."""
    return open_candidate(zip_exact({**contents, MANIFEST: manifest.to_bytes()}))


def has_signature(data: bytes) -> bool:
    """Return whether a package names a signature, which is not verified here.

    Raises:
        ModelRefusedError: the data is no package.
    """
    return SIGNATURE in PackageVerification(data).files


def open_candidate(data: bytes) -> Candidate:
    """Verify a candidate's form, schema, sizes and digests; it runs no model, see Candidate.load.

    Raises:
        ModelRefusedError: a rule is violated, or the package has a signature.
    """
    verification = PackageVerification(data)
    if MANIFEST not in verification.files:
        raise ModelRefusedError(Cause.MISSING_FILE, f"{MANIFEST} is missing")
    if SIGNATURE in verification.files:
        raise ModelRefusedError(Cause.UNEXPECTED_FILE, "it has a signature already: add it to the registry as a model")
    verified = verification.verify_files()
    return Candidate(verified.manifest, verified.files, data, hashlib.sha256(data).hexdigest())
