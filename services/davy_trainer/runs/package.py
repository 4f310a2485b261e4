"""A run's result as a signed package: what the training service has made in a process of its own, native code and all."""

from pathlib import Path

from pydantic import BaseModel, ValidationError

from davy.atomic import write_atomic
from davy.domain.errors import ConfigError
from davy.models import KeySet, open_package, pack
from davy.models.keyring import TRUST, signing_key
from davy.models.package import Provenance

PACKAGE, PROVENANCE = "package.zip", "provenance.json"


class Said(BaseModel, frozen=True, extra="forbid"):
    """What a package says of itself; card: Markdown."""

    parent: str = ""
    run: str = ""
    figures: dict[str, float] = {}
    card: str = ""


def package_run(folder: Path, keys: Path) -> str:
    """Pack folder/train by folder/provenance.json, sign it with the newest key of keys, and check it as an edge would.

    Returns:
        The model's id; the package is folder/package.zip.

    Raises:
        ConfigError: a file is missing, or there is no key.
        ModelRefusedError: the network is none that edges run.
    """
    train = folder / "train"
    try:
        said = Said.model_validate_json((folder / PROVENANCE).read_bytes())
        onnx, tensors = (train / "ispcnn.onnx").read_bytes(), (train / "ispcnn.safetensors").read_bytes()
    except (FileNotFoundError, ValidationError) as error:
        raise ConfigError(f"{folder} is no run that is done: {error}") from error
    told = Provenance(parent=said.parent, run=said.run, figures=said.figures)
    made = pack(onnx, tensors, said.card, signing_key(keys), told)
    trust = KeySet.load(keys / TRUST)
    open_package(made.data, trust, trust.now()).load()
    write_atomic(folder / PACKAGE, made.data)
    return made.id
