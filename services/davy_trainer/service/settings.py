"""The training service's settings; each can be set as DAVY_TRAINER_<NAME>."""

import math
import os
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, field_validator, model_validator
from pydantic_settings import BaseSettings

from davy.adapters.http.listen_settings import GrpcPort, HttpPort, RemoteAccessSettings

Kind = Literal["prompts", "retrain", "adapt"]
CRON_FIELDS = 5
LOWEST_NICE = 19


class TrainerSettings(RemoteAccessSettings, BaseSettings, env_prefix="DAVY_TRAINER_", env_nested_delimiter="__", frozen=True):
    """One training service. Several on one data folder are one and its reserves."""

    port: HttpPort = 8082
    grpc_port: GrpcPort = 50053
    data: Path = Field(Path("data/trainer"), description="Folder of the runs and of the database.")
    database: str = Field(
        "",
        repr=False,  # its URL may hold a password
        description="sqlite:///PATH or postgresql://USER:PASSWORD@HOST/NAME; SQLite in DATA/davy.db where empty.",
    )

    # what is trained on
    aggregator: str = Field("", description="http://host:8080, for samples, drift and the fleet's model; empty: none.")
    low: tuple[Path, ...] = Field((), description="Folders of more low-light pictures, beside the aggregator's samples.")
    normal: tuple[Path, ...] = Field((), description="Folders of well-lit photographs; a few of installed packages where none.")
    validation: Path | None = Field(None, description="A folder with low/ and high/ to judge by.")
    samples_most: PositiveInt = Field(2000, description="Samples of a run, the newest.")
    samples_most_bytes: PositiveInt = Field(1_000_000_000, description="Of their pictures; the oldest are left out.")
    picture_most_bytes: PositiveInt = Field(8_000_000, description="A larger picture is left out.")
    samples_least: PositiveInt = Field(1, description="Of each drifted camera, before `adapt` begins.")
    aggregator_wait_s: NonNegativeFloat = Field(
        3600.0, description="Maximum time for which a run waits for an aggregator that does not answer."
    )
    samples_wait_s: NonNegativeFloat = Field(600.0, description="So long `adapt` waits for them.")
    overrides: dict[Kind, dict[str, Any]] = Field(
        default_factory=dict, description='Of every run of a kind: {"retrain": {"rounds": 1}}; a request\'s count more.'
    )
    reuse_prompts: bool = Field(True, description="`retrain` starts from the newest prompts of a `prompts` run.")

    # what comes out
    model: str = Field("fleet", description="The running model: fleet (what most edges report), shipped, or a registry's name.")
    registry: str = Field("", description="file:///srv/models, s3://bucket/models, ...; DATA/registry where empty.")
    keys: Path = Field(Path("keys"), description="Folder of `davy keys`: the newest key there signs.")
    tag: str = Field("candidate", description="What the newest good model is tagged; none where empty.")
    loss_most_db: NonNegativeFloat = Field(0.2, description="A model that is so much worse on the references is refused.")
    rollout: bool = Field(False, description="Begin a rollout of every good model.")
    rollout_grpc: str = Field("grpc://127.0.0.1:50051", description="The aggregator that rolls out.")
    rollout_canaries: PositiveInt = Field(1, description="Number of edges that try a new model first.")

    # how runs are made
    cpu_share: float = Field(0.5, gt=0, le=1, description="Of the cores, for a run: a hard limit; and it is niced.")
    attempts: PositiveInt = Field(5, description="A run is begun or resumed so often after kills, then it has failed.")
    backoff_s: PositiveFloat = Field(1.0, description="Before the first resumption; twice as long before each further one.")
    grace_s: PositiveFloat = Field(30.0, description="For a run to write its checkpoint when it is to stop.")
    waiting_most: PositiveInt = Field(8, description="Runs that wait for their turn.")
    keep: PositiveInt = Field(20, description="Ended runs that are kept, with their folders.")

    # when they begin by themselves
    schedule: tuple[str, ...] = Field((), description='Cron and kind, local time: ["0 2 * * * prompts"].')
    drift_above: PositiveFloat | None = Field(None, description="Drift that begins an `adapt` run; 1 is a clear change.")
    drift_every_s: PositiveFloat = Field(30.0, description="Seconds between two checks of the drift.")
    drift_looks: PositiveInt = Field(3, description="So many looks in a row must find it.")
    drift_cooldown_s: NonNegativeFloat = Field(21_600.0, description="After a run that drift began, none for its cameras.")
    drift_retry_s: NonNegativeFloat = Field(1800.0, description="The same after it failed; doubles up to the cooldown.")
    embedding_every_s: NonNegativeFloat = Field(600.0, description="Between measurements of cameras' pictures; 0: never.")
    embedding_above: PositiveFloat | None = Field(
        None, description="Distance of a camera's pictures that begins an `adapt` run; ordinary ones reach 1.2."
    )
    embedding_looks: PositiveInt = Field(2, description="So many measurements in a row must find it.")
    embedding_least: PositiveInt = Field(8, ge=2, description="Samples of a camera before its pictures count as usual.")
    embedding_newest: PositiveInt = Field(5, description="Samples of a camera that are measured, the newest.")
    embedding_clip: str = Field("davy", description="Whose image tower: davy, davy:FILE, NAME:FILE, NAME:TAG (cached).")

    @field_validator("schedule")
    @classmethod
    def _has_kinds(cls, lines: tuple[str, ...]) -> tuple[str, ...]:
        from apscheduler.triggers.cron import CronTrigger

        for line in lines:
            *cron, kind = line.split()
            if len(cron) != CRON_FIELDS or kind not in ("prompts", "retrain"):
                raise ValueError(f'{line!r}: write "MINUTE HOUR DAY MONTH WEEKDAY KIND", the kind prompts or retrain')
            CronTrigger.from_crontab(" ".join(cron))
        return lines

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.drift_above is not None and not self.aggregator:
            raise ValueError("drift_above needs the aggregator that measures drift: set DAVY_TRAINER_AGGREGATOR")
        if self.embedding_above is not None and not (self.aggregator and self.embedding_every_s):
            raise ValueError("embedding_above needs an aggregator with samples and embedding_every_s: set both")
        return self

    @property
    def registry_url(self) -> str:
        return self.registry or f"file://{(self.data / 'registry').absolute()}"

    @property
    def cores(self) -> tuple[int, ...]:
        """Cores that a run may use, the last ones: at least one."""
        known = sorted(os.sched_getaffinity(0))
        return tuple(known[-max(1, math.floor(self.cpu_share * len(known))) :])

    @property
    def nice(self) -> int:
        """19 for a small share, 0 for the whole machine."""
        return round((1 - self.cpu_share) * LOWEST_NICE)
