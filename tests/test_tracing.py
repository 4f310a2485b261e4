import asyncio
import json
import logging
import os
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from davy import tracing
from davy.adapters import otlp
from davy.telemetry import configure_logging, get_logger

TRACED, UNTRACED = (f"00-{1:032x}-{2:016x}-{flag}" for flag in ("01", "00"))


@contextmanager
def receiver() -> Iterator[tuple[str, list]]:
    """An OTLP receiver; its URL, and the resources with spans that it received."""
    received: list = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            import gzip

            body = self.rfile.read(int(self.headers["Content-Length"]))
            body = gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
            assert self.path == "/v1/traces"
            received.extend(ExportTraceServiceRequest.FromString(body).resource_spans)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", received
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def spans(received: list) -> list:
    return [span for resource in received for scope in resource.scope_spans for span in scope.spans]


def test_spans_reach_an_otlp_receiver_with_the_ids_of_the_frame(monkeypatch):
    with receiver() as (url, received):
        monkeypatch.setenv("DAVY_TRACES_ENDPOINT", url)
        with otlp.tracing("edge"):
            tracing.record(TRACED, "frame", 1_000, 5_000, camera="mine/north/face", seq=7)
            tracing.record(TRACED, "enhance", 2_000, 3_000, camera="mine/north/face")
            tracing.record(UNTRACED, "frame", 1_000)
    frame, enhance = spans(received)
    assert (frame.name, frame.trace_id[-1], frame.span_id[-1], frame.parent_span_id) == ("frame", 1, 2, b"")
    assert (enhance.name, enhance.trace_id[-1], enhance.parent_span_id[-1]) == ("enhance", 1, 2)
    assert (enhance.start_time_unix_nano, enhance.end_time_unix_nano) == (2_000, 3_000)
    assert {each.key for each in frame.attributes} == {"davy.camera", "davy.seq"}
    names = {each.key: each.value.string_value for each in received[0].resource.attributes}
    assert names["service.name"] == "davy-edge"


def test_the_share_of_traced_frames_is_the_setting():
    with tracing.exporting(lambda _: None, 0.25):
        traced = sum(tracing.is_traced(tracing.new_frame()) for _ in range(2000))
    assert 400 < traced < 600


def test_without_a_receiver_no_frame_is_traced_and_its_context_is_still_valid():
    context = tracing.new_frame()
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-00", context)
    assert not tracing.is_traced(context)
    assert not tracing.is_traced(TRACED)


@pytest.mark.parametrize("broken", ["", "00-aa-bb-01", f"00-{0:032x}-{2:016x}-01", "x" * 55])
def test_a_broken_context_is_not_traced(broken):
    found: list = []
    with tracing.exporting(found.append, 1):
        tracing.record(broken, "ingest", 1)
    assert found == []


def test_a_stage_between_two_places_runs_from_its_mark():
    found: list = []
    with tracing.exporting(found.append, 1):
        tracing.mark(TRACED, "send")
        tracing.record_since_mark(TRACED, "send", sink="grpc")
        tracing.record_since_mark(f"00-{3:032x}-{2:016x}-01", "send")
    (span,) = found
    assert span.end_ns >= span.start_ns > 0
    assert span.attributes == {"sink": "grpc"}


def test_marks_of_frames_that_never_end_are_bounded():
    with tracing.exporting(lambda _: None, 1):
        for number in range(1, tracing.MAX_MARKS + 50):
            tracing.mark(f"00-{number:032x}-{2:016x}-01", "send")
        assert len(tracing._tracing.marks) == tracing.MAX_MARKS


def test_log_lines_about_a_frame_carry_its_trace(capsys):
    before = logging.getLogger().handlers[:]
    try:
        configure_logging()
        with tracing.frame(TRACED):
            get_logger("test").warning("frame.refused")
        get_logger("test").warning("other")
        about, other = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    finally:
        logging.basicConfig(handlers=before, force=True)
    assert (about["trace_id"], about["span_id"]) == (f"{1:032x}", f"{2:016x}")
    assert "trace_id" not in other


@pytest.mark.system
@pytest.mark.slow
async def test_a_frame_of_an_edge_is_one_trace_over_edge_and_aggregator(tmp_path):
    """Two processes and a subscriber; every stage names the frame as its parent."""
    from tests.davy_aggregator.conftest import picture, until

    from davy.adapters.grpc.frame_client import FrameClient

    stages = {"frame", "capture", "enhance", "encode", "send", "ingest", "show"}
    with receiver() as (url, received):
        environment = os.environ | {
            "DAVY_TRACES_ENDPOINT": url,
            "DAVY_TRACES_RATIO": "1",
            "OTEL_BSP_SCHEDULE_DELAY": "200",
            "DAVY_AGGREGATOR_ACCESS": "open",
            "DAVY_ANALYSIS_ENABLED": "false",
        }
        port = _free_port()
        site = tmp_path / "site.yaml"
        (tmp_path / "pictures").mkdir()
        for number in range(2):
            (tmp_path / "pictures" / f"{number}.jpg").write_bytes(picture(at=0.3 * number))
        site.write_text(
            "site: mine\nbroker: mqtt://127.0.0.1:9\ncache: redis://127.0.0.1:9/0\n"
            f"aggregator: grpc://127.0.0.1:{port}\n"
            f"edges: {{north: {{cameras: {{face: {{source: 'file://{tmp_path / 'pictures'}', fps: 5}}}}}}}}\n"
        )
        words = [sys.executable, "-m", "davy"]
        own = ["--config", str(site), "--data", str(tmp_path / "data")]
        commands = [["aggregator", *own, "--port", "0", "--grpc-port", str(port)], ["edge", *own]]
        quiet = asyncio.subprocess.DEVNULL
        started = [
            await asyncio.create_subprocess_exec(*words, *each, env=environment, stdout=quiet, stderr=quiet)
            for each in commands
        ]
        try:
            following = asyncio.create_task(_follow(FrameClient, port))
            await until(lambda: any(names >= stages for names in _traces(received).values()), 60)
            following.cancel()
        finally:
            for each in started:
                each.terminate()
            for each in started:
                await each.wait()
        services = {
            value.value.string_value for each in received for value in each.resource.attributes if value.key == "service.name"
        }
    assert services == {"davy-edge", "davy-aggregator"}


def _traces(received: list) -> dict[bytes, set[str]]:
    found: dict[bytes, set[str]] = {}
    roots = {span.trace_id: span.span_id for span in spans(list(received)) if span.name == "frame"}
    for span in spans(list(received)):
        if span.name == "frame" or span.parent_span_id == roots.get(span.trace_id):
            found.setdefault(span.trace_id, set()).add(span.name)
    return found


async def _follow(client_type, port: int) -> None:
    from davy.domain.errors import AggregatorUnavailableError

    while True:
        try:
            async with client_type.connect(f"grpc://127.0.0.1:{port}") as client:
                async for _ in client.frames():
                    pass
        except AggregatorUnavailableError:
            await asyncio.sleep(0.1)


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
