"""The live plane over gRPC while the certificates of both sides rotate."""

import asyncio

import grpc
import pytest
from tests.davy_edge.transport.test_grpc_plane import Plane
from tests.fixtures.edges import until
from tests.fixtures.identities import Identities
from tests.fixtures.ingest_server import Ingest

from davy.adapters.grpc import ingest_client
from davy.adapters.grpc.server import serve_grpc
from davy.adapters.grpc.tls import CERTIFICATE
from davy.domain.drops import DropPoint
from davy.v1 import ingest_pb2_grpc

FRAMES, EVERY_S = 600, 0.02


class Noting(Ingest):
    """Notes the certificate of each stream."""

    async def PushFrames(self, request_iterator, context):  # noqa: N802
        self.certificates.append(next(iter(context.auth_context()[CERTIFICATE])))
        async for answer in super().PushFrames(request_iterator, context):
            yield answer


@pytest.mark.system
@pytest.mark.alone
async def test_rotation_under_load_loses_no_frame_and_moves_to_the_new_certificate(tmp_path):
    identities = Identities.make(tmp_path / "identities")
    server, edge = identities.tls("aggregator/main"), identities.tls("edge/north")
    ingest, port = Noting(), asyncio.get_running_loop().create_future()
    ingest.certificates = []

    def register(found: grpc.aio.Server) -> list[str]:
        ingest_pb2_grpc.add_IngestServiceServicer_to_server(ingest, found)
        return ["davy.v1.IngestService"]

    serving = asyncio.create_task(serve_grpc("127.0.0.1", 0, register, port.set_result, tls=server))
    fed = Plane()
    try:
        async with ingest_client.connect(f"grpcs://localhost:{await port}", edge) as client:
            pushing = asyncio.create_task(fed.plane.run(client))
            await until(lambda: fed.plane.connected)
            for number in range(FRAMES):
                if number in (100, 250, 400):
                    identities.write("edge/north")
                    identities.write("aggregator/main")
                fed.offer(1)
                await asyncio.sleep(EVERY_S)
            await until(lambda: fed.accounting.read()["face"].pending(DropPoint.GRPC) == 0)
            pushing.cancel()
            await asyncio.wait({pushing})
    finally:
        serving.cancel()
        await asyncio.wait({serving})
    assert [envelope.meta.seq for envelope in ingest.frames] == list(range(1, FRAMES + 1))
    assert fed.sent == FRAMES
    assert len(set(ingest.certificates)) == 4
