"""The project's own modules: their files, their trees, their import names."""

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[1]
ROOTS = (ROOT / "shared", ROOT / "services")
GENERATED = ROOT / "shared" / "davy" / "v1"


def python_files() -> Iterator[Path]:
    """Every hand-written module of the library and the programs, sorted."""
    for root in ROOTS:
        yield from sorted(path for path in root.rglob("*.py") if GENERATED not in path.parents)


def trees() -> Iterator[tuple[Path, ast.Module]]:
    """Every module's file, relative to the repository, and its syntax tree."""
    for path in python_files():
        yield path.relative_to(ROOT), ast.parse(path.read_text(encoding="utf-8"))


def import_name(path: Path) -> str:
    """The module that a file is imported as; path is absolute."""
    root = next(root for root in ROOTS if root in path.parents)
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def modules_with(text: str) -> Iterator[ModuleType]:
    """Import every module whose source holds the text; the others may need extras that are not installed."""
    for path in python_files():
        if text in path.read_text(encoding="utf-8"):
            yield importlib.import_module(import_name(path))
