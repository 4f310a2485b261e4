"""The process of one job: it decodes a stranger's videos and pictures, so its end is not the service's.

python -m davy_enhancer.jobs.child; its standard input is a `JobRequest` in one line, then the network's ONNX bytes.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Literal

from pydantic import BaseModel

from davy.adapters.process.isolated import serve_request
from davy.domain.errors import DavyError
from davy.files import OutputOptions
from davy.imaging.runtime import StillEnhancer
from davy.telemetry import configure_logging
from davy_enhancer.files import FileTask, enhance_file
from davy_enhancer.jobs.bundle import Limits, Outcome, enhance_archive

MODULE = "davy_enhancer.jobs.child"
REPORT_S = 0.1  # minimum time between two lines of progress


class JobRequest(BaseModel):
    """What to enhance."""

    kind: Literal["video", "zip"]
    source: Path
    target: Path
    options: OutputOptions
    limits: Limits

    def to_bytes(self, onnx: bytes) -> bytes:
        """Return what `main` reads."""
        return self.model_dump_json().encode() + b"\n" + onnx


class Answer(BaseModel):
    """One line of the answer: progress until the last one, which has an outcome or an error."""

    progress: float = 0.0
    outcome: Outcome | None = None
    error: str = ""


def main() -> None:
    """Serve the request of standard input."""
    configure_logging()
    serve_request(_work)


def _work(given: BinaryIO, send: Callable[[object], None]) -> None:
    request = JobRequest.model_validate_json(given.readline())
    still = StillEnhancer(given.read())
    reported_s = 0.0

    def progress(share: float) -> None:
        nonlocal reported_s
        if time.monotonic() - reported_s > REPORT_S:
            reported_s = time.monotonic()
            send(Answer(progress=share).model_dump(mode="json"))

    try:
        outcome = _enhance(request, still, progress)
    except DavyError as error:
        send(Answer(error=str(error)).model_dump(mode="json"))
    else:
        send(Answer(progress=1.0, outcome=outcome).model_dump(mode="json"))


def _enhance(request: JobRequest, still: StillEnhancer, progress: Callable[[float], None]) -> Outcome:
    if request.kind == "zip":
        return enhance_archive(request.source, request.target, still, request.options, request.limits, progress)
    return Outcome(notes=enhance_file(FileTask(request.source, request.target), still, request.options, progress))


if __name__ == "__main__":
    main()
