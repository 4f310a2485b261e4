"""Signs people in by an OpenID Connect provider: authorization code with PKCE (RFC 7636), state and nonce."""

import asyncio
import base64
import hashlib
import hmac
import time
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import quote_plus, urlencode

import httpx
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from pydantic import BaseModel, TypeAdapter, ValidationError

from davy.access.external import ExternalPerson, role_of
from davy.access.secret_files import read_secret
from davy.access.secrets import new_secret
from davy.adapters.access.id_token import TokenRefusedError, UnknownKeyError, check_id_token
from davy.adapters.access.oidc_http import ProviderHttp
from davy.adapters.access.oidc_settings import OidcSettings, is_protected
from davy.domain.bounds import check_name
from davy.domain.errors import IdentityProviderUnavailableError, InvalidInputError, UnauthenticatedError
from davy.telemetry import get_logger

log = get_logger(__name__)

KNOWN_S = 3600.0  # the provider's configuration and keys are asked for again after this time
FAILED_S = 5.0  # meanwhile nobody waits for a provider that is away
KEYS_S = 10.0  # keys are asked for again no sooner, whatever key a token names
MAX_CODE = 4096


class _Configuration(BaseModel):
    """What Davy needs of a provider's configuration (OpenID Connect Discovery 1.0, section 3)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str = ""
    token_endpoint_auth_methods_supported: list[str] = ["client_secret_basic"]


class _Tokens(BaseModel):
    id_token: str
    access_token: str = ""


@dataclass(frozen=True, slots=True)
class SignInAttempt:
    """What a browser keeps while its person is at the provider.

    Attributes:
        state: Comes back with the person.
        nonce: Comes back in the ID token.
        verifier: Proves to the provider that the code is redeemed by who asked for it.
        redirect_uri: Where the provider sends the person back to.
    """

    state: str
    nonce: str
    verifier: str
    redirect_uri: str

    def text(self) -> str:
        """The attempt as the value of a cookie."""
        return base64.urlsafe_b64encode(TypeAdapter(dict[str, str]).dump_json(asdict(self))).decode()

    @classmethod
    def parse(cls, text: str) -> "SignInAttempt":
        """Read the value of a cookie.

        Raises:
            UnauthenticatedError: It is absent or damaged.
        """
        try:
            return TypeAdapter(cls).validate_json(base64.urlsafe_b64decode(text))
        except ValueError as error:
            reason = "this browser has not begun to sign in, or over 10 minutes ago: begin again"
            raise UnauthenticatedError("signing in", reason) from error


class OidcProvider:
    """One identity provider. What it says of itself is kept for an hour.

    Raises:
        ConfigError: A file of the settings cannot be read.
    """

    def __init__(self, settings: OidcSettings) -> None:
        self.settings = settings
        self.issuer = settings.issuer
        self._secret = read_secret(settings.client_secret, settings.client_secret_file, "the client secret")
        self._http = ProviderHttp(settings.issuer, settings.ca)
        self._asking = asyncio.Lock()
        self._known: tuple[float, _Configuration] | None = None
        self._keys: tuple[float, KeySet] | None = None
        self._failed: tuple[float, IdentityProviderUnavailableError] | None = None

    async def begin(self, login_url: str) -> tuple[str, SignInAttempt]:
        """Return the provider's address for a person's browser, and what the browser keeps meanwhile.

        Args:
            login_url: URL of the login page, to which the provider sends the person back.

        Raises:
            IdentityProviderUnavailableError: It does not answer, or not as a provider does.
        """
        known = await self._configuration()
        attempt = SignInAttempt(new_secret(), new_secret(), new_secret(), self.settings.redirect_url or login_url)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(attempt.verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "response_type": "code",
            "client_id": self.settings.client_id,
            "redirect_uri": attempt.redirect_uri,
            "scope": " ".join(self.settings.scopes),
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        mark = "&" if "?" in known.authorization_endpoint else "?"
        return f"{known.authorization_endpoint}{mark}{urlencode(asked)}", attempt

    async def finish(self, attempt: SignInAttempt, code: str, state: str) -> ExternalPerson:
        """Redeem the code with which the provider sent a person back.

        Raises:
            UnauthenticatedError: The state is another one, or the provider or its token is not in order.
            IdentityProviderUnavailableError: It does not answer.
        """
        if not hmac.compare_digest(state.encode(), attempt.state.encode()):
            raise UnauthenticatedError("signing in", "this answer of the provider belongs to another attempt: begin again")
        known = await self._configuration()
        tokens = await self._redeem(known, attempt, code)
        claims = await self._claims(known, tokens.id_token, attempt.nonce)
        if _at(claims, self.settings.roles_claim) is None and known.userinfo_endpoint and tokens.access_token:
            claims = await self._with_userinfo(known, tokens.access_token, claims)
        return self._person(claims)

    async def _configuration(self) -> _Configuration:
        async with self._asking:
            now_s = time.monotonic()
            if self._known is not None and now_s - self._known[0] < KNOWN_S:
                return self._known[1]
            if self._failed is not None and now_s - self._failed[0] < FAILED_S:
                raise self._failed[1].with_traceback(None)
            try:
                found = await self._ask_configuration()
            except IdentityProviderUnavailableError as error:
                self._failed = (time.monotonic(), error)
                log.warning("oidc.unavailable", issuer=self.issuer, error=str(error))
                raise
            self._known = (now_s, found)
            return found

    async def _ask_configuration(self) -> _Configuration:
        status, answer = await self._http.ask("GET", f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
        try:
            found = _Configuration.model_validate(answer)
        except ValidationError as error:
            raise self._unavailable(f"its configuration (status {status}) is none of OpenID Connect") from error
        if found.issuer != self.issuer:
            raise self._unavailable(f"its configuration names the issuer {found.issuer[:200]!r}: set issuer to exactly this")
        if not is_protected(found.authorization_endpoint.partition("?")[0]):
            raise self._unavailable("its authorization endpoint is not https")
        return found

    async def _redeem(self, known: _Configuration, attempt: SignInAttempt, code: str) -> _Tokens:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": attempt.redirect_uri,
            "code_verifier": attempt.verifier,
        }
        auth: httpx.Auth | None = None
        if self._secret and "client_secret_basic" in known.token_endpoint_auth_methods_supported:
            # RFC 6749, section 2.3.1: both are form-encoded first
            auth = httpx.BasicAuth(quote_plus(self.settings.client_id), quote_plus(self._secret))
        else:
            form |= {"client_id": self.settings.client_id} | ({"client_secret": self._secret} if self._secret else {})
        status, answer = await self._http.ask("POST", known.token_endpoint, form, auth)
        refusal = str(answer.get("error", "")) if isinstance(answer, dict) else ""
        if refusal == "invalid_client" or (status == 401 and not refusal):
            raise self._unavailable("it refuses this aggregator: compare client_id and client_secret")
        if refusal:
            raise self._refused(f"it refuses the code ({refusal[:100]}): begin again")
        try:
            return _Tokens.model_validate(answer)
        except ValidationError as error:
            raise self._unavailable(f"its answer (status {status}) holds no ID token") from error

    async def _claims(self, known: _Configuration, token: str, nonce: str) -> dict[str, Any]:
        try:
            for _ in range(2):
                keys = await self._key_set(known)
                try:
                    return check_id_token(token, keys, self.issuer, self.settings.client_id, nonce)
                except UnknownKeyError:
                    if self._keys is not None and time.monotonic() - self._keys[0] >= KEYS_S:
                        self._keys = None
        except TokenRefusedError as error:
            raise self._refused(str(error)) from error
        raise self._refused("its ID token is signed by a key that it does not publish")

    async def _key_set(self, known: _Configuration) -> KeySet:
        if self._keys is None or time.monotonic() - self._keys[0] >= KNOWN_S:
            _, answer = await self._http.ask("GET", known.jwks_uri)
            try:
                self._keys = (time.monotonic(), KeySet.import_key_set(answer))
            except (JoseError, KeyError, TypeError, ValueError) as error:
                raise self._unavailable(f"its keys cannot be read: {error}") from error
        return self._keys[1]

    async def _with_userinfo(self, known: _Configuration, token: str, claims: dict[str, Any]) -> dict[str, Any]:
        """Add the claims of the userinfo endpoint: some providers keep groups out of the ID token."""
        _, more = await self._http.ask("GET", known.userinfo_endpoint, token=token)
        if not isinstance(more, dict) or more.get("sub") != claims["sub"]:
            raise self._refused("its userinfo speaks of somebody else")
        return more | claims

    def _person(self, claims: dict[str, Any]) -> ExternalPerson:
        held = _at(claims, self.settings.roles_claim)
        groups = tuple(str(each) for each in (held if isinstance(held, list) else [held]) if each is not None)
        role = role_of(groups, self.settings.roles, self.settings.default_role)
        return ExternalPerson(self._name(claims), role, self.issuer, str(claims["sub"]), groups)

    def _name(self, claims: dict[str, Any]) -> str:
        names = [str(claims[claim]) for claim in (self.settings.name_claim, "email", "sub") if claims.get(claim)]
        for name in names:
            try:
                return check_name("user", name)
            except InvalidInputError:
                continue
        raise self._refused(f"none of its names for this person is a legal user name: {', '.join(names)[:200]}")

    def _unavailable(self, reason: str) -> IdentityProviderUnavailableError:
        return IdentityProviderUnavailableError(self.issuer, reason)

    def _refused(self, reason: str) -> UnauthenticatedError:
        return UnauthenticatedError("signing in", f"the provider {self.issuer} is not believed: {reason}")


def _at(claims: dict[str, Any], path: str) -> object:
    """The value of a claim; a name with dots is one claim if there is such a one, else a path."""
    found: object = claims.get(path)
    if found is None and "." in path:
        found = claims
        for name in path.split("."):
            found = found.get(name) if isinstance(found, dict) else None
    return found
