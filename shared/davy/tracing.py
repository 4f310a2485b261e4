"""Traces of frames, by the trace context that each frame carries: https://www.w3.org/TR/trace-context/.

The camera's edge decides which frames are traced; every program afterwards follows the flag in the frame. `davy.adapters.otlp`
exports the spans.
"""

import random
import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

_FORM = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})")
SAMPLED = 1
MAX_MARKS = 1024  # traced frames in flight of one process


@dataclass(frozen=True, slots=True)
class FrameSpan:
    """A stage of one frame.

    Args:
        name: capture, enhance, encode, send, ingest, analyse or show; the whole is "frame".
        trace_id: 128 bits.
        span_id: 64 bits.
        parent_id: Span of the whole frame; 0 for that one.
        start_ns: Unix time in ns.
        end_ns: As of start_ns.
        attributes: Camera, and what the stage has to say.
    """

    name: str
    trace_id: int
    span_id: int
    parent_id: int
    start_ns: int
    end_ns: int
    attributes: Mapping[str, str | int | float] = field(default_factory=dict)


Export = Callable[[FrameSpan], None]


@dataclass(slots=True)
class _Tracing:
    export: Export | None = None
    ratio: float = 0.0
    marks: OrderedDict[tuple[str, str], int] = field(default_factory=OrderedDict)


_tracing = _Tracing()
_frame: ContextVar[str] = ContextVar("traced_frame", default="")


@contextmanager
def exporting(export: Export, ratio: float) -> Iterator[None]:
    """Trace frames for the block; one block per process.

    Args:
        export: Takes the spans; never waits. Called from any thread.
        ratio: Share of the captured frames that are traced, 0 to 1.
    """
    _tracing.export, _tracing.ratio = export, ratio
    try:
        yield
    finally:
        _tracing.export, _tracing.ratio = None, 0.0
        _tracing.marks.clear()


def new_frame() -> str:
    """Return the trace context of a captured frame. Without an export none is sampled."""
    sampled = _tracing.export is not None and random.random() < _tracing.ratio
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-{int(sampled):02x}"


def is_traced(traceparent: str) -> bool:
    """Return whether the spans of a frame are exported. Costs little where nothing is traced."""
    if _tracing.export is None:
        return False
    found = _FORM.fullmatch(traceparent)
    return found is not None and bool(int(found[3], 16) & SAMPLED)


def record(traceparent: str, name: str, start_ns: int, end_ns: int = 0, **attributes: str | float) -> None:
    """Export one stage of a frame, if the frame is traced.

    Args:
        traceparent: The frame's.
        name: The stage; "frame" is the whole, whose id the others name as their parent.
        start_ns: Unix time in ns.
        end_ns: As of start_ns; now if 0.
        **attributes: Facts of the span.
    """
    if not is_traced(traceparent):
        return
    export, found = _tracing.export, _FORM.fullmatch(traceparent)
    assert export is not None
    assert found is not None
    trace_id, frame_id, end_ns = int(found[1], 16), int(found[2], 16), end_ns or time.time_ns()
    own_id, parent_id = (frame_id, 0) if name == "frame" else (secrets.randbits(64) or 1, frame_id)
    export(FrameSpan(name, trace_id, own_id, parent_id, min(start_ns, end_ns), end_ns, attributes))


def mark(traceparent: str, name: str) -> None:
    """Note the begin of a stage that ends elsewhere."""
    if is_traced(traceparent):
        _tracing.marks[traceparent, name] = time.time_ns()
        while len(_tracing.marks) > MAX_MARKS:
            _tracing.marks.popitem(last=False)


def record_since_mark(traceparent: str, name: str, end_ns: int = 0, **attributes: str | float) -> None:
    """Export a stage that began at its `mark`, and ended at a Unix time in ns; now if 0."""
    if is_traced(traceparent) and (start_ns := _tracing.marks.get((traceparent, name))):
        record(traceparent, name, start_ns, end_ns, **attributes)


@contextmanager
def frame(traceparent: str) -> Iterator[None]:
    """Give the log lines of the block the ids of a frame's trace."""
    token = _frame.set(traceparent)
    try:
        yield
    finally:
        _frame.reset(token)


def ids_of_log_line() -> Mapping[str, str]:
    """Return trace_id and span_id of the present frame; empty if there is none."""
    found = _FORM.fullmatch(_frame.get())
    return {"trace_id": found[1], "span_id": found[2]} if found else {}
