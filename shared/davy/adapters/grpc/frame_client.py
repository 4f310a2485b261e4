"""Client of davy.v1.FrameService: live pictures and live video."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import grpc

from davy.adapters.grpc.envelope import from_envelope
from davy.adapters.grpc.operator_client import OperatorClient
from davy.adapters.grpc.video import from_packet, to_variant
from davy.domain.frame import EncodedFrame
from davy.domain.secret_url import SecretUrl
from davy.domain.video import Variant, VideoPacket
from davy.v1 import ingest_pb2, ingest_pb2_grpc


class FrameClient(OperatorClient):
    """Follows cameras; the newest picture wins, and video skips to a key frame where the caller is too slow."""

    def __init__(self, channel: grpc.aio.Channel, endpoint: SecretUrl | str) -> None:
        super().__init__(channel, endpoint)
        self._stub = ingest_pb2_grpc.FrameServiceStub(channel)

    async def frames(
        self, cameras: Sequence[str] = (), *, max_fps: float = 0.0, include_raw: bool = False
    ) -> AsyncGenerator[EncodedFrame, None]:
        """Yield live pictures.

        Args:
            cameras: "edge/camera" each; none means all.
            max_fps: Per camera; 0 means every one.
            include_raw: With the picture before enhancement, which edges send only while somebody asks for it.
        """
        request = ingest_pb2.SubscribeFramesRequest(cameras=cameras, max_fps=max_fps, include_raw=include_raw)
        async with aclosing(self._follow(self._stub.SubscribeFrames, request)) as answers:
            async for answer in answers:
                yield from_envelope(answer.frame)

    async def video(
        self, camera: str, variant: Variant = "enhanced", *, fresh: bool = False
    ) -> AsyncGenerator[VideoPacket, None]:
        """Yield the packets of a camera's video, a key frame first.

        Args:
            camera: "edge/camera".
            variant: Which video.
            fresh: Begin with a new key frame instead of the last one: the first picture is now.
        """
        request = ingest_pb2.SubscribeVideoRequest(camera=camera, variant=to_variant(variant), fresh=fresh)
        async with aclosing(self._follow(self._stub.SubscribeVideo, request)) as answers:
            async for answer in answers:
                yield from_packet(answer.packet)
