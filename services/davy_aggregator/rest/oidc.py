"""Sign in at an identity provider: the way there and back."""

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from davy.access.journal import note_change
from davy.access.principal import Principal, acting
from davy.adapters.access.oidc import OidcProvider, SignInAttempt
from davy.adapters.http.problems import problem_responses
from davy.domain.errors import NotFoundError
from davy_aggregator.context import ServiceContext
from davy_aggregator.rest.cookies import is_secure, set_cookie

ATTEMPT_COOKIE = "davy-sign-in"
ATTEMPT_S = 600  # for the login at the provider


class Methods(BaseModel):
    """How people may sign in."""

    oidc: str = Field(description="Name of the identity provider; empty without one.")


class ProviderAddress(BaseModel):
    """Where a person goes on to sign in."""

    url: str


def oidc_routes(context: ServiceContext) -> APIRouter:
    """Routes /v1/session/methods and /v1/session/oidc."""
    routes = APIRouter(tags=["access"], responses=problem_responses(503))

    @routes.get("/v1/session/methods", summary="Get the ways to sign in")
    async def methods() -> Methods:
        return Methods(oidc=context.oidc.settings.shown_label if context.oidc is not None else "")

    @routes.get(
        "/v1/session/oidc",
        summary="Begin to sign in at the identity provider: sets a cookie",
        responses=problem_responses(404),
    )
    async def begin(request: Request, response: Response) -> ProviderAddress:
        url, attempt = await _provider(context).begin(f"{request.url.scheme}://{request.url.netloc}/login")
        set_cookie(request, response, _cookie(request), attempt.text(), ATTEMPT_S)
        response.headers["Cache-Control"] = "no-store"
        return ProviderAddress(url=url)

    return routes


async def finish(context: ServiceContext, code: str, state: str, request: Request, response: Response) -> tuple[str, Principal]:
    """Begin the session of a person who comes back from the provider.

    Args:
        context: The aggregator.
        code: From the provider.
        state: From the provider.
        request: Carries the cookie of the attempt.
        response: Deletes it.

    Returns:
        The session's secret, and the principal.

    Raises:
        NotFoundError: There is no provider.
        RefusedError: The person may not come in, or too many try.
        IdentityProviderUnavailableError: It does not answer.
    """
    provider, address = _provider(context), acting().address
    note_change(after={"issuer": provider.issuer})
    context.directory.check_attempt(address)
    attempt = SignInAttempt.parse(request.cookies.get(_cookie(request), ""))
    person = await provider.finish(attempt, code, state)
    response.delete_cookie(_cookie(request), path="/", secure=is_secure(request))
    return await context.directory.sign_in_external(person, address, provider.settings.session_hours * 3600)


def _provider(context: ServiceContext) -> OidcProvider:
    if context.oidc is None:
        raise NotFoundError("this aggregator has no identity provider: sign in with a password, or set DAVY_OIDC_ISSUER")
    return context.oidc


def _cookie(request: Request) -> str:
    # With this prefix, no page of a neighbouring host can plant the cookie (RFC 6265bis).
    return f"__Host-{ATTEMPT_COOKIE}" if is_secure(request) else ATTEMPT_COOKIE
