"""Compile every C kernel beside its source, as the build does: `python infra/build_kernels.py`."""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from hatch_build import compile_kernel, kernels  # noqa: E402

if __name__ == "__main__":
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(compile_kernel, kernels(ROOT)))
