"""Settings of the enhancement service."""

import os
from pathlib import Path

from pydantic import Field, PositiveFloat, PositiveInt
from pydantic_settings import BaseSettings

from davy.adapters.http.listen_settings import GrpcPort, HttpPort, RemoteAccessSettings


class EnhancerSettings(RemoteAccessSettings, BaseSettings, env_prefix="DAVY_ENHANCER_", env_nested_delimiter="__", frozen=True):
    """Settings of the enhancement service; DAVY_ENHANCER_<NAME> sets each of them.

    The defaults keep the process below 1 GB: 16 bodies of 24 MB, and two threads with three 24-megapixel images each.
    """

    port: HttpPort = 8081
    grpc_port: GrpcPort = 50052
    model: Path | None = Field(None, description="ONNX file of the network; the shipped one if absent.")
    threads: PositiveInt = Field(
        default_factory=lambda: os.cpu_count() or 1,
        description="Requests enhanced at the same time; one per CPU if absent.",
    )
    batch: PositiveInt = Field(4, description="Maximum requests in one batch of a thread.")
    queue: PositiveInt = Field(16, description="Maximum requests in the service; further ones are rejected.")
    deadline_s: PositiveFloat = Field(5.0, description="Maximum time of a request in s; a longer one is rejected.")
    upload_timeout_s: PositiveFloat = Field(30.0, description="Maximum time of an upload in s.")
    max_body_bytes: PositiveInt = Field(24_000_000, description="Maximum size of a request body.")
    max_megapixels: PositiveFloat = Field(24.0, description="Maximum size of an image in megapixels.")
    pool_threads: PositiveInt = Field(1, description="Raw frames of pool cameras enhanced at the same time.")
    pool_cameras: PositiveInt = Field(64, description="Maximum pool cameras; the edge with most loses one.")
    pool_megapixels: PositiveFloat = Field(
        140.0,
        ge=36,
        description="Maximum size of one frame of each pool camera together, in megapixels: 67 cameras of 1080p, 0.6 GB. "
        "The camera with the largest pictures is evicted.",
    )
    network_every: PositiveInt = Field(10, description="Frames of a pool camera between two runs of the network.")
    name: str = Field("", description="Id of this enhancer among `enhancers` of the site file; its first one if absent.")
    trust: Path | None = Field(None, description="Key set of `davy keys` for models; DATA/trust.json if absent.")
    data: Path = Field(Path(".davy/enhancer"), description="Folder of rolled-out models, and of uploads and results of jobs.")
    jobs_waiting: PositiveInt = Field(16, description="Maximum unfinished jobs.")
    jobs_upload_bytes: PositiveInt = Field(2_000_000_000, description="Maximum size of an upload or an unpacked archive.")
    jobs_total_bytes: PositiveInt = Field(8_000_000_000, description="Maximum disk space of all jobs.")
    jobs_keep_s: PositiveFloat = Field(86_400.0, description="Seconds for which a finished job is kept.")
    jobs_memory_bytes: int = Field(
        2_000_000_000,
        ge=1_000_000_000,
        description="Maximum address space of the process of a job; libraries take about 0.4 GB of it.",
    )
    jobs_cpu_s: PositiveInt = Field(14_400, description="Maximum processor time of a job in s.")
    access_log: bool = Field(False, description="Log every HTTP request.")
