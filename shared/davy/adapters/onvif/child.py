"""The process of its own that searches for cameras and asks them: foreign XML is parsed here and nowhere else.

It connects only to addresses that answered, or were named, and that the policy of the edge allows. An answer with a document
type, hence with entities, is refused. The parent limits memory and time.
"""

import asyncio
import ipaddress
import json
import sys
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

from davy.adapters.onvif.device import ask, prepare
from davy.adapters.onvif.discovery import probe
from davy.adapters.onvif.search import to_line
from davy.adapters.process.isolated import serve_request
from davy.domain.network_camera import MAX_CAMERAS, Login, NetworkCamera
from davy.domain.source import InvalidSourceError, SourcePolicy

Send = Callable[[object], None]


def main() -> None:
    """Serve the request on standard input."""
    serve_request(lambda request, send: asyncio.run(_search(json.load(request), send)))


async def _search(request: dict[str, Any], send: Send) -> None:
    policy = SourcePolicy(networks=request["networks"], hosts=request["hosts"])
    login, camera_s = Login(*request["login"]), request["camera_s"]
    allowed: set[str] = set()
    _refuse_other_connections(allowed)
    asked: dict[tuple[str, int], asyncio.Task[None]] = {}

    async def ask_one(camera: NetworkCamera) -> None:
        try:
            async with asyncio.timeout(camera_s):
                answer = await ask(camera, login, camera_s)
        except TimeoutError:
            answer = replace(camera, reason=f"it did not answer within {camera_s:g} s")
        send(to_line(answer, final=True))

    def found(camera: NetworkCamera) -> None:
        key = camera.address, camera.port
        if key in asked or len(asked) >= MAX_CAMERAS:
            return
        reason = _refusal(policy, camera.address)
        send(to_line(replace(camera, reason=reason), final=bool(reason)))
        if not reason:
            allowed.add(camera.address)
            asked[key] = asyncio.create_task(ask_one(camera), name=f"ask.{camera.address}")

    await prepare()
    named = [NetworkCamera(**each) for each in request["cameras"]]
    for camera in named:
        found(camera)
    if not named:
        await probe(found, request["probe_s"], request["port"])
    await asyncio.gather(*asked.values())


def _refusal(policy: SourcePolicy, address: str) -> str:
    try:
        policy.check_address(address, ipaddress.ip_address(address))
    except InvalidSourceError as error:
        return str(error)
    return ""


def _refuse_other_connections(allowed: Collection[str]) -> None:
    """Forbid this process every TCP connection but to these addresses, whatever a library is redirected to."""

    def check(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "socket.connect" and arguments[1][0] not in allowed:
            raise PermissionError("a camera may lead to no other address than its own")

    sys.addaudithook(check)


if __name__ == "__main__":
    main()
