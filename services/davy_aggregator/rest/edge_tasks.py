"""Tasks for edges over REST: search their networks for cameras, test a source."""

import base64
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field, SecretStr, ValidationInfo, field_validator

from davy.access.journal import note_change
from davy.adapters.grpc.edge_tasks import from_network_camera
from davy.adapters.grpc.envelope import check_jpeg
from davy.adapters.http.problems import problem_responses
from davy.domain.errors import UnknownEdgeError
from davy.domain.network_camera import MediaProfile, NetworkCamera
from davy.domain.source import MAX_LENGTH, InvalidSourceError, Source
from davy.domain.urls import redact
from davy.site import TLS_PATTERN
from davy.v1 import edge_pb2
from davy_aggregator.context import ServiceContext
from davy_aggregator.rest.config import Edge

SEARCH_S, TEST_S = 40.0, 25.0
Login = Annotated[SecretStr, Field(max_length=200)]


class CameraSearchRequest(BaseModel):
    """What to search for. User and password go to the cameras that are asked, and are kept nowhere."""

    host: str = Field("", max_length=253, pattern=r"^[\w.:-]*$", description="Ask this camera alone; empty: search.")
    port: int = Field(0, ge=0, le=65535, description="Port of its ONVIF device service; 0: the scheme's.")
    secure: bool = Field(False, description="Its device service is https.")
    user: Login = Field(SecretStr(""), description="User of the cameras; needs a host.")
    password: Login = SecretStr("")

    @field_validator("user")
    @classmethod
    def _belongs_to_a_camera(cls, user: SecretStr, info: ValidationInfo) -> SecretStr:
        if user.get_secret_value() and not info.data.get("host"):
            raise ValueError("a password is sent to one camera, never to whatever answers a search: name its host")
        return user


class FoundProfile(BaseModel):
    """A stream that a camera offers; texts and numbers are the camera's own."""

    name: str
    codec: str = Field(description="H264, JPEG, ...; may be empty.")
    width: int = Field(description="Pixels; 0 if unknown.")
    height: int
    fps: float = Field(description="0 if unknown.")
    source: str = Field(description="URL without user and password, for the configuration of a camera.")
    snapshot: str = Field(description="URL of one picture; may be empty.")

    @classmethod
    def of(cls, profile: MediaProfile) -> "FoundProfile":
        return cls(
            name=profile.name,
            codec=profile.codec,
            width=profile.width,
            height=profile.height,
            fps=profile.fps,
            source=profile.stream.get_secret_value(),
            snapshot=profile.snapshot.get_secret_value(),
        )


class FoundCamera(BaseModel):
    """A camera that answered."""

    address: str
    port: int
    secure: bool
    name: str
    manufacturer: str
    model: str
    firmware: str
    login_needed: bool = Field(description="It asks for a user and a password, or rejected them.")
    reason: str = Field(description="Why it has no profiles; else empty.")
    profiles: list[FoundProfile]

    @classmethod
    def of(cls, camera: NetworkCamera) -> "FoundCamera":
        return cls(
            address=camera.address,
            port=camera.port,
            secure=camera.secure,
            name=camera.name,
            manufacturer=camera.manufacturer,
            model=camera.model,
            firmware=camera.firmware,
            login_needed=camera.login_needed,
            reason=camera.reason,
            profiles=[FoundProfile.of(each) for each in camera.profiles],
        )


class FoundCameras(BaseModel):
    cameras: list[FoundCamera]


class SourceTest(BaseModel):
    """A source as in the configuration of a camera, with its password: `***` stands for nothing here."""

    source: SecretStr = Field(max_length=MAX_LENGTH, examples=["rtsp://10.0.0.5/stream1"])
    tls: str = Field("verify", pattern=TLS_PATTERN, description="As in the configuration of a camera.")

    @field_validator("source")
    @classmethod
    def _is_a_source(cls, source: SecretStr) -> SecretStr:
        try:
            Source.parse(source.get_secret_value())
        except InvalidSourceError as error:
            raise ValueError(str(error)) from error
        return source


class SourcePicture(BaseModel):
    """A picture of a source."""

    width: int = Field(description="Of the source, in pixels.")
    height: int
    fps: float = Field(description="Measured for two seconds; at most 30.")
    raw: str = Field(description="JPEG in Base64.")
    enhanced: str = Field(description="JPEG in Base64; empty if the edge does not enhance.")


def edge_task_routes(context: ServiceContext) -> APIRouter:
    """Routes /v1/edges/{edge}/camera-search and /v1/edges/{edge}/source-test."""
    routes = APIRouter(prefix="/v1/edges/{edge}", tags=["configuration"], responses=problem_responses(404, 422, 503, 504))

    async def ask(edge: str, task: edge_pb2.EdgeTask, timeout_s: float) -> edge_pb2.EdgeResult:
        if edge not in context.configs.edges:
            raise UnknownEdgeError(edge, context.configs.edges)
        return await context.edge_tasks.ask(edge, task, timeout_s)

    @routes.post("/camera-search", summary="Search the networks of an edge for ONVIF cameras, or ask one camera")
    async def camera_search(edge: Edge, request: CameraSearchRequest) -> FoundCameras:
        note_change({}, {"asked": request.host or "the network", "with_login": bool(request.user.get_secret_value())})
        work = edge_pb2.SearchCameras(
            host=request.host,
            port=request.port,
            secure=request.secure,
            user=request.user.get_secret_value(),
            password=request.password.get_secret_value(),
        )
        result = await ask(edge, edge_pb2.EdgeTask(search_cameras=work), SEARCH_S)
        cameras = [from_network_camera(each) for each in result.found_cameras.cameras]
        return FoundCameras(cameras=[FoundCamera.of(each) for each in cameras])

    @routes.post("/source-test", summary="Open a source on an edge and take a picture")
    async def source_test(edge: Edge, request: SourceTest) -> SourcePicture:
        note_change({}, {"source": redact(request.source.get_secret_value())})
        work = edge_pb2.TestSource(source=request.source.get_secret_value(), tls=request.tls)
        tested = (await ask(edge, edge_pb2.EdgeTask(test_source=work), TEST_S)).tested_source
        raw, enhanced = check_jpeg(tested.raw_jpeg), tested.enhanced_jpeg and check_jpeg(tested.enhanced_jpeg)
        return SourcePicture(
            width=tested.width,
            height=tested.height,
            fps=round(tested.fps, 1),
            raw=base64.b64encode(raw).decode(),
            enhanced=base64.b64encode(enhanced).decode(),
        )

    return routes
