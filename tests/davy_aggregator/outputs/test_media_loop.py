import asyncio

import pytest

from davy_aggregator.outputs.media_loop import MediaLoop
from davy_aggregator.outputs.webrtc_peer import listened_addresses

FIRST = 47_310


async def open_port() -> tuple[int, asyncio.BaseTransport]:
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(asyncio.DatagramProtocol, ("127.0.0.1", 0))
    return transport.get_extra_info("sockname")[1], transport


async def test_sockets_take_ports_of_the_range_until_none_is_free():
    media, opened = MediaLoop((FIRST, FIRST + 1)), []
    try:
        opened = [await media.call(open_port()) for _ in range(2)]
        assert {port for port, _ in opened} == {FIRST, FIRST + 1}
        with pytest.raises(OSError, match="in use"):
            await media.call(open_port())
        media.post(opened[0][1].close)
        opened.append(await media.call(open_port()))
        assert opened[2][0] == opened[0][0]
    finally:
        for _, transport in opened:
            media.post(transport.close)
        await media.call(asyncio.sleep(0.1))  # transports close in the loop's next turn
        await media.close()


@pytest.mark.parametrize(
    ("host", "found"),
    [("127.0.0.1", ("127.0.0.1",)), ("localhost", ("127.0.0.1",)), ("0.0.0.0", ()), ("::", ()), ("aggregator", ())],
)
def test_packets_come_where_http_listens(host, found):
    assert listened_addresses(host) == found
