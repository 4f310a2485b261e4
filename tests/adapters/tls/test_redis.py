import shutil
import signal
import socket
import subprocess
from contextlib import contextmanager, suppress

import pytest
from tests.conftest import pick_port
from tests.fixtures.identities import Identities

from davy.adapters.fan_out.redis_streams import RedisFanOut
from davy.domain.errors import StoreUnavailableError
from davy.domain.fan_out import Channel

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(shutil.which("redis-server") is None, reason="redis-server is not installed"),
]
KEPT, FRAME = Channel("frame/demo/west/face", keep_s=60.0), b"a frame"


@contextmanager
def secure_redis(identities: Identities):
    identities.write("store/main")
    folder, port = identities.path("store/main"), pick_port()
    files = [
        "--tls-cert-file",
        folder / "cert.pem",
        "--tls-key-file",
        folder / "key.pem",
        "--tls-ca-cert-file",
        folder / "ca.pem",
    ]
    command = ["redis-server", "--port", "0", "--tls-port", str(port), "--bind", "127.0.0.1", "--save", "", *files]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/tmp")
    for _ in range(300):
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.1):
            break
        signal.sigtimedwait([], 0.02)
    try:
        yield f"rediss://localhost:{port}/0"
    finally:
        process.kill()
        process.wait()


async def outcome(endpoint, tls):
    store = RedisFanOut(endpoint, "me", tls)
    try:
        await store.publish(KEPT, FRAME)
        return await store.newest(KEPT)
    finally:
        await store.close()


async def test_frames_go_through_redis_with_certificates_on_both_sides(identities):
    with secure_redis(identities) as endpoint:
        assert await outcome(endpoint, identities.tls("aggregator/main")) == FRAME


async def test_redis_refuses_a_client_without_a_certificate_or_of_a_foreign_authority(identities, tmp_path):
    foreign = Identities.make(tmp_path / "foreign")
    stranger = foreign.tls("aggregator/main")
    for name in ("ca.pem", "crl.pem"):
        (foreign.path("aggregator/main") / name).unlink()
    (foreign.path("aggregator/main") / "ca.pem").write_bytes(identities.authority.ca)
    with secure_redis(identities) as endpoint:
        for tls in (None, stranger, foreign.tls_of_files("aggregator/main")):
            with pytest.raises(StoreUnavailableError):
                await outcome(endpoint, tls)


async def test_a_new_connection_shows_the_rotated_certificate(identities):
    client = identities.tls("aggregator/main")
    with secure_redis(identities) as endpoint:
        store = RedisFanOut(endpoint, "me", client)
        try:
            await store.publish(KEPT, FRAME)
            identities.write("aggregator/main")
            await store._redis.connection_pool.disconnect()
            await store.publish(KEPT, FRAME)
        finally:
            await store.close()
    assert client.version == 2


async def test_a_redis_server_whose_certificate_is_revoked_is_refused(identities):
    with secure_redis(identities) as endpoint:
        client = identities.tls("aggregator/main")
        assert await outcome(endpoint, client) == FRAME
        identities.revoke("store/main", "aggregator/main")
        with pytest.raises(StoreUnavailableError, match="revoked"):
            await outcome(endpoint, client)
