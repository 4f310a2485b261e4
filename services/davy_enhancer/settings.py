"""Settings of the enhancement service."""

import os
from pathlib import Path

from pydantic import Field, PositiveFloat, PositiveInt
from pydantic_settings import BaseSettings


class EnhancerSettings(BaseSettings, env_prefix="DAVY_ENHANCER_", frozen=True):
    """Every value has an environment variable: DAVY_ENHANCER_PORT=8081.

    The defaults keep the process below 1 GB: 16 bodies of 24 MB, and two threads that each hold three 24-megapixel pictures.
    """

    host: str = "127.0.0.1"
    port: int = Field(8081, ge=0, le=65535)  # REST; 0 takes a free one
    grpc_port: int = Field(50052, ge=0, le=65535)
    model: Path | None = None  # an ONNX file; the shipped one where absent
    threads: PositiveInt = Field(default_factory=lambda: os.cpu_count() or 1)  # pictures of requests enhanced at once
    batch: PositiveInt = 4  # requests that one thread takes at once, at most
    queue: PositiveInt = 16  # requests inside, receiving their bodies or waiting; one more is refused
    deadline_s: PositiveFloat = 5.0  # a request that would take longer is refused
    upload_timeout_s: PositiveFloat = 30.0  # for a body to arrive
    max_body_bytes: PositiveInt = 24_000_000
    max_megapixels: PositiveFloat = 24.0
    pool_threads: PositiveInt = 1  # frames of thin cameras enhanced at once
    pool_cameras: PositiveInt = 64  # thin cameras whose state is kept, the least recently seen goes
    network_every: PositiveInt = 10  # frames of a thin camera between two runs of the network
    data: Path = Path(".davy/enhancer")  # uploads and results of jobs
    jobs_waiting: PositiveInt = 16  # not finished, at most
    jobs_upload_bytes: PositiveInt = 2_000_000_000  # of one upload; and of an archive unpacked
    jobs_total_bytes: PositiveInt = 8_000_000_000  # on disk; one that would pass it is refused or fails
    jobs_keep_s: PositiveFloat = 86_400.0  # a finished job with its result
    access_log: bool = False
