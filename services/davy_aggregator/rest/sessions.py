"""Sign in, sign out, and who the caller is; the login page."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field, SecretStr

from davy.access.external import PROXY, ExternalPerson, PersonRole
from davy.access.principal import Principal, acting
from davy.access.roles import PERMISSIONS_OF, Role
from davy.adapters.access.credentials import SESSION_COOKIE, Credentials
from davy.adapters.access.oidc import MAX_CODE
from davy.adapters.http.problems import problem_responses
from davy.adapters.http.web import PAGE_HEADERS
from davy.domain.errors import InvalidInputError, PermissionDeniedError
from davy_aggregator.context import ServiceContext
from davy_aggregator.rest.console import STATIC
from davy_aggregator.rest.cookies import set_cookie
from davy_aggregator.rest.oidc import finish
from davy_aggregator.rest.schemas import MAX_SECRET

SCREEN_S = 400 * 86_400  # the longest life of a cookie in browsers: a screen is started anew now and then, without a person


class SignIn(BaseModel, extra="forbid"):
    """A user's name and password, the secret of a link that signs in once, a screen's token, or a provider's code and state."""

    name: str = Field("", max_length=64)
    password: SecretStr = Field(SecretStr(""), max_length=MAX_SECRET)
    token: SecretStr = Field(SecretStr(""), max_length=MAX_SECRET, description="Of role viewer, for a screen.")
    link: SecretStr = Field(SecretStr(""), max_length=MAX_SECRET)
    code: SecretStr = Field(SecretStr(""), max_length=MAX_CODE)
    state: SecretStr = Field(SecretStr(""), max_length=MAX_SECRET)


class Me(BaseModel):
    """The caller."""

    name: str
    role: str = Field(description="viewer, operator, engineer, admin, a machine's role, or owner of an open service.")
    via: str = Field(description="session, token, certificate, proxy or open.")
    permissions: list[str]


class Introspection(BaseModel, extra="forbid"):
    """A cookie or a token that another service was given, or a person whom its trusted proxy names."""

    session: SecretStr = Field(SecretStr(""), max_length=MAX_SECRET)
    token: SecretStr = Field(SecretStr(""), max_length=MAX_SECRET)
    person: str = Field("", max_length=64)
    role: PersonRole | None = Field(None, description="The person's role, by the groups that the proxy names.")


class Introspected(BaseModel):
    """Whose it is; active is false for an unknown or expired one (RFC 7662)."""

    active: bool
    name: str = ""
    role: Role | None = None
    via: str = ""
    edge: str = ""


class NewPassword(BaseModel, extra="forbid"):
    """A change of one's own password."""

    old: SecretStr = Field(max_length=MAX_SECRET)
    new: SecretStr = Field(max_length=MAX_SECRET)


def session_routes(context: ServiceContext) -> APIRouter:
    """Routes /login and /v1/session."""
    routes = APIRouter(tags=["access"], responses=problem_responses(503))
    directory = context.directory

    @routes.get("/login", include_in_schema=False)
    async def login_page() -> FileResponse:
        return FileResponse(STATIC / "login.html", headers=PAGE_HEADERS)

    @routes.post("/v1/session", summary="Sign in: sets a cookie", responses=problem_responses(401, 403, 429))
    async def sign_in(asked: SignIn, request: Request, response: Response) -> Me:
        secret, principal = await _begin(context, asked, request, response)
        set_cookie(request, response, SESSION_COOKIE, secret, SCREEN_S if principal.via == "token" else None)
        response.headers["Cache-Control"] = "no-store"
        return _me(principal)

    @routes.get("/v1/session", summary="Get the caller: name, role, permissions")
    async def me() -> Me:
        return _me(acting())

    @routes.delete("/v1/session", summary="Sign out", status_code=204)
    async def sign_out(request: Request, response: Response) -> None:
        await directory.sign_out(request.cookies.get(SESSION_COOKIE, ""))
        response.delete_cookie(SESSION_COOKIE, path="/")

    @routes.put(
        "/v1/session/password",
        summary="Change one's own password; sign in again afterwards",
        status_code=204,
        responses=problem_responses(401, 422, 429),
    )
    async def change_password(change: NewPassword) -> None:
        if (principal := acting()).via != "session":
            raise InvalidInputError("only a person who has signed in has a password")
        old, new = change.old.get_secret_value(), change.new.get_secret_value()
        await directory.change_password(principal.name, old, new, principal.address)

    @routes.post("/v1/session/introspect", summary="Ask whose a cookie or a token is, as another service of the site")
    async def introspect(asked: Introspection) -> Introspected:
        person = ExternalPerson(asked.person, asked.role, PROXY, asked.person) if asked.person else None
        session, token = asked.session.get_secret_value(), asked.token.get_secret_value()
        try:
            principal = await directory.identify(Credentials(session=session, token=token, person=person))
        except (PermissionDeniedError, InvalidInputError):
            principal = None
        if principal is None or principal.role is None:
            return Introspected(active=False)
        return Introspected(active=True, name=principal.name, role=principal.role, via=principal.via, edge=principal.edge)

    return routes


async def _begin(context: ServiceContext, asked: SignIn, request: Request, response: Response) -> tuple[str, Principal]:
    """Begin a session by what the caller sent."""
    address = acting().address
    if code := asked.code.get_secret_value():
        return await finish(context, code, asked.state.get_secret_value(), request, response)
    if token := asked.token.get_secret_value():
        return await context.directory.follow_token(token, address)
    if link := asked.link.get_secret_value():
        return await context.directory.follow_link(link, address)
    return await context.directory.sign_in(asked.name, asked.password.get_secret_value(), address)


def _me(principal: Principal) -> Me:
    permissions = sorted(PERMISSIONS_OF[principal.role or Role.ADMIN])
    return Me(name=principal.name, role=str(principal.role or "owner"), via=principal.via, permissions=permissions)
