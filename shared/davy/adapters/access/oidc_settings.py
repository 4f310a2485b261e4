"""Settings of the sign-in by an OpenID Connect provider; the environment variable DAVY_OIDC_<NAME> sets each of them."""

import ipaddress
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, PositiveFloat, SecretStr, model_validator
from pydantic_settings import BaseSettings

from davy.access.external import PersonRole


class OidcSettings(BaseSettings, env_prefix="DAVY_OIDC_", frozen=True):
    """The identity provider whose people may sign in. Without an issuer, people sign in by password alone."""

    issuer: str = Field("", description="URL of the provider: https://sso.mine.example/realms/mine. Empty: none.")
    client_id: str = Field("", description="Id of this aggregator at the provider.")
    client_secret: SecretStr | None = Field(None, description="Secret of the client; absent for a public client.")
    client_secret_file: Path | None = Field(None, description="File that holds the secret.")
    scopes: tuple[str, ...] = Field(("openid", "profile", "email"), description="Scopes that are asked for, as JSON.")
    name_claim: str = Field("preferred_username", description="Claim that holds the user name; email and sub are next.")
    roles_claim: str = Field(
        "groups", description="Claim that holds groups or roles; a dot goes one level deeper: realm_access.roles."
    )
    roles: dict[str, PersonRole] = Field(
        default_factory=dict,
        description='The role of each group: {"mine-shift": "operator"}. The highest one counts.',
    )
    default_role: PersonRole | None = Field(None, description="Role of people without such a group; absent: refused.")
    label: str = Field("", max_length=40, description="Name of the provider on the login page; its host if empty.")
    ca: Path | None = Field(None, description="Authorities of the provider's certificate in PEM; the system's if absent.")
    redirect_url: str = Field(
        "",
        pattern=r"^(https?://[^?#]+/login)?$",
        description="URL of the login page as the provider knows it: https://davy.mine.example/login. Empty: as asked.",
    )
    session_hours: PositiveFloat = Field(12.0, description="A session ends so many hours after signing in at the provider.")

    @model_validator(mode="after")
    def _complete(self) -> "OidcSettings":
        if not self.issuer:
            return self
        if not is_protected(self.issuer):
            raise ValueError("the issuer is https://HOST[/PATH]; plain http only on this machine")
        if not self.client_id:
            raise ValueError("client_id is missing: the provider gave one to this aggregator")
        if "openid" not in self.scopes:
            raise ValueError("scopes lack openid: without it no provider says who signs in")
        if not self.roles and self.default_role is None:
            raise ValueError("roles and default_role are missing: nobody could sign in")
        return self

    @property
    def shown_label(self) -> str:
        """The provider's name on the login page."""
        return self.label or urlsplit(self.issuer).hostname or ""


def is_protected(url: str) -> bool:
    """Return whether a URL has no login, query or fragment, and is https, or http on this machine."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return False
    if not host or parts.query or parts.fragment or "@" in parts.netloc:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
