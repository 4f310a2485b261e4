"""Loads Davy's C kernels: the variant that this processor runs best."""

import ctypes
import platform
import sys
from functools import cache
from pathlib import Path

from davy.errors import KernelsMissingError

SUFFIX = ".dylib" if sys.platform == "darwin" else ".so"
V3_FLAGS = {"avx2", "bmi1", "bmi2", "fma", "f16c", "movbe"}  # of x86-64-v3, as far as kernels can use it


@cache
def load_kernels(folder: Path, stem: str) -> ctypes.CDLL:
    """The library that hatch_build.py made of folder/stem.c; calls into it release the interpreter lock.

    Raises:
        KernelsMissingError: it was not compiled when Davy was installed.
    """
    names = [f"{stem}.v3{SUFFIX}", f"{stem}{SUFFIX}"] if has_x86_64_v3() else [f"{stem}{SUFFIX}"]
    for path in (folder / name for name in names):
        if path.exists():
            return ctypes.CDLL(str(path))
    raise KernelsMissingError(str(folder / names[-1]))


@cache
def has_x86_64_v3() -> bool:
    """Whether this processor has AVX2 and what came with it; only Linux tells, elsewhere the baseline is used."""
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return False
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return False
    flags = next((set(line.partition(":")[2].split()) for line in lines if line.startswith("flags")), set())
    return flags >= V3_FLAGS
