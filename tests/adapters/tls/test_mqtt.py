import asyncio
import os
import signal
import socket
import ssl
from contextlib import contextmanager

import pytest
from tests.conftest import MOSQUITTO, Mosquitto, pick_port
from tests.fixtures.identities import Identities, self_signed

from davy.adapters import mqtt
from davy.adapters.mqtt.mosquitto import find_plugin, security
from davy.domain.errors import MessageRefusedError
from davy.domain.ports import Message
from davy.identity import write_credentials
from davy.site import SiteConfig

PLUGIN = find_plugin()
pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(MOSQUITTO is None or PLUGIN is None, reason="mosquitto is not installed, or without its plugin"),
]
SITE = SiteConfig(site="demo", edges={name: {"cameras": {"cam": {"source": "simulator://face"}}} for name in ("west", "east")})
CONFIG = """
plugin {plugin}
plugin_opt_config_file {folder}/security.json
listener {port} 127.0.0.1
cafile {broker}/ca.pem
certfile {broker}/cert.pem
keyfile {broker}/key.pem
crlfile {broker}/crl.pem
require_certificate true
use_identity_as_username true
use_username_as_clientid true
allow_anonymous false
"""


@contextmanager
def secure_broker(identities: Identities):
    """A Mosquitto that asks for certificates and takes their common names as users."""
    identities.write("broker/main")
    folder, port = identities.folder, pick_port()
    (folder / "security.json").write_text(security(SITE, {}))
    config = folder / "mosquitto.conf"
    config.write_text(CONFIG.format(port=port, broker=identities.path("broker/main"), folder=folder, plugin=PLUGIN))
    give_to_mosquitto(identities)
    broker = Mosquitto(port, config)
    broker.start()
    try:
        yield broker
    finally:
        broker.kill()


def give_to_mosquitto(identities: Identities) -> None:
    """Started by root, Mosquitto becomes its own user before it reads the files again."""
    if os.geteuid() == 0:
        for path in (
            *identities.path("broker/main").rglob("*"),
            identities.path("broker/main"),
            identities.folder / "security.json",
        ):
            path.chmod(0o755 if path.is_dir() else 0o644)
        for path in (identities.folder, *identities.folder.parents):
            if not path.stat().st_mode & 0o001:
                path.chmod(path.stat().st_mode | 0o755)


def address(broker: Mosquitto) -> str:
    return f"mqtts://localhost:{broker.port}"


async def until(condition, timeout_s: float = 15.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110  # a bus has no event of its connection
            await asyncio.sleep(0.02)


async def refused(endpoint: str, tls) -> str:
    async with mqtt.connect(endpoint, "refused", tls=tls) as bus:
        await until(lambda: bus.attempted)
        assert not bus.connected
        return bus.error


async def test_an_edge_writes_its_own_topics_by_its_certificate_alone(identities):
    with secure_broker(identities) as broker:
        async with (
            mqtt.connect(address(broker), "a", tls=identities.tls("aggregator/main")) as reader,
            mqtt.connect(address(broker), "w", tls=identities.tls("edge/west")) as west,
        ):
            messages = reader.subscribe(["davy/v1/demo/#"], qos=1)
            await until(lambda: reader.connected and west.connected)
            await asyncio.sleep(0.2)  # the subscription has no event of its acknowledgement
            with pytest.raises(MessageRefusedError, match="Not authorized"):
                await west.publish(Message("davy/v1/demo/east/cam/cam/frame", b"forged", qos=1))
            await west.publish(Message("davy/v1/demo/west/cam/cam/frame", b"own", qos=1))
            async with asyncio.timeout(10):
                assert (await anext(messages)).payload == b"own"


async def test_a_certificate_decides_over_the_client_id_too(identities):
    """Edge east asks for the id of edge west, and takes nothing over."""
    with secure_broker(identities) as broker:
        async with mqtt.connect(address(broker), "west", tls=identities.tls("edge/west")) as west:
            await until(lambda: west.connected)
            async with mqtt.connect(address(broker), "west", tls=identities.tls("edge/east")) as east:
                await until(lambda: east.connected)
                await west.publish(Message("davy/v1/demo/west/status", b"online", 1, retain=True))
                assert west.connected and east.connected


async def test_self_signed_foreign_expired_and_missing_certificates_are_refused(identities, tmp_path):
    foreign = Identities.make(tmp_path / "foreign")
    with secure_broker(identities) as broker:
        expired = identities.tls("edge/east", days=-0.001)
        assert await refused(address(broker), expired)
        stranger = foreign.tls("edge/west")
        trust = foreign.path("edge/west") / "ca.pem"
        trust.unlink()
        trust.write_bytes(identities.authority.ca)
        (foreign.path("edge/west") / "crl.pem").unlink()
        assert await refused(address(broker), foreign.tls_of_files("edge/west"))
        write_credentials(foreign.path("edge/west"), self_signed(tmp_path / "openssl", "davy://demo/edge/west"))
        assert await refused(address(broker), stranger)
        plain = ssl.create_default_context(cadata=identities.authority.ca.decode())
        with (
            socket.create_connection(("localhost", broker.port), 10) as pipe,
            pytest.raises(ssl.SSLError, match="REQUIRED"),
            plain.wrap_socket(pipe, server_hostname="localhost") as secured,
        ):
            secured.recv(1)


async def test_a_revoked_edge_is_refused_once_the_broker_has_the_list(identities):
    with secure_broker(identities) as broker:
        west = identities.tls("edge/west")
        async with mqtt.connect(address(broker), "w", tls=west) as bus:
            await until(lambda: bus.connected)
        identities.revoke("edge/west", "broker/main")
        give_to_mosquitto(identities)
        broker.kill()
        broker.start()
        assert await refused(address(broker), west)


async def test_a_broker_of_a_foreign_authority_is_refused_with_a_reason(identities, tmp_path):
    with secure_broker(Identities.make(tmp_path / "foreign")) as broker:
        assert "certificate verify failed" in await refused(address(broker), identities.tls("edge/west"))


async def test_rotation_under_load_loses_no_message(identities):
    """Both sides rotate three times while 600 frames of 30 kB go by at QoS 0, as live frames do."""
    total, picture = 600, os.urandom(30_000)
    with secure_broker(identities) as broker:
        edge, reader_tls = identities.tls("edge/west"), identities.tls("aggregator/main")
        async with (
            mqtt.connect(address(broker), "reader", tls=reader_tls) as reader,
            mqtt.connect(address(broker), "west", tls=edge) as west,
        ):
            messages = reader.subscribe(["davy/v1/demo/west/cam/#"], depth=total)
            await until(lambda: reader.connected and west.connected)
            await asyncio.sleep(0.2)
            received: list[int] = []

            async def read() -> None:
                while len(received) < total:
                    received.append(int((await anext(messages)).payload[:8]))

            reading = asyncio.create_task(read())
            for number in range(total):
                if number in (150, 300, 450):
                    identities.write("edge/west")
                    identities.write("broker/main")
                    give_to_mosquitto(identities)
                    broker.process.send_signal(signal.SIGHUP)
                await west.publish(Message("davy/v1/demo/west/cam/cam/frame", f"{number:08}".encode() + picture))
                await asyncio.sleep(0.005)
            await asyncio.wait_for(reading, 20)
            assert received == list(range(total))
            assert edge.look(0) > 1
        async with mqtt.connect(address(broker), "again", tls=edge) as bus:  # with the newest certificate
            await until(lambda: bus.connected)
