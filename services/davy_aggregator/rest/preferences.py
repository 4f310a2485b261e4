"""The caller's settings of the pages, so that another browser has them, too."""

import asyncio
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field, ValidationError

from davy.access.principal import acting
from davy.adapters.http.problems import problem_responses
from davy_aggregator.context import ServiceContext
from davy_aggregator.rest.layouts import owner_of
from davy_aggregator.rest.window_messages import Kind

NAME = "preferences"
Language = Literal["", "en", "es", "pl", "ru", "zh"]


class Preferences(BaseModel, extra="forbid"):
    """Settings of one user; empty ones are the browser's choice."""

    language: Language = Field("", description="Language of the pages.")
    mode: Kind | Literal[""] = Field("", description="Which pictures the wall shows.")
    sound: bool | None = Field(None, description="Whether unanswered alarms sound.")


def preference_routes(context: ServiceContext) -> APIRouter:
    """Route /v1/preferences, of the caller."""
    routes = APIRouter(prefix="/v1", tags=["layouts"], responses=problem_responses(503))
    store = context.layouts

    @routes.get("/preferences", summary="Get the caller's settings of the pages")
    async def preferences() -> Preferences:
        found = await asyncio.to_thread(store.get, _owner(), NAME)
        try:
            return Preferences.model_validate_json(found.body) if found is not None else Preferences()
        except ValidationError:  # of another version
            return Preferences()

    @routes.put("/preferences", summary="Set the caller's settings of the pages", responses=problem_responses(422))
    async def put(new: Preferences) -> Preferences:
        await asyncio.to_thread(store.put, _owner(), NAME, new.model_dump_json())
        return new

    return routes


def _owner() -> str:
    return f"preferences of {owner_of(acting())}"  # no owner of layouts has such a name
