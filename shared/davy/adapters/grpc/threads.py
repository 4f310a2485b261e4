"""A check before gRPC's own threads start: without it, a limit of threads ends the process by a fault in native code."""

import os
import threading

# The pool of gRPC's event engine has as many threads as processors, from 4 to 16; timers, watchdog and poller come on top.
NEEDED = min(max(os.cpu_count() or 1, 4), 16) + 4


def require_threads() -> None:
    """Start the threads that gRPC is about to need, and end them again.

    grpc.aio starts its poller thread where an error is lost, and then uses what that thread should have made; gRPC's core
    aborts when its own threads do not start. In a container with few allowed processes that was SIGSEGV or SIGABRT.

    Raises:
        RuntimeError: "can't start new thread": this process may have no more of them.
    """
    done = threading.Event()
    started: list[threading.Thread] = []
    try:
        for _ in range(NEEDED):
            thread = threading.Thread(target=done.wait, daemon=True)
            thread.start()
            started.append(thread)
    finally:
        done.set()
        for thread in started:
            thread.join()
