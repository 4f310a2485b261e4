"""Structured logs, and the buckets of histograms."""

import logging
import sys
from collections.abc import Callable
from typing import Literal

import structlog
from structlog.typing import EventDict

from davy.domain.urls import redact_text
from davy.tracing import ids_of_log_line

AGE_BUCKETS_S = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0)
_OF_SEVERAL_LINES = ("exception", "stack")
DURATION_BUCKETS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)


def configure_logging(style: Literal["json", "console"] = "json", level: str = "INFO") -> None:
    """Send all log lines, the libraries' included, to stderr in one style. Call it once per process."""
    shared: list[Callable[..., object]] = [
        structlog.contextvars.merge_contextvars,
        _add_trace,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _redact,
    ]
    last: list[Callable[..., object]] = (
        [structlog.processors.JSONRenderer()]  # escapes by itself
        if style == "json"
        else [_escape_controls, structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
    )
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],  # type: ignore[list-item]  # structlog's Processor is wider than its stub
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    rendering = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last]
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processors=rendering, foreign_pre_chain=shared))  # type: ignore[arg-type]  # as above
    logging.basicConfig(handlers=[handler], level=level, force=True)


def _add_trace(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Name the trace of the frame that a line is about."""
    event.update(ids_of_log_line())
    return event


def _escape_controls(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Escape what a terminal obeys: a text neither forges a line nor recolours the screen. Tracebacks keep their lines."""
    for name, value in event.items():
        if isinstance(value, str) and not value.isprintable():
            kept = "\n" if name in _OF_SEVERAL_LINES else ""
            event[name] = "".join(each if each.isprintable() or each in kept else ascii(each)[1:-1] for each in value)
    return event


def _redact(_logger: object, _method: str, line: EventDict) -> EventDict:
    """Hide passwords and queries of every URL in a line, whichever library wrote it and whatever exception it shows."""
    return {name: value if name.startswith("_") else _without_secrets(value) for name, value in line.items()}


def _without_secrets(value: object) -> object:
    match value:
        case str():
            return redact_text(value)
        case list() | tuple():
            return [_without_secrets(each) for each in value]
        case dict():
            return {name: _without_secrets(each) for name, each in value.items()}
        case None | bool() | int() | float():
            return value
    return redact_text(str(value))


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """Return the structured logger of a module."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger
