"""Export of frames' traces by OTLP over HTTP, with OpenTelemetry's SDK (extra otel)."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version

from pydantic import Field
from pydantic_settings import BaseSettings

from davy.domain.errors import ConfigError, MissingExtraError
from davy.tracing import FrameSpan, exporting

FLUSH_MS = 2000


class TracesSettings(BaseSettings, env_prefix="DAVY_TRACES_", frozen=True):
    """Settings of the traces of frames, the same for every program. The edge of a camera chooses which frames are traced."""

    endpoint: str = Field(
        "",
        pattern=r"^(https?://.+)?$",
        description="OTLP receiver: http://collector:4318. Empty: no traces. OTEL_EXPORTER_OTLP_* apply.",
    )
    ratio: float = Field(0.01, ge=0, le=1, description="Share of an edge's frames that are traced.")


@contextmanager
def tracing(service: str) -> Iterator[None]:
    """Export traces for the block, if the environment names a receiver. What it does not take is dropped, and no frame waits.

    Args:
        service: Name of the program, such as "edge".

    Raises:
        ConfigError: the endpoint is no URL.
        MissingExtraError: OpenTelemetry is not installed.
    """
    try:
        settings = TracesSettings()
    except ValueError as error:
        raise ConfigError(f"DAVY_TRACES_ENDPOINT or DAVY_TRACES_RATIO: {error}") from error
    if not settings.endpoint:
        yield
        return
    try:
        export = _Export(service, settings.endpoint)
    except ModuleNotFoundError as error:
        raise MissingExtraError("DAVY_TRACES_ENDPOINT", str(error.name), "otel") from error
    try:
        with exporting(export, settings.ratio):
            yield
    finally:
        export.close()


class _Export:
    """Hands spans to OpenTelemetry's batches."""

    def __init__(self, service: str, endpoint: str) -> None:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        self._resource = Resource.create({"service.name": f"davy-{service}", "service.version": version("davy")})
        self._batches = BatchSpanProcessor(OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces"))

    def __call__(self, span: FrameSpan) -> None:
        from opentelemetry.sdk.trace import ReadableSpan
        from opentelemetry.trace import SpanContext, TraceFlags

        flags = TraceFlags(TraceFlags.SAMPLED)
        parent = SpanContext(span.trace_id, span.parent_id, is_remote=True, trace_flags=flags) if span.parent_id else None
        self._batches.on_end(
            ReadableSpan(
                span.name,
                SpanContext(span.trace_id, span.span_id, is_remote=False, trace_flags=flags),
                parent,
                self._resource,
                {f"davy.{name}": value for name, value in span.attributes.items()},
                start_time=span.start_ns,
                end_time=span.end_ns,
            )
        )

    def close(self) -> None:
        """Send what waits, for at most 2 s."""
        self._batches.force_flush(FLUSH_MS)
        self._batches.shutdown()  # type: ignore[no-untyped-call]  # annotated in its base class alone
