"""A run's result as a signed package; the training service makes it in a separate process, because it runs native code."""

from pathlib import Path

from pydantic import BaseModel, ValidationError

from davy.atomic import write_atomic
from davy.domain.errors import ConfigError
from davy.models import KeySet, open_package, pack
from davy.models.keyring import TRUST, signing_key
from davy.models.package import Provenance

PACKAGE, PROVENANCE = "package.zip", "provenance.json"


class RunProvenance(BaseModel, frozen=True, extra="forbid"):
    """Content of PROVENANCE; card: Markdown."""

    parent: str = ""
    run: str = ""
    figures: dict[str, float] = {}
    card: str = ""


def package_run(folder: Path, keys: Path) -> str:
    """Package and sign folder/train with folder/provenance.json, and check the package as an edge does.

    Args:
        keys: Folder of the signing keys; the newest one signs.

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
    package = pack(onnx, tensors, described.card, signing_key(keys), provenance)
    trust = KeySet.load(keys / TRUST)
    open_package(package.data, trust, trust.now()).load()
    write_atomic(folder / PACKAGE, package.data)
    return package.id
