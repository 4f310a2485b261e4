"""A closed mine as it is shipped, with tokens for edges north and south; and what must still be so after an attack."""

import itertools
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx
from tests.davy_aggregator.conftest import NOBODY, Running, envelope, make_settings, make_site, running, until

from davy.access.roles import Role
from davy.site import SiteConfig
from davy.v1 import ingest_pb2
from davy_cli.directory import open_directory

CAMERA = {"source": "simulator://face"}
_seqs = itertools.count(1)


@dataclass
class ClosedMine:
    """A running closed aggregator; tokens of edges north and south and of people and services."""

    aggregator: Running
    tokens: dict[str, str]
    broker: bool

    def headers(self, who: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens[who]}"}

    def metadata(self, who: str) -> list[tuple[str, str]]:
        return [("authorization", f"Bearer {self.tokens[who]}")]

    async def get(self, path: str, who: str = "viewer", **options: Any) -> httpx.Response:
        return await self.aggregator.client.get(path, headers=self.headers(who), **options)

    async def unharmed(self) -> None:
        """Assert that it is ready, that every page answers, and that the neighbour's camera is live by a new frame."""
        await self.south_is_live()
        for path in ("/v1/edges", "/v1/cameras", "/v1/site", "/v1/events", "/v1/configs", "/v1/fleet", "/metrics", "/healthz"):
            assert (await self.get(path)).status_code == 200, path
        await until(self.is_ready)

    async def south_is_live(self) -> None:
        """Assert that the neighbour's camera is live by a new frame."""
        frame = envelope(next(_seqs), "south/face", boot_id="honest")
        request = ingest_pb2.PushFramesRequest(frame=frame)
        call = self.aggregator.ingest.PushFrames(iter([request]), metadata=self.metadata("south"))
        assert [answer.seq async for answer in call][-1] == frame.meta.seq

        async def live() -> bool:
            found = (await self.get("/v1/cameras/south.face")).json()
            return found["state"] == "live" and found["seq"] == frame.meta.seq

        await until(live)

    async def is_ready(self) -> bool:
        """Whether all works that is there: the tests start no cache, and some of them no broker."""
        absent = {"store"} if self.broker else {"store", "broker"}
        found = (await self.get("/readyz")).json()["dependencies"]
        return all(each["ok"] for each in found if each["name"] not in absent)


@asynccontextmanager
async def closed_mine(folder: Path, site: SiteConfig | None = None, **settings: Any) -> AsyncIterator[ClosedMine]:
    """A closed aggregator of a site, by default of edges north and south with camera face."""
    site = site or make_site(**{name: {"cameras": {"face": CAMERA}} for name in ("north", "south")})
    async with running(make_settings(folder, access="closed", **settings), site) as aggregator:
        with open_directory(folder, "") as directory:
            tokens = {role.value: directory.add_token(role, role, "", 1, "test")[1] for role in _ROLES}
            tokens |= {name: directory.add_token(name, Role.EDGE, name, 1, "test")[1] for name in site.edges}
        yield ClosedMine(aggregator, tokens, NOBODY not in str(site.broker))


_ROLES = (Role.VIEWER, Role.OPERATOR, Role.ENGINEER, Role.ADMIN, Role.ENHANCER, Role.TRAINER)


@asynccontextmanager
async def closed_service(name: str, mine: ClosedMine, folder: Path) -> AsyncIterator[httpx.AsyncClient]:
    """The aggregator, an enhancer or a trainer of a closed mine, as an HTTP client without an identity."""
    if name == "enhancer":
        from tests.davy_enhancer.conftest import running as enhancing

        with patch.dict(os.environ, {"DAVY_TOKEN": mine.tokens[name]}):
            async with enhancing(folder / name, access="closed", directory=mine.aggregator.http) as service:
                yield service.http
    elif name == "trainer":
        from tests.davy_trainer.service.conftest import serving

        from davy_trainer.service.settings import TrainerSettings

        given = {"port": 0, "grpc_port": 0, "data": folder / name, "keys": folder / "keys", "access": "closed"}
        with patch.dict(os.environ, {"DAVY_TOKEN": mine.tokens[name]}):
            async with serving(TrainerSettings(**given, directory=mine.aggregator.http)) as trainer:
                yield trainer.client
    else:
        yield mine.aggregator.client


def memory_bytes() -> int:
    """The resident memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def chunks(piece: bytes, total: int) -> Iterator[bytes]:
    """A body of so many bytes that no length announces."""
    for _ in range(0, total, len(piece)):
        yield piece
