"""Layouts of the console's wall: each caller's own, and the site's for screens."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, Field

from davy.access.journal import note_change
from davy.access.principal import Principal, acting
from davy.access.roles import Role
from davy.adapters.http.problems import problem_responses
from davy.adapters.storage.layout_store import SITE, LayoutStore
from davy.adapters.storage.layout_store import Layout as Stored
from davy.domain.camera import ID_PATTERN
from davy.domain.errors import NotFoundError
from davy_aggregator.context import ServiceContext
from davy_aggregator.rest.window_messages import MAX_CAMERAS, Kind

MAX_DAYS = 3660

Name = Annotated[str, Path(pattern=f"^{ID_PATTERN}$", examples=["control-room"])]


class Layout(BaseModel, extra="forbid"):
    """How a wall is laid out."""

    columns: int = Field(0, ge=0, le=16, description="0 chooses the number with the largest pictures.")
    per_page: int = Field(0, ge=0, le=256, description="Cameras per page; 0 shows all, and scrolls.")
    tour_s: int = Field(0, ge=0, le=3600, description="Seconds before the next page; 0 stays.")
    group: Literal["none", "edge", "district"] = "none"
    order: list[Annotated[str, Field(max_length=200)]] = Field([], max_length=MAX_CAMERAS, description="Ids; others follow.")
    mode: Kind = "enhanced"
    fps: int = Field(0, ge=0, le=60, description="Frames per second of a tile; 0 chooses by their number.")


class NewLayout(BaseModel, extra="forbid"):
    layout: Layout


class NamedLayout(BaseModel):
    """A stored layout."""

    name: str = Field(examples=["control-room"])
    updated_at: datetime
    layout: Layout

    @classmethod
    def of(cls, stored: Stored) -> "NamedLayout":
        updated_at = datetime.fromtimestamp(stored.updated_ns / 1e9, UTC)
        return cls(name=stored.name, updated_at=updated_at, layout=Layout.model_validate_json(stored.body))


class Layouts(BaseModel):
    layouts: list[NamedLayout]


class NewLink(BaseModel, extra="forbid"):
    """A link for a screen."""

    days: float = Field(365, ge=0, le=MAX_DAYS, description="Its life in days; 0 has no end.")


class Link(BaseModel):
    """A link that signs a screen in as a viewer; it is shown this once. `token` names it in /v1/tokens, to revoke it."""

    path: str = Field(examples=["/wall/control-room#token=davy_…"])
    token: str
    expires_at: datetime | None


def layout_routes(context: ServiceContext) -> APIRouter:
    """Routes /v1/layouts, of the caller."""
    routes = APIRouter(prefix="/v1/layouts", tags=["layouts"], responses=problem_responses(503))
    shelf = _Shelf(context.layouts)

    @routes.get("", summary="List the caller's layouts, by name")
    async def layouts() -> Layouts:
        return await shelf.all(owner_of(acting()))

    @routes.get("/{name}", summary="Get a layout of the caller", responses=problem_responses(404, 422))
    async def layout(name: Name) -> NamedLayout:
        return await shelf.get(owner_of(acting()), name)

    @routes.put("/{name}", summary="Store a layout of the caller", responses=problem_responses(422))
    async def put_layout(name: Name, new: NewLayout) -> NamedLayout:
        return await shelf.put(owner_of(acting()), name, new.layout)

    @routes.delete("/{name}", summary="Delete a layout of the caller", status_code=204, responses=problem_responses(404, 422))
    async def delete_layout(name: Name) -> None:
        await shelf.delete(owner_of(acting()), name)

    return routes


def wall_routes(context: ServiceContext) -> APIRouter:
    """Routes /v1/walls, of the site."""
    routes = APIRouter(prefix="/v1/walls", tags=["layouts"], responses=problem_responses(503))
    shelf = _Shelf(context.layouts)

    @routes.get("", summary="List the site's walls, by name")
    async def walls() -> Layouts:
        return await shelf.all(SITE)

    @routes.get("/{name}", summary="Get a wall", responses=problem_responses(404, 422))
    async def wall(name: Name) -> NamedLayout:
        return await shelf.get(SITE, name)

    @routes.put("/{name}", summary="Store a wall; its screens follow within 30 s", responses=problem_responses(422))
    async def put_wall(name: Name, new: NewLayout) -> NamedLayout:
        return await shelf.put(SITE, name, new.layout)

    @routes.delete("/{name}", summary="Delete a wall", status_code=204, responses=problem_responses(404, 422))
    async def delete_wall(name: Name) -> None:
        await shelf.delete(SITE, name)

    @routes.post(
        "/{name}/link",
        summary="Make a link that signs a screen in as a viewer",
        status_code=201,
        responses=problem_responses(404, 422),
    )
    async def link(name: Name, asked: NewLink, response: Response) -> Link:
        await shelf.get(SITE, name)
        by = acting().name
        made, secret = await asyncio.to_thread(
            context.directory.add_token, f"wall {name}"[:64], Role.VIEWER, "", asked.days, by
        )
        response.headers["Cache-Control"] = "no-store"
        expires_at = datetime.fromtimestamp(made.expires_ns / 1e9, UTC) if made.expires_ns else None
        return Link(path=f"/wall/{name}#token={secret}", token=made.id, expires_at=expires_at)

    return routes


def owner_of(principal: Principal) -> str:
    """The owner of a caller's layouts: a token may have a person's name."""
    return f"{'token' if principal.via == 'token' else 'person'}:{principal.name}"


class _Shelf:
    """The store's layouts as messages, with their changes in the journal."""

    def __init__(self, store: LayoutStore) -> None:
        self._store = store

    async def all(self, owner: str) -> Layouts:
        return Layouts(layouts=[NamedLayout.of(each) for each in await asyncio.to_thread(self._store.all, owner)])

    async def get(self, owner: str, name: str) -> NamedLayout:
        found = await asyncio.to_thread(self._store.get, owner, name)
        if found is None:
            raise _unknown(owner, name)
        return NamedLayout.of(found)

    async def put(self, owner: str, name: str, layout: Layout) -> NamedLayout:
        await asyncio.to_thread(self._store.put, owner, name, layout.model_dump_json())
        note_change(after={"layout": name})
        return await self.get(owner, name)

    async def delete(self, owner: str, name: str) -> None:
        if not await asyncio.to_thread(self._store.delete, owner, name):
            raise _unknown(owner, name)
        note_change({"layout": name})


def _unknown(owner: str, name: str) -> NotFoundError:
    return NotFoundError(f"there is no {'wall' if owner == SITE else 'layout'} {name!r}")
