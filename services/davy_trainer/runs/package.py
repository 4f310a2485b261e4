"""A run's result as a package; the training service makes it in a separate process, because it runs native code."""

from pathlib import Path

from pydantic import BaseModel, ValidationError

from davy.atomic import write_atomic
from davy.domain.errors import ConfigError
from davy.models import Candidate, KeySet, open_package, pack_candidate
from davy.models.keyring import TRUST, signing_key
from davy.models.package import Provenance

PACKAGE, PROVENANCE = "package.zip", "provenance.json"


class RunProvenance(BaseModel, frozen=True, extra="forbid"):
    """Content of PROVENANCE; card: Markdown."""

    parent: str = ""
    run: str = ""
    figures: dict[str, float] = {}
    card: str = ""


def package_run(folder: Path, keys: Path | None) -> str:
    """Package folder/train with folder/provenance.json, and check the package as an edge does.

    Args:
        keys: Folder of the signing keys, whose newest one signs; None leaves the package unsigned, a candidate.

    Returns:
        The id of the model; the package is folder/package.zip.

    Raises:
        ConfigError: A file is missing, or there is no key.
        ModelRefusedError: Edges do not accept the network.
    """
    train = folder / "train"
    try:
        described = RunProvenance.model_validate_json((folder / PROVENANCE).read_bytes())
        onnx, tensors = (train / "ispcnn.onnx").read_bytes(), (train / "ispcnn.safetensors").read_bytes()
    except (FileNotFoundError, ValidationError) as error:
        raise ConfigError(f"{folder} does not hold a finished run: {error}") from error
    provenance = Provenance(parent=described.parent, run=described.run, figures=described.figures)
    candidate = pack_candidate(onnx, tensors, described.card, provenance)
    candidate.load()
    data = candidate.data if keys is None else _signed(candidate, keys)
    write_atomic(folder / PACKAGE, data)
    return candidate.id


def _signed(candidate: Candidate, keys: Path) -> bytes:
    data = candidate.sign(signing_key(keys)).data
    trust = KeySet.load(keys / TRUST)
    open_package(data, trust, trust.now())
    return data
