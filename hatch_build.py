"""Build hook: compile Davy's C kernels with the system compiler, or with `ziglang` from PyPI where there is none.

Every `shared/davy/**/*.c` and `services/davy/**/*.c` becomes a plain shared library of the same name beside it, loaded by
ctypes, so no Python headers are needed. Hot functions carry `target_clones`, so one library runs on any processor.
"""

import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FLAGS = ["-std=gnu11", "-O3", "-ffast-math", "-fno-finite-math-only", "-fPIC", "-shared", "-Wall", "-Wextra", "-Werror"]
SUFFIX = ".dylib" if sys.platform == "darwin" else ".so"


def system_compiler() -> str | None:
    return next((path for name in ("cc", "gcc", "clang") if (path := shutil.which(name))), None)


def compile_kernel(source: Path) -> Path:
    target = source.with_suffix(SUFFIX)
    newest = max(path.stat().st_mtime for path in (source, *source.parent.glob("*.h")))
    if target.exists() and target.stat().st_mtime >= newest:
        return target
    compiler = [found] if (found := system_compiler()) else [sys.executable, "-m", "ziglang", "cc"]
    partial = target.with_suffix(".partial")  # renamed when complete: a reader never maps half a library
    subprocess.run([*compiler, *FLAGS, "-o", str(partial), str(source), "-lm"], check=True)
    partial.replace(target)
    return target


class KernelBuildHook(BuildHookInterface):
    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        return [] if system_compiler() else ["ziglang>=0.14"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if self.target_name != "wheel":
            return
        root = Path(self.root)
        kernels = [compile_kernel(path) for top in ("shared", "services") for path in sorted((root / top).rglob("*.c"))]
        if kernels and version != "editable":
            build_data["pure_python"] = False
            build_data["tag"] = f"py3-none-{wheel_platform()}"


def wheel_platform() -> str:
    from hatchling.builders.wheel import sysconfig  # the platform tag that pip itself would ask for

    return sysconfig.get_platform().replace("-", "_").replace(".", "_") if platform.system() else "any"
