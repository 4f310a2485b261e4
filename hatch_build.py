"""Build hook: compile Davy's C kernels with the system compiler, or with `ziglang` from PyPI where there is none.

Every `shared/**/*.c` and `services/**/*.c` becomes a plain shared library of the same name beside it, loaded by
ctypes (davy.imaging.native), so no Python headers are needed. On x86-64 there are three: `NAME.so` for every
processor, `NAME.v3.so`
for those with AVX2, `NAME.v4.so` for those with AVX-512, of which twice as many registers count and not the width. Functions
cloned inside one library (target_clones) ran at half the speed of the same source built whole.
"""

import platform
import shutil
import subprocess
import sys
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

# What -ffast-math is made of, without its start-up code: that would flush subnormal numbers to 0 in the whole process.
FAST_MATH = ["-fno-math-errno", "-fno-signed-zeros", "-fno-trapping-math", "-fassociative-math", "-freciprocal-math"]
FLAGS = ["-std=gnu11", "-O3", *FAST_MATH, "-fPIC", "-shared", "-Wall", "-Wextra", "-Werror"]
WIDTH = "-mprefer-vector-width=256"
VNNI = "avx512vnni"  # of v4, too: nearly every processor with AVX-512 that is still made has it
MANUAL = "site"  # written by `mkdocs build`
SUFFIX = ".dylib" if sys.platform == "darwin" else ".so"


def system_compiler() -> str | None:
    return next((path for name in ("cc", "gcc", "clang") if (path := shutil.which(name))), None)


def kernels(root: Path) -> list[Path]:
    return sorted(path for top in ("shared", "services") for path in (root / top).rglob("*.c"))


def variants(zig: bool) -> dict[str, list[str]]:
    """Infix of the library's name and the flags that go with it; zig compiles for this very processor unless told."""
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return {"": ["-mcpu=baseline"] if zig else []}
    if zig:
        return {"": ["-mcpu=baseline"], ".v3": ["-mcpu=x86_64_v3"], ".v4": [f"-mcpu=x86_64_v4+{VNNI}", WIDTH]}
    return {"": [], ".v3": ["-march=x86-64-v3"], ".v4": ["-march=x86-64-v4", f"-m{VNNI}", WIDTH]}


def compile_kernel(source: Path) -> None:
    newest = max(path.stat().st_mtime for path in (source, Path(__file__), *source.parent.glob("*.h")))
    found = system_compiler()
    compiler = [found] if found else [sys.executable, "-m", "ziglang", "cc"]
    for infix, flags in variants(zig=not found).items():
        target = source.with_name(source.stem + infix + SUFFIX)
        if target.exists() and target.stat().st_mtime >= newest:
            continue
        partial = target.with_suffix(".partial")  # renamed when complete: a reader never maps half a library
        subprocess.run([*compiler, *FLAGS, *flags, "-o", str(partial), str(source), "-lm"], check=True)
        partial.replace(target)


class KernelBuildHook(BuildHookInterface):
    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        return [] if system_compiler() or not kernels(Path(self.root)) else ["ziglang>=0.14"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if self.target_name != "wheel":
            return
        sources = kernels(Path(self.root))
        with ThreadPoolExecutor() as pool:
            list(pool.map(compile_kernel, sources))
        if version != "editable" and (Path(self.root) / MANUAL / "index.html").is_file():
            build_data["force_include"][MANUAL] = "davy_aggregator/manual"  # the aggregator serves it at /manual
        if sources and version != "editable":
            build_data["pure_python"] = False
            build_data["tag"] = f"py3-none-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"
