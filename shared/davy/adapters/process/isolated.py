"""Runs a module of ours in a process of its own, so that foreign data that exhausts memory, time or a decoder ends only that.

The child gets its request on standard input and answers in lines of JSON on standard output. It gets no variable of Davy, hence
no password.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import IO, BinaryIO

from davy.adapters.process.exec_shim import THREADS, Limits
from davy.domain.errors import ProcessEndedError
from davy.telemetry import get_logger

log = get_logger(__name__)

NO_MEMORY = 3  # exit status of a child that ran out of memory
MAX_LINE_BYTES = 64 * 2**20  # of an answer
TAIL_BYTES = 4000  # of standard error, for the log
_MEMORY_TEXTS = (b"bad_alloc", b"MemoryError", b"Cannot allocate memory", b"can't start new thread", b"out of memory")


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a process may use.

    Args:
        memory_bytes: Address space, libraries included: those of the codecs and of ONNX Runtime take about 0.4 GB of it.
        cpu_s: Processor time of all its threads.
        wall_s: Time; None: no limit.
    """

    memory_bytes: int
    cpu_s: int
    wall_s: float | None = None


class IsolatedProcess:
    """One run of `python -m MODULE`. `kill` may come from any thread; `run` blocks.

    Args:
        module: The module. It answers by `write_line`, and ends with NO_MEMORY after a MemoryError.
        what: What it works on, for error texts.
        bounds: Its limits.
    """

    def __init__(self, module: str, what: str, bounds: Bounds) -> None:
        self._what, self._bounds = what, bounds
        limits = Limits(memory_bytes=bounds.memory_bytes, cpu_s=bounds.cpu_s, parent=os.getpid())
        self._process = subprocess.Popen(
            limits.command([sys.executable, "-m", module]),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=_environment(),
        )
        self._tail = b""
        self._timed_out = False

    def run(self, request: bytes, on_line: Callable[[bytes], None]) -> None:
        """Send the request and pass each line of the answer on, until the process ends. An error of on_line kills it.

        Raises:
            ProcessEndedError: it exceeded a limit, or crashed.
        """
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        listening = threading.Thread(target=self._listen, args=(process.stderr,), name="isolated.stderr", daemon=True)
        listening.start()
        try:
            with self._time_limit():
                _send(process.stdin, request)
                while line := process.stdout.readline(MAX_LINE_BYTES):
                    on_line(line)
                process.wait()
        finally:
            self.kill()
            listening.join(1.0)
            self.close()
        if process.returncode:
            log.warning("process.ended", work=self._what, status=process.returncode, last=self._tail.decode("utf-8", "replace"))
            raise ProcessEndedError(self._what, self._reason(process.returncode))

    def kill(self) -> None:
        """End the process at once."""
        self._process.kill()

    def close(self) -> None:
        """End the process, wait for it and close its pipes, also if it never ran. Call it again for nothing."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            with suppress(BrokenPipeError):
                if pipe is not None:
                    pipe.close()

    @contextmanager
    def _time_limit(self) -> Iterator[None]:
        if self._bounds.wall_s is None:
            yield
            return
        timer = threading.Timer(self._bounds.wall_s, self._time_out)
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _time_out(self) -> None:
        self._timed_out = True
        self._process.kill()

    def _listen(self, errors: IO[bytes]) -> None:
        with suppress(ValueError, OSError):  # closed meanwhile
            while chunk := os.read(errors.fileno(), 65536):
                self._tail = (self._tail + chunk)[-TAIL_BYTES:]

    def _reason(self, status: int) -> str:
        memory = f"{self._bounds.memory_bytes / 1e6:,.0f} MB of memory"
        if self._timed_out:
            return f"it took longer than {self._bounds.wall_s:g} s"
        if status == -signal.SIGXCPU:
            return f"it needs more than {self._bounds.cpu_s:,} s of processor time"
        if status == NO_MEMORY or any(text in self._tail for text in _MEMORY_TEXTS):
            return f"it needs more than {memory}"
        if status == -signal.SIGKILL:
            return "it was killed: the machine may have no memory left"
        if status < 0:
            return f"it crashed ({signal.Signals(-status).name}): it is damaged, or needs more than {memory}"
        return "it failed; see the log of the service"


def _send(pipe: IO[bytes], request: bytes) -> None:
    with suppress(BrokenPipeError):  # the process has ended; its status says why
        pipe.write(request)
        pipe.close()


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DAVY_")}
    # Each further arena reserves 64 MB of the address space, and each thread of a BLAS its stack.
    return kept | {"MALLOC_ARENA_MAX": "2"} | dict.fromkeys(THREADS, "1")


def serve_request(work: Callable[[BinaryIO, Callable[[object], None]], None]) -> None:
    """The child's side: do the work of standard input and end the process.

    Args:
        work: Gets standard input, and a function that sends a value as a line of JSON.
    """
    answer = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer

    def send(value: object) -> None:
        answer.write(json.dumps(value).encode() + b"\n")
        answer.flush()

    try:
        work(sys.stdin.buffer, send)
    except MemoryError:
        os._exit(NO_MEMORY)  # no cleaning up, which may need memory
    os._exit(0)  # at once: threads of a decoder may hang
