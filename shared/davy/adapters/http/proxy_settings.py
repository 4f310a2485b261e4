"""Settings of a proxy that authenticates people; the environment variable DAVY_PROXY_<NAME> sets each of them."""

from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings

from davy.access.external import PersonRole

MIN_SECRET = 16  # characters


class ProxySettings(BaseSettings, env_prefix="DAVY_PROXY_", frozen=True):
    """The proxy in front of a service that says who calls. Without networks, no header is believed."""

    networks: tuple[IPv4Network | IPv6Network, ...] = Field((), description='Networks of the proxy: ["10.0.0.5/32"].')
    secret: SecretStr | None = Field(None, description="What the proxy sends to prove itself; at least 16 characters.")
    secret_file: Path | None = Field(None, description="File that holds the secret.")
    secret_header: str = Field("X-Davy-Proxy-Secret", description="Header of the secret.")
    user_header: str = Field("X-Forwarded-User", description="Header of the user name.")
    groups_header: str = Field("X-Forwarded-Groups", description="Header of the groups or roles.")
    groups_separator: str = Field(",", min_length=1, description="What separates groups.")
    roles: dict[str, PersonRole] = Field(
        default_factory=dict, description='The role of each group: {"mine-shift": "operator"}. The highest one counts.'
    )
    default_role: PersonRole | None = Field(None, description="Role of people without such a group; absent: refused.")

    @model_validator(mode="after")
    def _complete(self) -> "ProxySettings":
        given = self.secret.get_secret_value() if self.secret is not None else ""
        if not self.networks:
            if given or self.secret_file is not None:
                raise ValueError("the proxy's networks are missing: from elsewhere its secret counts for nothing")
            return self
        if not given and self.secret_file is None:
            raise ValueError("secret or secret_file is missing: an address alone proves nothing")
        if given and len(given) < MIN_SECRET:
            raise ValueError(f"the secret has under {MIN_SECRET} characters")
        return self
