"""davy.v1.AnalysisService: gives analysers their cameras and takes the findings."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from functools import partial

from davy.adapters.grpc.analysis import from_findings, to_assignment
from davy.domain.camera import check_id
from davy.domain.errors import DeadlineExceededError, InvalidInputError, OtherSiteError
from davy.twin.model import ReportedModel
from davy.v1 import analysis_pb2, analysis_pb2_grpc
from davy_aggregator.analysis.workers import LEASE_S, AnalysisWorkers, Worker
from davy_aggregator.rpc.answers import Put, answering

MAX_CAPACITY = 1024
Requests = AsyncIterator[analysis_pb2.AnalyseCamerasRequest]


class AnalysisServicer(analysis_pb2_grpc.AnalysisServiceServicer):
    """Attaches analysers.

    Args:
        workers: Shares the cameras out; None refuses everybody, as this aggregator analyses by itself.
        site: Id of the site.
    """

    def __init__(self, workers: AnalysisWorkers | None, site: str) -> None:
        self._workers, self._site = workers, site

    async def AnalyseCameras(  # noqa: N802  # gRPC names methods so
        self,
        request_iterator: Requests,
        context: object,  # noqa: ARG002
    ) -> AsyncGenerator[analysis_pb2.AnalyseCamerasResponse, None]:
        if self._workers is None:
            raise InvalidInputError("this aggregator analyses by itself: set DAVY_ANALYSIS_RUN_IN=workers")
        requests = aiter(request_iterator)
        hello = await self._hello(requests)
        with self._workers.attach(hello.name, hello.capacity, hello.follows) as worker:
            read, ask = partial(self._read, requests, worker), partial(_assign, worker)
            async with aclosing(answering("analysis", read, ask)) as answers:
                async for answer in answers:
                    yield answer

    async def _hello(self, requests: Requests) -> analysis_pb2.AnalyserHello:
        first = await _receive(requests, "an analyser")
        if first is None or first.WhichOneof("content") != "hello":
            raise InvalidInputError("the first message of a stream is hello")
        if first.hello.site != self._site:
            raise OtherSiteError(first.hello.site, self._site, "findings")
        check_id("analyser", first.hello.name)
        if not 1 <= first.hello.capacity <= MAX_CAPACITY:
            raise InvalidInputError(f"capacity is 1 to {MAX_CAPACITY}, got {first.hello.capacity}")
        return first.hello

    async def _read(self, requests: Requests, worker: Worker, _put: Put[analysis_pb2.AnalyseCamerasResponse]) -> None:
        assert self._workers is not None
        while True:
            request = await _receive(requests, f"analyser {worker.name}")
            if request is None:
                return
            if request.HasField("findings"):
                await self._workers.take(worker, from_findings(request.findings, self._site))
            elif request.HasField("reported"):
                self._workers.take_report(worker, ReportedModel.parse(request.reported.encode()))


async def _assign(worker: Worker, put: Put[analysis_pb2.AnalyseCamerasResponse]) -> None:
    while True:
        places, desired = await worker.next()
        put(to_assignment(places, LEASE_S, desired.to_bytes() if desired is not None else b""))


async def _receive(requests: Requests, sender: str) -> analysis_pb2.AnalyseCamerasRequest | None:
    try:
        async with asyncio.timeout(LEASE_S):
            return await anext(requests, None)
    except TimeoutError as error:
        raise DeadlineExceededError(sender, LEASE_S) from error
