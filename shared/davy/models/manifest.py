"""Manifest and signature of a model package, in canonical form."""

import hashlib
import json
from enum import StrEnum
from typing import Any, Self

import rfc8785
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from davy.domain.errors import ModelRefusedError
from davy.models.refusal import Cause

SCHEMA = "davy.model/1"


class ModelKind(StrEnum):
    """What a model does."""

    ENHANCER = "enhancer"  # of edges and the enhancer pool: a picture becomes a better one
    DETECTOR = "detector"  # of the aggregator's analysis: finds people and machines in a picture


INTERFACES = {
    ModelKind.ENHANCER: "ispcnn/1",  # input and outputs of davy.imaging.graph
    ModelKind.DETECTOR: "detector/1",  # as the package's DetectorSpec describes; see davy.imaging.detect
}
DIGEST = r"^[0-9a-f]{64}$"
MAX_TEXT = 500


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, serialize_by_alias=True)

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Parse the canonical form (RFC 8785) only.

        Raises:
            ModelRefusedError: the document is no JSON, not canonical, or of another schema.
        """
        try:
            value = json.loads(data)
            canonical = rfc8785.dumps(value)
        except (ValueError, RecursionError, rfc8785.CanonicalizationError) as error:
            raise ModelRefusedError(Cause.SCHEMA, f"{cls.__name__.lower()}: {str(error)[:200]}") from error
        if canonical != data:
            raise ModelRefusedError(Cause.NOT_CANONICAL, f"{cls.__name__.lower()} is not canonical JSON (RFC 8785)")
        try:
            return cls.model_validate(value)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "document"
            raise ModelRefusedError(Cause.SCHEMA, f"{cls.__name__.lower()}: {where}: {first['msg']}") from error

    def to_bytes(self) -> bytes:
        """Canonical JSON."""
        return rfc8785.dumps(self.model_dump(mode="json"))


class FileEntry(_Document):
    """One file of a package."""

    size: int = Field(ge=0)
    sha256: str = Field(pattern=DIGEST)


class Golden(_Document):
    """Tolerances of the golden vectors: mean and maximum of absolute differences of 8-bit values."""

    count: int = Field(ge=1, le=8)
    mean: FiniteFloat = Field(ge=0, le=255)
    most: int = Field(ge=0, le=255)


class Manifest(_Document):
    """Signed description of a package. Its SHA-256 is the model's id, so the id covers every byte of the package."""

    schema_: str = Field(alias="schema", pattern=f"^{SCHEMA}$")
    interface: str = Field(max_length=MAX_TEXT)
    name: str = Field(pattern=r"^[a-z0-9-]{1,64}$")
    created: AwareDatetime
    parent: str = Field("", pattern=r"^([0-9a-f]{64})?$", description="Id of the model that training started from.")
    run: str = Field("", max_length=MAX_TEXT, description="The training run.")
    maker: str = Field("", max_length=MAX_TEXT, description="Version of Davy that computed the golden vectors.")
    figures: dict[str, FiniteFloat] = Field(default_factory=dict, max_length=64)
    golden: Golden
    files: dict[str, FileEntry] = Field(max_length=32)

    @property
    def id(self) -> str:
        return hashlib.sha256(self.to_bytes()).hexdigest()

    @property
    def kind(self) -> ModelKind:
        """What the model does; its interface names it, so that ids of older manifests stay as they are."""
        return ModelKind.DETECTOR if self.interface.startswith("detector/") else ModelKind.ENHANCER

    @property
    def frame_id(self) -> str:
        """Model id in frames, equal to that of davy.imaging.runtime; a detector has one for people to read."""
        prefix = "detector" if self.kind is ModelKind.DETECTOR else "ispcnn"
        return f"{prefix}-{self.files['model.onnx'].sha256[:8]}"


class Signature(_Document):
    """An Ed25519 signature (RFC 8032) over the manifest's bytes with SIGNED_PREFIX before them."""

    algorithm: str = Field(pattern="^ed25519$")
    key: str = Field(pattern=r"^[0-9a-f]{16}$", description="The first 16 digits of the SHA-256 of the public key.")
    signature: str = Field(pattern=r"^[0-9a-f]{128}$")


SIGNED_PREFIX = f"{SCHEMA}\n".encode()  # separates manifests from other signed documents


def facts_of(manifest: Manifest) -> dict[str, Any]:
    """The manifest as plain JSON values, with its ids."""
    facts: dict[str, Any] = manifest.model_dump(mode="json")
    return {"id": manifest.id, "kind": manifest.kind.value, "frame_id": manifest.frame_id, **facts}
