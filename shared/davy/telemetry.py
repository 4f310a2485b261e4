"""Structured logs, and Prometheus metrics of frames.

Each service passes its own registry, so several services can run in one process.
"""

import logging
import sys
from collections.abc import Callable
from enum import StrEnum
from typing import Literal

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

AGE_BUCKETS_S = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0)
WORK_BUCKETS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)


def configure_logging(style: Literal["json", "console"] = "json", level: str = "INFO") -> None:
    """Send all log lines, the libraries' included, to stderr in one style. Call it once per process."""
    shared: list[Callable[..., object]] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    last = structlog.processors.JSONRenderer() if style == "json" else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],  # type: ignore[list-item]  # structlog's Processor is wider than its stub
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processor=last, foreign_pre_chain=shared))  # type: ignore[arg-type]  # as above
    logging.basicConfig(handlers=[handler], level=level, force=True)


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """Return the structured logger of a module."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger


class DropStage(StrEnum):
    """Where a frame was dropped."""

    CAPTURE = "capture"
    ENHANCE = "enhance"
    ENCODE = "encode"
    MQTT = "mqtt"
    GRPC = "grpc"


class DropReason(StrEnum):
    """Why a frame was dropped."""

    SUPERSEDED = "superseded"  # a newer frame took its place in a one-slot mailbox
    TOO_OLD = "too_old"  # older than max_age_ms
    NO_CREDIT = "no_credit"  # the aggregator has `window` frames unanswered
    OFFLINE = "offline"  # no connection
    TOO_LARGE = "too_large"  # over 900,000 bytes at the lowest quality
    ERROR = "error"  # the stage failed; the log says how
    STOPPED = "stopped"  # in flight when the camera was closed


class FrameMetrics:
    """Frame counters of one service, per camera: captured = enhanced + dropped + in flight."""

    def __init__(self, registry: CollectorRegistry) -> None:
        camera = ("edge", "camera")
        self.captured = Counter("davy_frames_captured_total", "Frames taken from the camera.", camera, registry=registry)
        self.enhanced = Counter("davy_frames_enhanced_total", "Frames enhanced and encoded.", camera, registry=registry)
        self.dropped = Counter(
            "davy_frames_dropped_total",
            "Frames dropped, by stage and reason.",
            (*camera, "stage", "reason"),
            registry=registry,
        )
        self.in_flight = Gauge(
            "davy_frames_in_flight", "Frames captured and neither enhanced nor dropped.", camera, registry=registry
        )
        self.age = Histogram(
            "davy_frame_age_seconds",
            "Age of a frame when the stage has finished with it.",
            (*camera, "stage"),
            buckets=AGE_BUCKETS_S,
            registry=registry,
        )
        self.work = Histogram(
            "davy_stage_duration_seconds",
            "Time that a stage took for one frame.",
            (*camera, "stage"),
            buckets=WORK_BUCKETS_S,
            registry=registry,
        )
