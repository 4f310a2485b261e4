"""Build hook: compile Davy's C kernels with the system compiler, or with `ziglang` from PyPI where there is none.

Every `shared/**/*.c` and `services/**/*.c` becomes a plain shared library of the same name beside it, loaded by
ctypes (davy.imaging.native), so no Python headers are needed. On x86-64 there are three: `NAME.so` for every
processor, `NAME.v3.so`
for those with AVX2, `NAME.v4.so` for those with AVX-512, of which twice as many registers count and not the width. Functions
cloned inside one library (target_clones) ran at half the speed of the same source built whole. On AArch64 there is one, with
NEON; its pictures equal those of the library for every x86-64 to the bit.
"""

import os
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
FAST_MATH = ["-fno-math-errno", "-fno-signed-zeros", "-fno-trapping-math"]
# Sums in any order: other compilers then give other bits, which only the simulator's pictures may.
ANY_ORDER = ["-fassociative-math", "-freciprocal-math"]
UNFUSED = "-ffp-contract=off"  # rounds products before their addition, as processors without a fused operation do
HARDENING = [
    "-D_FORTIFY_SOURCE=3",
    "-fstack-protector-strong",
    "-Wl,-z,relro",
    "-Wl,-z,now",
]  # sizes come from untrusted pictures
WARNINGS = ["-Wall", "-Wextra", "-Werror", "-Wno-psabi"]  # psabi: a note on vectors, which never cross a library
FLAGS = ["-std=gnu11", "-O3", *FAST_MATH, "-fPIC", "-shared", *WARNINGS]
SANITIZE = ["-O1", "-g", "-fno-omit-frame-pointer", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
WIDTH = "-mprefer-vector-width=256"
VNNI = "avx512vnni"  # of v4, too: nearly every processor with AVX-512 that is still made has it
TARGET = "DAVY_WHEEL_TARGET"  # x86_64 or aarch64: a wheel for another machine, compiled by zig against an old glibc
GLIBC = "2.28"
ZIG = "ziglang==0.15.2"
SANITIZED = "DAVY_BUILD_SANITIZED"  # set by `make sanitize`
MANUAL = "site"  # written by `mkdocs build`
SUFFIX = ".dylib" if sys.platform == "darwin" else ".so"


def system_compiler() -> str | None:
    """The compiler of this machine; on AArch64 clang first: GCC moves pairs of vectors through memory."""
    names = ("clang", "cc", "gcc") if platform.machine().lower() in ("aarch64", "arm64") else ("cc", "gcc", "clang")
    return next((path for name in names if (path := shutil.which(name))), None)


def kernels(root: Path) -> list[Path]:
    return sorted(path for top in ("shared", "services") for path in (root / top).rglob("*.c"))


def variants(zig: bool, machine: str) -> dict[str, list[str]]:
    """Infix of the library's name and the flags that go with it; zig compiles for this very processor unless told."""
    if machine not in ("x86_64", "amd64"):
        return {"": [UNFUSED, *(["-mcpu=baseline"] if zig else [])]}
    if zig:
        return {"": [UNFUSED, "-mcpu=baseline"], ".v3": ["-mcpu=x86_64_v3"], ".v4": [f"-mcpu=x86_64_v4+{VNNI}", WIDTH]}
    return {"": [UNFUSED], ".v3": ["-march=x86-64-v3"], ".v4": ["-march=x86-64-v4", f"-m{VNNI}", WIDTH]}


def compile_command(compiler: list[str], flags: list[str], source: Path, target: Path) -> list[str]:
    """The command that compiles one library."""
    root = Path(__file__).resolve().parent
    order = ANY_ORDER if source.is_relative_to(root / "services") else []
    headers = f"-I{root / 'shared/davy/imaging'}"
    return [*compiler, *FLAGS, *order, *flags, headers, "-o", str(target), str(source), "-lm"]


def compile_kernel(source: Path) -> None:
    shared_headers = Path(__file__).resolve().parent / "shared/davy/imaging"
    headers = [*source.parent.glob("*.h"), *shared_headers.glob("*.h")]
    newest = max(path.stat().st_mtime for path in (source, Path(__file__), *headers))
    cross = os.environ.get(TARGET, "")
    found = None if cross else system_compiler()
    extra = SANITIZE if os.environ.get(SANITIZED) else HARDENING if sys.platform == "linux" else []
    compiler = [found] if found else [sys.executable, "-m", "ziglang", "cc"]
    for infix, flags in variants(not found, cross or platform.machine().lower()).items():
        target = source.with_name(source.stem + infix + SUFFIX)
        if target.exists() and target.stat().st_mtime >= newest:
            continue
        partial = target.with_suffix(".partial")  # renamed when complete: a reader never maps half a library
        goal = ["-target", f"{cross}-linux-gnu.{GLIBC}"] if cross else []
        subprocess.run(compile_command([*compiler, *goal], [*extra, *flags], source, partial), check=True)
        partial.replace(target)


class KernelBuildHook(BuildHookInterface):
    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        if os.environ.get(TARGET):
            return [ZIG]
        return [] if system_compiler() or not kernels(Path(self.root)) else [ZIG]

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
            cross = os.environ.get(TARGET)
            if cross:
                build_data["tag"] = f"py3-none-manylinux_{GLIBC.replace('.', '_')}_{cross}"
                return
            build_data["tag"] = f"py3-none-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"
