"""The channel of tasks: this edge dials the aggregator, answers a few tasks at a time, and dials again."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress

from davy.adapters.grpc.edge_tasks import to_network_camera
from davy.adapters.grpc.ingest_client import IngestClient, Stream
from davy.adapters.onvif import CameraSearch, SearchRequest, named_camera
from davy.domain.errors import AggregatorUnavailableError, DavyError, InvalidInputError, OverloadedError, UnsupportedError
from davy.domain.network_camera import Login
from davy.domain.ports import FrameSource, OpenSource
from davy.domain.source import Source, SourcePolicy
from davy.domain.topics import EdgeTopics
from davy.domain.urls import redact_text
from davy.imaging.runtime import StillEnhancer
from davy.site import TLS_PATTERN
from davy.streams.reconnect import Backoff, keep_connected
from davy.telemetry import get_logger
from davy.v1 import edge_pb2
from davy_edge.tasks.source_test import take_picture

log = get_logger(__name__)

MAX_TASKS = 2  # at a time: a search takes a core for seconds
MAX_TIMEOUT_S = 60.0
MAX_TEXT = 500  # characters of a reason
BACKOFF = Backoff(longest_s=5.0)
HELLO_TIMEOUT_S = 5.0

TaskStream = Stream[edge_pb2.AttachEdgeRequest, edge_pb2.AttachEdgeResponse]


class TaskChannel:
    """Answers the aggregator's tasks.

    Args:
        policy: Addresses and sources that may be asked and opened.
        opener: Returns the opener of a scheme.
        still: Returns the active enhancer, None on an edge that does not enhance.
        search_port: UDP port of the search.
        search_s: How long answers to it are awaited.
    """

    def __init__(
        self,
        topics: EdgeTopics,
        policy: SourcePolicy,
        opener: Callable[[str], OpenSource],
        still: Callable[[], StillEnhancer | None],
        search_port: int,
        search_s: float,
    ) -> None:
        self._topics, self._policy, self._opener, self._still = topics, policy, opener, still
        self._search_port, self._search_s = search_port, search_s
        self._running = 0

    async def run(self, client: IngestClient) -> None:
        """Answer tasks until cancelled."""
        await keep_connected(lambda: self._session(client), AggregatorUnavailableError, BACKOFF, self._on_lost)

    def _on_lost(self, error: Exception, wait_s: float, failures: int) -> None:
        if failures == 1:  # the live plane reports an aggregator that is gone
            log.info("tasks.unavailable", error=str(error), again_in_s=round(wait_s, 1))

    async def _session(self, client: IngestClient) -> None:
        """Run one stream. Return if this edge was attached, else raise."""
        async with client.attach() as stream:
            hello = edge_pb2.EdgeHello(site=self._topics.site, edge=self._topics.edge)
            await stream.send(edge_pb2.AttachEdgeRequest(hello=hello))
            await stream.answer(HELLO_TIMEOUT_S)
            with suppress(AggregatorUnavailableError):
                await self._serve(stream)

    async def _serve(self, stream: TaskStream) -> None:
        sending = asyncio.Lock()
        try:
            async with asyncio.TaskGroup() as tasks:
                while True:
                    task = (await stream.answer()).task
                    tasks.create_task(self._answer(stream, sending, task), name=f"edge.task.{task.WhichOneof('work')}")
        except ExceptionGroup as group:
            raise group.exceptions[0] from group

    async def _answer(self, stream: TaskStream, sending: asyncio.Lock, task: edge_pb2.EdgeTask) -> None:
        kind, result = task.WhichOneof("work"), edge_pb2.EdgeResult(id=task.id)
        timeout_s = min(task.timeout_ms / 1000, MAX_TIMEOUT_S)
        log.info("task.started", task=kind)
        try:
            async with asyncio.timeout(timeout_s):
                await self._run(task, result, timeout_s)
        except TimeoutError:
            result.error = f"it took longer than {timeout_s:g} s"
        except DavyError as error:
            result.error = redact_text(str(error))[:MAX_TEXT]
        except Exception:  # foreign cameras may meet any line of a library: a task ends itself alone
            log.exception("task.failed", task=kind)
            result.error = "it failed; see the log of the edge"
        log.info("task.ended", task=kind, error=result.error)
        async with sending:
            await stream.send(edge_pb2.AttachEdgeRequest(result=result))

    async def _run(self, task: edge_pb2.EdgeTask, result: edge_pb2.EdgeResult, timeout_s: float) -> None:
        if self._running >= MAX_TASKS:
            raise OverloadedError("the tasks of this edge", MAX_TASKS)
        works: dict[str, Callable[[], Awaitable[None]]] = {
            "search_cameras": lambda: self._search(task.search_cameras, result.found_cameras),
            "test_source": lambda: self._test(task.test_source, result.tested_source, timeout_s),
        }
        work = works.get(task.WhichOneof("work") or "")
        if work is None:
            raise UnsupportedError("this edge does not know this task: it is older than the aggregator")
        self._running += 1
        try:
            await work()
        finally:
            self._running -= 1

    async def _search(self, work: edge_pb2.SearchCameras, outcome: edge_pb2.FoundCameras) -> None:
        request = SearchRequest(
            login=Login(work.user, work.password), probe_s=self._search_s, policy=self._policy, port=self._search_port
        )
        if work.host:
            request = await asyncio.to_thread(named_camera, request, work.host, work.port, work.secure)
        search = CameraSearch(request)
        try:
            found = await asyncio.to_thread(search.run)
        except asyncio.CancelledError:
            search.cancel()
            raise
        outcome.SetInParent()
        outcome.cameras.extend(to_network_camera(camera) for camera in found)

    async def _test(self, work: edge_pb2.TestSource, outcome: edge_pb2.TestedSource, timeout_s: float) -> None:
        source, tls = Source.parse(work.source), work.tls or "verify"
        self._policy.check(source)
        if not re.fullmatch(TLS_PATTERN, tls):
            raise InvalidInputError("tls is verify, insecure, or sha256: and a fingerprint")
        opener = self._opener(source.scheme)
        opened: list[FrameSource] = []
        try:  # half of the time to open the source, half for its frames
            picture = await asyncio.to_thread(take_picture, source, tls, opener, self._still(), timeout_s / 2, opened.append)
        except asyncio.CancelledError:
            for each in opened:
                each.close()
            raise
        outcome.raw_jpeg, outcome.enhanced_jpeg = picture.raw, picture.enhanced or b""
        outcome.width, outcome.height, outcome.fps = picture.width, picture.height, picture.fps
