"""Loads Davy's C kernels: the variant that this processor runs best."""

import ctypes
import platform
import sys
from functools import cache
from pathlib import Path

from davy.domain.errors import KernelsMissingError

SUFFIX = ".dylib" if sys.platform == "darwin" else ".so"
V3 = {"avx2", "bmi1", "bmi2", "fma", "f16c", "movbe"}  # of x86-64-v3, as far as kernels can use it
LEVELS = {"v4": V3 | {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl", "avx512_vnni"}, "v3": V3}  # the best first


@cache
def load_kernels(folder: Path, stem: str) -> ctypes.CDLL:
    """The library that hatch_build.py made of folder/stem.c; calls into it release the interpreter lock.

    Raises:
        KernelsMissingError: it was not compiled when Davy was installed.
    """
    names = [*(f"{stem}.{level}{SUFFIX}" for level in x86_64_levels()), f"{stem}{SUFFIX}"]
    for path in (folder / name for name in names):
        if path.exists():
            return ctypes.CDLL(str(path))
    raise KernelsMissingError(str(folder / names[-1]))


@cache
def x86_64_levels() -> tuple[str, ...]:
    """Which of v4 (AVX-512) and v3 (AVX2) this processor has, the best first; only Linux tells, elsewhere none."""
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return ()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return ()
    flags = next((set(line.partition(":")[2].split()) for line in lines if line.startswith("flags")), set())
    return tuple(level for level, needed in LEVELS.items() if flags >= needed)
