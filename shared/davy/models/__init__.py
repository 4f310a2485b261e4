"""Model packages: what is in one, who signed it, and whether this machine may run it. No pickle, no torch, no network."""

from davy.models.candidate import Candidate, open_candidate, pack_candidate
from davy.models.golden import check_golden
from davy.models.keys import KeySet
from davy.models.manifest import Manifest, ModelKind, Signature
from davy.models.package import MAX_PACKAGE_BYTES, Package, open_package, pack
from davy.models.refusal import Cause
from davy.models.signing_key import Signer, SigningKey

__all__ = [
    "MAX_PACKAGE_BYTES",
    "Candidate",
    "Cause",
    "KeySet",
    "Manifest",
    "ModelKind",
    "Package",
    "Signature",
    "Signer",
    "SigningKey",
    "check_golden",
    "open_candidate",
    "open_package",
    "pack",
    "pack_candidate",
]
