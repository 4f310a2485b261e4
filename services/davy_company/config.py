"""A company's file: one YAML file names its sites and the aggregator of each."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints, ValidationError

from davy.client import Client
from davy.domain.camera import ID_PATTERN
from davy.domain.errors import ConfigError
from davy.domain.secret_url import PlainUrl
from davy.domain.suggestion import did_you_mean
from davy.yaml_lines import YamlMapping, parse_mapping

MAX_SITES = 1000

Id = Annotated[str, StringConstraints(pattern=f"^{ID_PATTERN}$", max_length=64)]


class _Config(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SiteAddress(_Config):
    """Where a site answers, and as whom the company view asks."""

    aggregator: PlainUrl = Field(
        min_length=1, description="http[s]://host:8080 of the site's aggregators, or of their balancer."
    )
    console: PlainUrl = Field("", description="The same as browsers reach it; `aggregator` if empty.")
    token_file: Path | None = Field(None, description="File with a token of role company or viewer there; none: DAVY_TOKEN.")
    ca: Path | None = Field(None, description="Authority of the site in PEM; none trusts the system's authorities.")
    identity: Path | None = Field(None, description="Folder of a client certificate of the site, instead of token and `ca`.")

    @property
    def pages(self) -> str:
        """Address of the site's pages, without a slash at its end."""
        return (self.console or self.aggregator).rstrip("/")

    def connect(self) -> Client:
        """Make a client of the site. Nothing is sent yet.

        Raises:
            ConfigError: an address or a file cannot be used.
        """
        token = None
        if self.token_file is not None:
            try:
                token = SecretStr(self.token_file.read_text(encoding="utf-8").strip())
            except (OSError, UnicodeDecodeError) as error:
                raise ConfigError(f"token_file {self.token_file} cannot be read: {error}") from error
        return Client(self.aggregator, token=token, ca=self.ca, identity=self.identity)


class CompanyConfig(_Config):
    """A company and its sites."""

    company: str = Field(min_length=1, max_length=100, description="Name of the company.")
    sites: Mapping[Id, SiteAddress] = Field(min_length=1, max_length=MAX_SITES, description="Sites by name, in their order.")

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a company's file. Relative paths in it start at its folder.

        Raises:
            ConfigError: the file is missing or invalid; each line of the text is one error, `file:line: setting: remedy`.
        """
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path}: cannot be read: {error}") from error
        file = parse_mapping(text, str(path), "company and sites")
        try:
            config = cls.model_validate(file.values)
        except ValidationError as error:
            raise ConfigError("\n".join(_lines(file, error))) from error
        return config.model_copy(update={"sites": {name: _based(site, path.parent) for name, site in config.sites.items()}})


def _based(site: SiteAddress, folder: Path) -> SiteAddress:
    files = {name: folder / path for name in ("token_file", "ca", "identity") if (path := getattr(site, name)) is not None}
    return site.model_copy(update=files)


def _lines(file: YamlMapping, error: ValidationError) -> list[str]:
    found = []
    for detail in error.errors():
        where = [str(part) for part in detail["loc"] if part != "[key]"]
        text = detail["msg"].removeprefix("Value error, ")
        if detail["type"] == "extra_forbidden":
            known = CompanyConfig.model_fields if len(where) == 1 else SiteAddress.model_fields
            text = f"unknown setting{did_you_mean(where[-1], known)}"
        found.append(f"{file.name}:{file.line_of(where)}: {'.'.join(where)}: {text}")
    return found
