"""Runs a foreign graph on its golden vectors in a process of its own: a signed graph may still want all memory.

python -m davy.adapters.process.judge; its standard input is a package.
"""

import json
from collections.abc import Callable
from typing import BinaryIO

from davy.adapters.process.isolated import Bounds, IsolatedProcess, serve_request
from davy.domain.errors import ModelRefusedError, ProcessEndedError
from davy.models.detector import check_runs
from davy.models.package import PackageVerification
from davy.models.refusal import Cause

MODULE = "davy.adapters.process.judge"
BOUNDS = Bounds(memory_bytes=1_500_000_000, cpu_s=60, wall_s=120)
"""The shipped network takes 0.35 GB of address space, most of it libraries, and 0.1 s."""

_NO_MEMORY = ("bfc_arena", "Failed to allocate", "bad allocation", "bad_alloc")  # in ONNX Runtime's own words


def judge(package: bytes) -> None:
    """Do what `Package.load` does, in another process. Blocks for about a second.

    Args:
        package: A package, signed or not, whose form and digests are verified.

    Raises:
        ModelRefusedError: the graph does not run, its output differs from the golden vectors, or it exceeded a limit.
    """
    answers: list[dict[str, str]] = []
    try:
        IsolatedProcess(MODULE, "the graph", BOUNDS).run(package, lambda line: answers.append(json.loads(line)))
    except ProcessEndedError as error:
        raise ModelRefusedError(Cause.LIMITS, f"the graph on its golden vectors: {error.reason}") from error
    for refusal in answers:
        raise ModelRefusedError(refusal["cause"], refusal["reason"])


def _work(given: BinaryIO, send: Callable[[object], None]) -> None:
    verified = PackageVerification(given.read()).verify_files()  # the caller has verified a signature, if it needs one
    try:
        check_runs(verified.manifest, verified.files)
    except ModelRefusedError as error:
        if any(text in error.reason for text in _NO_MEMORY):
            raise MemoryError from error
        send({"cause": error.cause, "reason": error.reason})


if __name__ == "__main__":
    serve_request(_work)
