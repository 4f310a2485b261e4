"""Settings of the company view; each is read from DAVY_COMPANY_<NAME>."""

from pathlib import Path

from pydantic import Field, PositiveFloat, PositiveInt

from davy.adapters.http.listen_settings import HttpPort, RemoteAccessSettings
from davy.adapters.secret_settings import SecretSettings

FILE_NAME = "company.yaml"


class CompanySettings(RemoteAccessSettings, SecretSettings, env_prefix="DAVY_COMPANY_", env_nested_delimiter="__", frozen=True):
    """One company view."""

    port: HttpPort = 8083
    config: Path = Field(Path(FILE_NAME), description="The company's file: its sites and their aggregators.")
    every_s: PositiveFloat = Field(5.0, description="Seconds between two questions to a site.")
    timeout_s: PositiveFloat = Field(5.0, description="Maximum time of one question; then the site counts as unreachable.")
    max_alarms: PositiveInt = Field(
        50, le=1000, description="Number of unanswered alarms that are kept of a site, the most urgent."
    )
