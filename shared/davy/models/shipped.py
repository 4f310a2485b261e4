"""The weights that come with Davy, as the files that a package is made of."""

from importlib.util import find_spec
from pathlib import Path

from davy.domain.errors import ModelError
from davy.imaging.runtime import shipped_model
from davy.models.package import Package, Provenance, pack
from davy.models.signing_key import SigningKey


def shipped_tensors() -> Path:
    """The safetensors file of the shipped network; found without importing davy.imaging.nets, which needs torch.

    Raises:
        ModelError: this installation has none.
    """
    found = find_spec("davy.imaging.nets")
    path = (
        Path(found.origin).parent / "weights" / "ispcnn.safetensors" if found and found.origin else Path("ispcnn.safetensors")
    )
    if not path.is_file():
        raise ModelError(str(path), "is missing: this installation has no trained weights")
    return path


def pack_shipped(key: SigningKey) -> Package:
    """The shipped network, signed: the first version of a registry."""
    onnx = shipped_model()
    card = onnx.parent / "MODEL_CARD.md"
    text = card.read_text(encoding="utf-8") if card.is_file() else ""
    return pack(onnx.read_bytes(), shipped_tensors().read_bytes(), text, key, Provenance(run="shipped with Davy"))
