"""Settings of the training service; each is read from DAVY_TRAINER_<NAME>."""

import math
import os
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, field_validator, model_validator

from davy.adapters.http.listen_settings import GrpcPort, HttpPort, RemoteAccessSettings
from davy.adapters.secret_settings import SecretSettings
from davy.domain.secret_url import PlainUrl, SecretUrl

Kind = Literal["prompts", "retrain", "adapt", "people"]
CRON_FIELDS = 5
LOWEST_NICE = 19


class TrainerSettings(RemoteAccessSettings, SecretSettings, env_prefix="DAVY_TRAINER_", env_nested_delimiter="__", frozen=True):
    """One training service. Several on one data folder run as active and standby."""

    port: HttpPort = 8082
    grpc_port: GrpcPort = 50053
    data: Path = Field(Path("data/trainer"), description="Folder of the runs and of the database.")
    database: SecretUrl = Field(
        SecretUrl(""),
        description="sqlite:///PATH or postgresql://USER:PASSWORD@HOST/NAME; empty: SQLite in DATA/davy.db.",
    )

    # inputs
    aggregator: PlainUrl = Field("", description="http://host:8080, for samples, drift and the running model; empty: none.")
    low: tuple[Path, ...] = Field((), description="Folders of low-light pictures, in addition to the aggregator's samples.")
    normal: tuple[Path, ...] = Field((), description="Folders of well-lit photographs; empty: a few of installed packages.")
    validation: Path | None = Field(None, description="Folder with low/ and high/ for validation.")
    max_samples: PositiveInt = Field(2000, description="Maximum samples of a run, the newest.")
    max_samples_bytes: PositiveInt = Field(1_000_000_000, description="Maximum size of their pictures; the oldest are skipped.")
    max_picture_bytes: PositiveInt = Field(8_000_000, description="Maximum size of a picture; a larger one is skipped.")
    min_samples: PositiveInt = Field(1, description="Minimum samples of each drifted camera before `adapt` starts.")
    aggregator_wait_s: NonNegativeFloat = Field(
        3600.0, description="Maximum time for which a run waits for an unavailable aggregator."
    )
    samples_wait_s: NonNegativeFloat = Field(600.0, description="Maximum time for which `adapt` waits for these samples.")
    overrides: dict[Kind, dict[str, Any]] = Field(
        default_factory=dict,
        description='Settings of all runs of a kind: {"retrain": {"rounds": 1}}; a request overrides them.',
    )
    reuse_prompts: bool = Field(True, description="`retrain` starts from the newest prompts of a `prompts` run.")

    people_seeds: str = Field(
        "100-119", pattern=r"^\d{1,3}-\d{1,3}$", description="Simulated mines that `people` trains on, first-last, below 500."
    )
    people_held_out: str = Field(
        "500-504", pattern=r"^[5-8]\d\d-[5-8]\d\d$", description="Mines on which `people` compares detectors, 500 to 899."
    )
    people_frames: PositiveInt = Field(3, description="Frames of each place of each of these mines.")

    # outputs
    model: str = Field(
        "fleet", description="The running model: fleet (most edges report it), shipped, or a name in the registry."
    )
    registry: SecretUrl = Field(
        SecretUrl(""),
        description="file:///srv/models, s3://bucket/models, or https://aggregator:8080 to propose only; empty: DATA/registry.",
    )
    sign: Literal["person", "itself"] = Field(
        "person",
        description="person: propose candidates, which a person signs offline. itself: sign with the newest key of `keys`;"
        " then a compromised trainer can make models that edges run.",
    )
    keys: Path = Field(Path("keys"), description="Folder of `davy keys`: signing keys with sign=itself, and trust.json.")
    trust: Path | None = Field(None, description="Key set of `davy keys`, for the running model; KEYS/trust.json if absent.")
    tag: str = Field("trained", description="Tag of the newest model that it signed itself; empty: none.")
    max_psnr_drop_db: NonNegativeFloat = Field(
        0.2, description="Maximum loss of PSNR on the references; beyond it a model is rejected."
    )
    max_ap50_drop: float = Field(
        0.02, ge=0, le=1, description="Maximum loss of AP50 or recall of a detector on held-out mines, raw or enhanced."
    )
    max_look_ratio: PositiveFloat = Field(1.5, description="Maximum time of a detector's look, new / running.")
    max_detector_bytes: PositiveInt = Field(16_000_000, description="Maximum size of a detector.")
    rollout: bool = Field(False, description="Start a rollout of every accepted model; needs sign=itself.")
    rollout_grpc: SecretUrl = Field(
        SecretUrl("grpc://127.0.0.1:50051"), description="gRPC address of the aggregator that rolls models out."
    )
    rollout_canaries: PositiveInt = Field(1, description="Number of canaries of a rollout.")

    mlflow: PlainUrl = Field(
        "", description="MLflow server that gets the logs of runs: http://host:5000; empty: none. Extra `mlflow`."
    )

    # runs
    cpu_share: float = Field(
        0.5, gt=0, le=1, description="Share of the cores for a run, a hard limit; a smaller share also lowers its priority."
    )
    attempts: PositiveInt = Field(5, description="Maximum attempts without progress before a killed run fails.")
    backoff_s: PositiveFloat = Field(1.0, description="Delay before the first resumption; doubled before each further one.")
    grace_s: PositiveFloat = Field(30.0, description="Maximum time for a stopping run to write its checkpoint.")
    max_waiting_runs: PositiveInt = Field(8, description="Maximum runs in the queue.")
    keep_runs: PositiveInt = Field(20, description="Number of ended runs that are kept, with their folders.")

    # automatic start
    schedule: tuple[str, ...] = Field((), description='Cron and kind, local time: ["0 2 * * * prompts"].')
    drift_above: PositiveFloat | None = Field(None, description="Drift that starts an `adapt` run; 1 is a clear change.")
    drift_every_s: PositiveFloat = Field(30.0, description="Seconds between two checks of the drift.")
    drift_checks: PositiveInt = Field(3, description="Number of consecutive checks with drift before a run starts.")
    drift_cooldown_s: NonNegativeFloat = Field(
        21_600.0, description="Time after such a run in which drift of its cameras starts no other."
    )
    drift_retry_s: NonNegativeFloat = Field(1800.0, description="The same after a failed run; doubles up to the cooldown.")
    embedding_every_s: NonNegativeFloat = Field(
        600.0, description="Seconds between two measurements of embedding drift; 0: never."
    )
    embedding_above: PositiveFloat | None = Field(
        None, description="Embedding drift that starts an `adapt` run; ordinary pictures reach 1.2."
    )
    embedding_checks: PositiveInt = Field(2, description="Number of consecutive measurements with drift before a run starts.")
    embedding_min_samples: PositiveInt = Field(8, ge=2, description="Minimum samples of a camera in the reference.")
    embedding_samples: PositiveInt = Field(5, description="Number of measured samples per camera, the newest.")
    embedding_clip: str = Field("davy", description="CLIP of the image tower: davy, davy:FILE, NAME:FILE, NAME:TAG (cached).")

    @field_validator("schedule")
    @classmethod
    def _check_schedule(cls, lines: tuple[str, ...]) -> tuple[str, ...]:
        from apscheduler.triggers.cron import CronTrigger

        for line in lines:
            *cron, kind = line.split()
            if len(cron) != CRON_FIELDS or kind not in ("prompts", "retrain", "people"):
                raise ValueError(f'{line!r}: write "MINUTE HOUR DAY MONTH WEEKDAY KIND", the kind prompts, retrain or people')
            CronTrigger.from_crontab(" ".join(cron))
        return lines

    @model_validator(mode="after")
    def _check_aggregator(self) -> Self:
        if self.drift_above is not None and not self.aggregator:
            raise ValueError("drift_above needs the aggregator that measures drift: set DAVY_TRAINER_AGGREGATOR")
        if self.embedding_above is not None and not (self.aggregator and self.embedding_every_s):
            raise ValueError("embedding_above needs an aggregator with samples and embedding_every_s: set both")
        return self

    @model_validator(mode="after")
    def _check_rollout(self) -> Self:
        if self.rollout and not self.signs:
            raise ValueError("rollout needs DAVY_TRAINER_SIGN=itself: an unsigned candidate cannot be rolled out")
        if self.signs and self.registry_is_aggregator:
            raise ValueError("sign=itself needs the storage of the registry: through an aggregator a trainer only proposes")
        return self

    @property
    def registry_is_aggregator(self) -> bool:
        """Whether the registry is reached through an aggregator."""
        return self.registry.scheme in ("http", "https")

    @property
    def signs(self) -> bool:
        """Whether the service signs its models itself."""
        return self.sign == "itself"

    @property
    def trusted(self) -> Path:
        """File of the key set."""
        from davy.models.keyring import TRUST  # every program lists these settings, without the packages of models

        return self.trust or self.keys / TRUST

    @property
    def registry_url(self) -> SecretUrl:
        return self.registry or SecretUrl(f"file://{(self.data / 'registry').absolute()}")

    @property
    def cores(self) -> tuple[int, ...]:
        """Cores that a run may use: the last ones, at least one."""
        known = sorted(os.sched_getaffinity(0))
        return tuple(known[-max(1, math.floor(self.cpu_share * len(known))) :])

    @property
    def nice(self) -> int:
        """Nice value of a run: 19 for a small share, 0 for all cores."""
        return round((1 - self.cpu_share) * LOWEST_NICE)
