"""Client of davy.v1.AnalysisService: cameras of an analyser in, findings out."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TypeAlias

import grpc

from davy.adapters.grpc.analysis import from_assignment, to_findings
from davy.adapters.grpc.channels import own_metadata
from davy.adapters.grpc.operator_client import OperatorClient
from davy.domain.camera import CameraAddress
from davy.domain.errors import AggregatorUnavailableError
from davy.domain.observation import CameraFindings
from davy.domain.secret_url import SecretUrl
from davy.place_rules import CameraPlaces
from davy.v1 import analysis_pb2, analysis_pb2_grpc

BEATS_PER_LEASE = 3

Assigned = Callable[[Mapping[CameraAddress, CameraPlaces]], None]
Call: TypeAlias = "grpc.aio.StreamStreamCall[analysis_pb2.AnalyseCamerasRequest, analysis_pb2.AnalyseCamerasResponse]"


class AnalysisStream:
    """An open stream. `run` reads assignments and keeps the lease; `send` and `report` speak to the aggregator."""

    def __init__(self, call: Call, site: str, translate: Callable[[grpc.aio.AioRpcError], Exception]) -> None:
        self._call, self._site, self._translate = call, site, translate
        self._writing = asyncio.Lock()  # gRPC takes one write at a time
        self._lease_s = 1.0

    async def hello(self, name: str, capacity: int, *, follows: bool = False) -> None:
        """Say who analyses; the first message.

        Args:
            name: Of this analyser.
            capacity: Frames that it analyses at the same time.
            follows: Whether it runs the detectors that are rolled out.

        Raises:
            AggregatorUnavailableError: the stream broke.
        """
        hello = analysis_pb2.AnalyserHello(site=self._site, name=name, capacity=capacity, follows=follows)
        await self._write(analysis_pb2.AnalyseCamerasRequest(hello=hello))

    async def send(self, findings: CameraFindings) -> None:
        """Report the findings of one frame; waits for flow control.

        Raises:
            AggregatorUnavailableError: the stream broke.
        """
        await self._write(analysis_pb2.AnalyseCamerasRequest(findings=to_findings(findings)))

    async def report(self, reported: bytes) -> None:
        """Report the detector that runs: JSON, see davy.twin.model.ReportedModel.

        Raises:
            AggregatorUnavailableError: the stream broke.
        """
        await self._write(analysis_pb2.AnalyseCamerasRequest(reported=reported.decode()))

    async def run(self, assigned: Assigned, desired: Callable[[bytes], None] = lambda _: None) -> None:
        """Hand every assignment over and keep the lease, until the stream breaks.

        Args:
            assigned: Takes the cameras.
            desired: Takes the detector to run: JSON, see davy.twin.model.DesiredModel. Called if there is one.

        Raises:
            AggregatorUnavailableError: the stream broke or ended, or the aggregator stands by.
            InvalidInputError: the aggregator refuses a message.
        """
        beating = asyncio.create_task(self._beat(), name="analysis.beat")
        try:
            async for message in self._call:
                self._lease_s = message.lease_ms / 1000
                assigned(from_assignment(message, self._site))
                if message.desired:
                    desired(message.desired.encode())
            code, details = await self._call.code(), await self._call.details()
            raise AggregatorUnavailableError("the analysis stream", details or code.name)
        except grpc.aio.AioRpcError as error:
            raise self._translate(error) from error
        finally:
            beating.cancel()

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self._lease_s / BEATS_PER_LEASE)
            await self._write(analysis_pb2.AnalyseCamerasRequest())

    async def _write(self, message: analysis_pb2.AnalyseCamerasRequest) -> None:
        try:
            async with self._writing:
                await self._call.write(message)
        except grpc.aio.AioRpcError as error:
            raise self._translate(error) from error
        except (asyncio.InvalidStateError, grpc.aio.UsageError) as error:  # written to after it had ended
            raise AggregatorUnavailableError("the analysis stream", "it has ended") from error


class AnalysisClient(OperatorClient):
    """Analyses cameras for an aggregator."""

    def __init__(self, channel: grpc.aio.Channel, endpoint: SecretUrl | str) -> None:
        super().__init__(channel, endpoint)
        self._stub = analysis_pb2_grpc.AnalysisServiceStub(channel)

    @asynccontextmanager
    async def analyse(self, site: str) -> AsyncIterator[AnalysisStream]:
        """Open a stream for the block; its first message is `hello`."""
        call = self._stub.AnalyseCameras(metadata=own_metadata())
        try:
            yield AnalysisStream(call, site, self._translate)
        finally:
            call.cancel()
