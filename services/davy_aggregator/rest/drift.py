"""Drift over REST."""

from fastapi import APIRouter
from pydantic import BaseModel, Field

from davy.domain.camera import CameraAddress
from davy_aggregator.context import ServiceContext
from davy_aggregator.drift import DriftReading


class CameraDrift(DriftReading):
    """The drift of one camera."""

    camera: str = Field(examples=["north.face"], description="edge.camera")


class Drifts(BaseModel):
    cameras: list[CameraDrift]


def drift_routes(context: ServiceContext) -> APIRouter:
    """Route /v1/drift."""
    routes = APIRouter(prefix="/v1/drift", tags=["drift"])

    def show(camera: CameraAddress, reading: DriftReading) -> CameraDrift:
        return CameraDrift(camera=camera.key, **reading.model_dump())

    @routes.get("", summary="List the drift of each camera, as its edge last reported it")
    async def drift() -> Drifts:
        return Drifts(cameras=[show(camera, reading) for camera, reading in context.drift.readings().items()])

    return routes
