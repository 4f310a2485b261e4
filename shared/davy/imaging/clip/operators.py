"""The one place that imports open_clip: offline, and also where torchvision's compiled operators do not fit torch's build."""

import importlib
import importlib.util
import os
import sys
from functools import cache
from pathlib import Path
from types import ModuleType

import torch

SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)


def open_clip() -> ModuleType:
    """The open_clip package, imported on the first call; from then on no Hugging Face client in this process asks a hub.

    Raises:
        ModuleNotFoundError: open_clip_torch is not installed: it comes with `davy[trainer]`.
    """
    _go_offline()
    declare_torchvision_operators()
    return importlib.import_module("open_clip")


@cache
def declare_torchvision_operators() -> torch.library.Library | None:
    """Declare the schemas of torchvision's operators where its compiled library cannot be loaded.

    torchvision from PyPI is built for torch with CUDA; with a CPU build its library does not load, and then its
    Python side fails on import with "operator torchvision::nms does not exist". Nothing here ever calls one of them.

    Returns:
        The library that holds the declarations (they end with it, so the cache keeps it), or None where none is needed.
    """
    if "torchvision" in sys.modules or _compiled_library_loads():
        return None
    library = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
    for schema in SCHEMAS:
        library.define(schema)  # type: ignore[no-untyped-call]
    return library


def _compiled_library_loads() -> bool:
    found = importlib.util.find_spec("torchvision")
    if found is None or found.origin is None:
        return True  # without torchvision, the import names the missing package
    try:
        for library in Path(found.origin).parent.glob("_C*.so"):
            torch.ops.load_library(str(library))  # type: ignore[no-untyped-call]
            return True
    except (OSError, ImportError):
        return False
    return False


def _go_offline() -> None:
    os.environ["HF_HUB_OFFLINE"] = "1"  # read once, when huggingface_hub is first imported
    if (constants := sys.modules.get("huggingface_hub.constants")) is not None:
        constants.HF_HUB_OFFLINE = True  # type: ignore[attr-defined]  # it was imported before us
