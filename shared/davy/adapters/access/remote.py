"""The directory of a site's aggregator, asked by the other services."""

import httpx
from cachetools import TTLCache
from prometheus_client import CollectorRegistry
from pydantic import BaseModel

from davy.access.external import PROXY
from davy.access.journal import LogJournal
from davy.access.own_token import authorization
from davy.access.principal import Principal
from davy.access.roles import Role
from davy.access.secrets import digest
from davy.adapters.access.credentials import Credentials, OpenDoor
from davy.adapters.access.machines import machine
from davy.adapters.access.service import ServiceAccess
from davy.adapters.http.listen_settings import RemoteAccessSettings
from davy.adapters.tls import Tls, client_context
from davy.domain.errors import AggregatorUnavailableError, ConfigError, PermissionDeniedError

KEPT_S = 15.0  # a revoked token or ended session is known as such everywhere after this time
KEPT_MOST = 4096
ANSWER_S = 5.0
PATH = "/v1/session/introspect"


class _Answer(BaseModel):
    active: bool
    name: str = ""
    role: Role | None = None
    via: str = ""
    edge: str = ""


class RemoteDirectory:
    """Identifies callers by what the aggregator says of their cookie or token; answers are kept for KEPT_S.

    Args:
        url: http[s]://host:8080 of the aggregator.
        site: Site whose certificates count.
        tls: The own identity for https; None trusts the system's authorities.
    """

    def __init__(self, url: str, site: str = "", tls: Tls | None = None) -> None:
        self._url, self._site, self._verify = url.rstrip("/"), site, client_context(tls)
        self._known: TTLCache[str, Principal | None] = TTLCache(KEPT_MOST, KEPT_S)

    async def identify(self, credentials: Credentials) -> Principal | None:
        """Return the principal of whom a proxy names, an edge's certificate, a token, another certificate or a session.

        Raises:
            AggregatorUnavailableError: The aggregator does not answer, or refuses this service.
            PermissionDeniedError: The person whom a proxy names has no role, or may not come in.
        """
        if (person := credentials.person) is not None:
            role = person.checked_role()
            found = await self._kept(f"{PROXY} {role} {person.name}", {"person": person.name, "role": role})
            if found is None:
                raise PermissionDeniedError(f"{person.name!r} of {PROXY}", "sign in: the aggregator of this site says no")
            return found
        certified = machine(credentials.identity, self._site) if credentials.identity else None
        if (certified is not None and certified.role is Role.EDGE) or (credentials.identity and not credentials.token):
            return certified
        secret = credentials.token or credentials.session
        if not secret:
            return None
        return await self._kept(secret, {"token" if credentials.token else "session": secret})

    async def _kept(self, name: str, asked: dict[str, str]) -> Principal | None:
        key = digest(name)
        if key not in self._known:
            self._known[key] = await self._ask(asked)
        return self._known[key]

    async def _ask(self, asked: dict[str, str]) -> Principal | None:
        try:
            async with httpx.AsyncClient(trust_env=False, timeout=ANSWER_S, verify=self._verify) as client:
                response = await client.post(self._url + PATH, json=asked, headers=authorization())
                response.raise_for_status()
                answer = _Answer.model_validate_json(response.content)
        except (httpx.HTTPError, ValueError) as error:
            raise AggregatorUnavailableError(self._url, f"it cannot say who calls: {error}") from error
        if not answer.active or answer.role is None:
            return None
        return Principal(answer.name, answer.role, answer.via, answer.edge)


def access_of(
    service: str, settings: RemoteAccessSettings, registry: CollectorRegistry, site: str = "", aggregator: str = ""
) -> ServiceAccess:
    """Return the access control that the settings of a service beside the aggregator ask for.

    Args:
        service: "enhancer", "trainer" or "company".
        settings: Its settings.
        registry: Of its metrics.
        site: Site whose certificates count; the own certificate's if empty.
        aggregator: http[s]://host:port of the aggregator to ask, where the setting `directory` names none.

    Raises:
        ConfigError: A closed service has no aggregator to ask.
    """
    if settings.access == "open":
        return ServiceAccess.of(service, OpenDoor(), registry, settings, journal=LogJournal())
    url = settings.directory or aggregator
    if not url:
        raise ConfigError(
            "it asks an aggregator who calls: set its `directory` to http://host:8080 and give it a token or an identity; "
            "or start it with --insecure, for this machine alone"
        )
    login = f"{(settings.console or url).rstrip('/')}/login"
    tls = Tls.of(settings.tls)
    own_site = tls.identity.site if tls is not None and tls.identity is not None else ""
    directory = RemoteDirectory(url, site or own_site, tls)
    return ServiceAccess.of(service, directory, registry, settings, login, LogJournal())
