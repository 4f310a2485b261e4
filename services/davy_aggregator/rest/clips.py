"""Clips over REST: named parts of recordings, which can be held."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import AwareDatetime, BaseModel, Field

from davy.access.journal import note_change
from davy.access.principal import acting
from davy.adapters.http.problems import problem_responses
from davy.adapters.storage.recording_store import Clip as Stored
from davy.domain.errors import NotFoundError
from davy_aggregator.context import ServiceContext
from davy_aggregator.rest.recordings import LONGEST, range_of

ClipId = Annotated[int, Path(ge=1, le=2**63 - 1)]


class NewClip(BaseModel, extra="forbid"):
    """A clip to be made."""

    camera: str = Field(examples=["north.face"])
    name: str = Field(min_length=1, max_length=100)
    reason: str = Field("", max_length=500)
    start_at: AwareDatetime
    end_at: AwareDatetime
    held: bool = Field(True, description="Retention deletes nothing of it until it is released.")


class Clip(BaseModel):
    """A named part of a recording."""

    id: int
    camera: str
    name: str
    reason: str
    start_at: datetime
    end_at: datetime
    held: bool
    made_by: str
    made_at: datetime
    released_by: str

    @classmethod
    def of(cls, clip: Stored) -> "Clip":
        """Return a stored clip as a message."""
        same = {name: getattr(clip, name) for name in ("id", "camera", "name", "reason", "held", "made_by", "released_by")}
        times = {"start_at": clip.start_ns, "end_at": clip.end_ns, "made_at": clip.made_ns}
        return cls(**same, **{name: datetime.fromtimestamp(ns / 1e9, UTC) for name, ns in times.items()})


class Clips(BaseModel):
    """Clips, the newest first."""

    clips: list[Clip]


class Hold(BaseModel, extra="forbid"):
    """Whether a clip is held."""

    held: bool
    reason: str = Field(min_length=1, max_length=500, description="Stands in the journal.")


def clip_routes(context: ServiceContext) -> APIRouter:
    """Routes below /v1/clips."""
    routes = APIRouter(prefix="/v1/clips", tags=["recordings"], responses=problem_responses(503))
    store = context.recordings.store

    async def find(clip_id: int) -> Stored:
        clip = await asyncio.to_thread(store.clip, clip_id)
        if clip is None:
            raise NotFoundError(f"there is no clip {clip_id}")
        return clip

    @routes.get("", summary="List clips, newest first")
    async def clips(camera: Annotated[str | None, Query(description="Only of this camera.")] = None) -> Clips:
        key = context.site_status.key_of(camera) or ""
        return Clips(clips=[Clip.of(clip) for clip in await asyncio.to_thread(store.clips, key)])

    @routes.post("", summary="Make a clip", status_code=201, responses=problem_responses(404, 422))
    async def make(new: NewClip) -> Clip:
        camera = context.site_status.find(new.camera)
        start_ns, end_ns = range_of(new.start_at, new.end_at, LONGEST)
        made = Stored(camera.key, new.name, new.reason, start_ns, end_ns, new.held, acting().name)
        clip = Clip.of(await asyncio.to_thread(store.add_clip, made))
        note_change(after=clip.model_dump(mode="json"))
        return clip

    @routes.get("/{clip_id}", summary="Get a clip", responses=problem_responses(404, 422))
    async def clip(clip_id: ClipId) -> Clip:
        return Clip.of(await find(clip_id))

    @routes.put("/{clip_id}/hold", summary="Hold or release a clip", responses=problem_responses(404, 422))
    async def hold(clip_id: ClipId, change: Hold) -> Clip:
        before = await find(clip_id)
        await asyncio.to_thread(store.hold_clip, clip_id, change.held, acting().name)
        note_change({"held": before.held}, {"held": change.held, "reason": change.reason})
        return Clip.of(await find(clip_id))

    @routes.delete(
        "/{clip_id}",
        summary="Delete a clip; its video stays as long as retention lets it",
        status_code=204,
        responses=problem_responses(404, 422),
    )
    async def delete(clip_id: ClipId) -> None:
        note_change(Clip.of(await find(clip_id)).model_dump(mode="json"))
        await asyncio.to_thread(store.delete_clip, clip_id)

    return routes
