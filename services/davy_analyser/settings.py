"""Settings of the analyser; the environment variable DAVY_ANALYSER_<NAME> sets each of them."""

from pathlib import Path

from pydantic import Field, PositiveInt
from pydantic_settings import BaseSettings

from davy.adapters.tls.settings import TlsSettings
from davy.analysis.settings import AnalysisSettings


class AnalyserSettings(BaseSettings, env_prefix="DAVY_ANALYSER_", env_nested_delimiter="__", frozen=True):
    """Settings of one analyser process. Rates, threads and the detector are those of the analysis."""

    name: str = Field("", description="Name in the aggregator's log; the machine's name and the process's number if empty.")
    capacity: PositiveInt | None = Field(
        None, le=1024, description="Share of the cameras in comparison with other analysers; the number of threads if absent."
    )
    data: Path = Field(
        Path(".davy/analyser"), description="Folder of rolled-out detectors; each analyser of a machine takes a subfolder."
    )
    trust: Path | None = Field(None, description="Key set of `davy keys` for models; DATA/trust.json if absent.")
    metrics_host: str = Field("127.0.0.1", description="Address of /metrics and /healthz.")
    metrics_port: int = Field(0, ge=0, le=65535, description="Port of /metrics and /healthz; 0 disables them.")
    analysis: AnalysisSettings = Field(default_factory=AnalysisSettings)
    tls: TlsSettings = Field(default_factory=TlsSettings)
