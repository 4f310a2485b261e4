"""A run's result as a package; the training service makes it in a separate process, because it runs native code."""

from pathlib import Path

from pydantic import BaseModel, ValidationError

from davy.atomic import write_atomic
from davy.domain.errors import ConfigError
from davy.models import Candidate, KeySet, open_package, pack_candidate
from davy.models.candidate import candidate_of
from davy.models.detector import check_runs, describe_detector
from davy.models.keyring import TRUST, signing_key
from davy.models.package import Provenance
from davy_trainer.people.files import DETECTOR, WEIGHTS

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
        packed = _pack_detector if (train / DETECTOR).exists() else _pack_enhancer
        candidate = packed(train, described)
    except (FileNotFoundError, ValidationError) as error:
        raise ConfigError(f"{folder} does not hold a finished run: {error}") from error
    check_runs(candidate.manifest, candidate.files)
    data = candidate.data if keys is None else _signed(candidate, keys)
    write_atomic(folder / PACKAGE, data)
    return candidate.id


def _pack_enhancer(train: Path, described: RunProvenance) -> Candidate:
    onnx, tensors = (train / "ispcnn.onnx").read_bytes(), (train / "ispcnn.safetensors").read_bytes()
    origin = Provenance(parent=described.parent, run=described.run, figures=described.figures)
    return pack_candidate(onnx, tensors, described.card, origin)


def _pack_detector(train: Path, described: RunProvenance) -> Candidate:
    onnx, spec = ((train / DETECTOR).with_suffix(suffix).read_bytes() for suffix in (".onnx", ".yaml"))
    origin = Provenance(name="people", parent=described.parent, run=described.run, figures=described.figures)
    return candidate_of(*describe_detector(onnx, spec, described.card, origin, (train / WEIGHTS).read_bytes()))


def _signed(candidate: Candidate, keys: Path) -> bytes:
    data = candidate.sign(signing_key(keys)).data
    trust = KeySet.load(keys / TRUST)
    open_package(data, trust, trust.now())
    return data
