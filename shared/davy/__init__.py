"""Davy enhances low-light camera pictures: the library.

    import davy

    enhancer = davy.Enhancer()
    bright = enhancer.enhance(bgr)                        # an array, BGR, uint8
    enhancer.enhance_file("dark.jpg", "bright.jpg")       # a picture or a video file
    for bright in enhancer.enhance_video(frames): ...     # frames of one camera

The import is light: NumPy, ONNX Runtime and the codecs are imported by the first use of a name.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from davy.domain.dials import Dials
    from davy.domain.errors import DavyError, InvalidInputError, MissingExtraError, ModelError
    from davy.domain.frame import BgrImage
    from davy.enhancer import Enhancer, FileReport

    __version__: str

__all__ = [
    "BgrImage",
    "DavyError",
    "Dials",
    "Enhancer",
    "FileReport",
    "InvalidInputError",
    "MissingExtraError",
    "ModelError",
    "__version__",
]

if not TYPE_CHECKING:  # a type checker sees the imports above, and reports a name that does not exist
    _MODULES = {
        "BgrImage": "davy.domain.frame",
        "DavyError": "davy.domain.errors",
        "Dials": "davy.domain.dials",
        "Enhancer": "davy.enhancer",
        "FileReport": "davy.enhancer",
        "InvalidInputError": "davy.domain.errors",
        "MissingExtraError": "davy.domain.errors",
        "ModelError": "davy.domain.errors",
    }

    def __getattr__(name):  # noqa: ANN001, ANN202
        """Import a public name on first use."""
        if name == "__version__":
            from importlib.metadata import version

            value = version("davy")
        elif name in _MODULES:
            from importlib import import_module

            value = getattr(import_module(_MODULES[name]), name)
        else:
            raise AttributeError(f"module 'davy' has no attribute {name!r}")
        globals()[name] = value
        return value

    def __dir__():  # noqa: ANN202
        return sorted(__all__)
