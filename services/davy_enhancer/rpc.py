"""davy.v1.EnhancerService over gRPC."""

from __future__ import annotations  # grpc's classes are generic in their stubs only

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, TypeAlias, cast

import grpc

from davy.domain.dials import Dials, Preset, dials_of
from davy.domain.errors import DavyError, InvalidInputError
from davy.v1.enhancer_pb2 import Dials as DialsMessage
from davy.v1.enhancer_pb2 import EnhanceRequest, EnhanceResponse, EnhanceStreamRequest, EnhanceStreamResponse
from davy.v1.enhancer_pb2_grpc import EnhancerServiceServicer, add_EnhancerServiceServicer_to_server
from davy_enhancer import processing
from davy_enhancer.negotiation import preferences_of
from davy_enhancer.scheduler import RequestScheduler

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"

AHEAD = 4  # concurrent requests of one stream


class EnhancerService(EnhancerServiceServicer):
    """Enhances images through the scheduler that REST uses, too."""

    def __init__(self, scheduler: RequestScheduler, max_pixels: int) -> None:
        self._scheduler, self._max_pixels = scheduler, max_pixels

    async def Enhance(self, request: EnhanceRequest, context: Context) -> EnhanceResponse:  # noqa: N802  # the proto's name
        response, notes = await self._enhance(request)
        if notes:
            context.set_trailing_metadata((*(context.trailing_metadata() or ()), ("davy-notes", "; ".join(notes))))
        return response

    async def EnhanceStream(  # noqa: N802  # the proto's name
        self,
        request_iterator: AsyncIterator[EnhanceStreamRequest],
        context: Context,  # noqa: ARG002  # grpc passes it
    ) -> AsyncGenerator[EnhanceStreamResponse, None]:
        """Answer in order, with at most AHEAD concurrent requests, which also limits reading of the stream."""
        answers: asyncio.Queue[asyncio.Task[EnhanceStreamResponse] | None] = asyncio.Queue(AHEAD - 1)  # one more is awaited
        reader = asyncio.create_task(self._read(request_iterator, answers), name="enhancer.stream")
        try:
            while (answer := await answers.get()) is not None:
                yield await answer
        finally:
            reader.cancel()
            while not answers.empty():
                if (left := answers.get_nowait()) is not None:
                    left.cancel()

    async def _read(
        self, requests: AsyncIterator[EnhanceStreamRequest], answers: asyncio.Queue[asyncio.Task[EnhanceStreamResponse] | None]
    ) -> None:
        try:
            async for request in requests:
                await answers.put(asyncio.create_task(self._enhance_or_report(request), name="enhancer.stream.request"))
        finally:  # also after a client's error: pending answers are still sent
            await answers.put(None)

    async def _enhance_or_report(self, request: EnhanceStreamRequest) -> EnhanceStreamResponse:
        try:
            response, _ = await self._enhance(request.request)
            return EnhanceStreamResponse(id=request.id, response=response)
        except DavyError as error:
            return EnhanceStreamResponse(id=request.id, error=str(error))

    async def _enhance(self, request: EnhanceRequest) -> tuple[EnhanceResponse, tuple[str, ...]]:
        start = time.perf_counter()
        work = self._to_domain(request)
        with self._scheduler.admit():
            enhanced = await self._scheduler.enhance(work)
        response = EnhanceResponse(
            image=enhanced.image,
            content_type=enhanced.format.value,
            model=enhanced.model,
            elapsed_ms=1e3 * (time.perf_counter() - start),
        )
        return response, enhanced.notes

    def _to_domain(self, request: EnhanceRequest) -> processing.EnhanceRequest:
        strength = request.strength if request.HasField("strength") else 1.0
        if not 0 <= strength <= 1:
            raise InvalidInputError(f"strength {strength:g} is out of range: use 0 (identity) to 1")
        if request.quality > 100:
            raise InvalidInputError(f"quality {request.quality} is out of range: use 1 to 100, or 0 for 90")
        return processing.EnhanceRequest(
            request.image,
            strength,
            request.quality or 90,
            preferences_of(request.accept),
            self._max_pixels,
            _to_dials(request.dials),
        )


def _to_dials(message: DialsMessage) -> Dials:
    """The dials of a message. Raises InvalidInputError: one is outside its range, or the preset is unknown."""
    given = {field.name: value for field, value in message.ListFields() if field.name != "preset"}
    return dials_of(cast("Preset | None", message.preset or None), **given)


def register(service: EnhancerService, server: grpc.aio.Server) -> list[str]:
    """Add the service to a server. Return its full name, for health and reflection."""
    add_EnhancerServiceServicer_to_server(service, server)
    return ["davy.v1.EnhancerService"]
