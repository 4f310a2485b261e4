"""Load Davy's C kernels in the best variant for this processor."""

import ctypes
import platform
import sys
from functools import cache
from pathlib import Path

from davy.domain.errors import KernelsMissingError, KernelsOutdatedError

ABI = 3  # equals DAVY_ABI of abi.h

SUFFIX = ".dylib" if sys.platform == "darwin" else ".so"
V3 = {"avx2", "bmi1", "bmi2", "fma", "f16c", "movbe"}  # of x86-64-v3, as far as kernels can use it
LEVELS = {"v4": V3 | {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl", "avx512_vnni"}, "v3": V3}  # the best first


@cache
def load_kernels(folder: Path, stem: str, structures: tuple[type[ctypes.Structure], ...] = ()) -> ctypes.CDLL:
    """Load the library that hatch_build.py made of folder/stem.c; calls into it release the interpreter lock.

    Args:
        folder: Where the library is.
        stem: Its name without variant and suffix.
        structures: C structures that Python fills; the library exports their sizes.

    Raises:
        KernelsMissingError: the installation of Davy compiled no library.
        KernelsOutdatedError: the library comes from another version of the sources.
    """
    names = [*(f"{stem}.{level}{SUFFIX}" for level in x86_64_levels()), f"{stem}{SUFFIX}"]
    for path in (folder / name for name in names):
        if path.exists():
            library = ctypes.CDLL(str(path))
            _check_abi(library, path, structures)
            return library
    raise KernelsMissingError(str(folder / names[-1]))


def _check_abi(library: ctypes.CDLL, path: Path, structures: tuple[type[ctypes.Structure], ...]) -> None:
    wanted = {"davy_abi": ABI} | {f"davy_sizeof_{each.__name__}": ctypes.sizeof(each) for each in structures}
    for name, value in wanted.items():
        try:
            found = ctypes.c_int32.in_dll(library, name).value
        except ValueError:  # no such symbol: older than abi.h
            found = 0
        if found != value:
            raise KernelsOutdatedError(str(path), name, found, value)


@cache
def x86_64_levels() -> tuple[str, ...]:
    """Levels of this processor among v4 (AVX-512) and v3 (AVX2), the best first; none outside of Linux."""
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return ()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return ()
    flags = next((set(line.partition(":")[2].split()) for line in lines if line.startswith("flags")), set())
    return tuple(level for level, needed in LEVELS.items() if flags >= needed)
