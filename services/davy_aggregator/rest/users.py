"""Users and tokens over REST, and their page."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Path, Response
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field, SecretStr

from davy.access.principal import acting
from davy.access.roles import Role
from davy.adapters.http.problems import problem_responses
from davy.adapters.http.web import PAGE_HEADERS
from davy.adapters.storage.access_store import Token, User
from davy_aggregator.context import ServiceContext
from davy_aggregator.rest.console import STATIC
from davy_aggregator.rest.schemas import MAX_SECRET

MAX_DAYS = 3660

UserName = Annotated[str, Path(max_length=64)]


class UserChange(BaseModel, extra="forbid"):
    """What changes of a user; a new one needs role and password."""

    role: Role | None = None
    password: SecretStr | None = Field(None, max_length=MAX_SECRET)
    disabled: bool | None = None


class UserView(BaseModel):
    """A person who may sign in."""

    name: str
    role: Role
    disabled: bool
    created_at: datetime
    origin: str = Field(description='Who authenticates the person: an issuer\'s URL, or "proxy"; empty: a password here.')

    @classmethod
    def of(cls, user: User) -> "UserView":
        created_at = _time(user.created_ns)
        return cls(name=user.name, role=user.role, disabled=user.disabled, created_at=created_at, origin=user.origin)


class Users(BaseModel):
    users: list[UserView]


class NewToken(BaseModel, extra="forbid"):
    """A token for a program or a machine."""

    name: str = Field(max_length=64, description="What it is for.", examples=["grafana"])
    role: Role
    edge: str = Field("", max_length=64, description="Edge that a token of role edge speaks for.")
    days: float = Field(365, ge=0, le=MAX_DAYS, description="Its life in days; 0 has no end.")


class TokenView(BaseModel):
    """A token without its secret."""

    id: str
    name: str
    role: Role
    edge: str
    made_by: str
    created_at: datetime
    expires_at: datetime | None

    @classmethod
    def of(cls, token: Token) -> "TokenView":
        expires = _time(token.expires_ns) if token.expires_ns else None
        return cls(
            id=token.id,
            name=token.name,
            role=token.role,
            edge=token.edge,
            made_by=token.made_by,
            created_at=_time(token.created_ns),
            expires_at=expires,
        )


class Tokens(BaseModel):
    tokens: list[TokenView]


class MadeToken(BaseModel):
    """A new token; its secret is shown this once."""

    token: TokenView
    secret: str


def user_routes(context: ServiceContext) -> APIRouter:
    """Routes /users and /v1/users."""
    routes = APIRouter(tags=["access"], responses=problem_responses(503))
    directory = context.directory

    @routes.get("/users", include_in_schema=False)
    async def users_page() -> FileResponse:
        return FileResponse(STATIC / "users.html", headers=PAGE_HEADERS)

    @routes.get("/v1/users", summary="List the users")
    async def users() -> Users:
        return Users(users=[UserView.of(user) for user in await asyncio.to_thread(directory.users)])

    @routes.put("/v1/users/{name}", summary="Add or change a user", responses=problem_responses(422))
    async def put_user(name: UserName, change: UserChange) -> UserView:
        password = change.password.get_secret_value() if change.password is not None else None
        return UserView.of(await asyncio.to_thread(directory.put_user, name, change.role, password, change.disabled))

    @routes.delete(
        "/v1/users/{name}",
        summary="Delete a user",
        status_code=204,
        responses=problem_responses(404, 422),
    )
    async def delete_user(name: UserName) -> None:
        await asyncio.to_thread(directory.delete_user, name)

    return routes


def token_routes(context: ServiceContext) -> APIRouter:
    """Routes /v1/tokens."""
    routes = APIRouter(tags=["access"], responses=problem_responses(503))
    directory = context.directory

    @routes.get("/v1/tokens", summary="List the tokens, newest first")
    async def tokens() -> Tokens:
        return Tokens(tokens=[TokenView.of(token) for token in await asyncio.to_thread(directory.tokens)])

    @routes.post("/v1/tokens", summary="Make a token", status_code=201, responses=problem_responses(422))
    async def add_token(asked: NewToken, response: Response) -> MadeToken:
        by = acting().name
        made = await asyncio.to_thread(directory.add_token, asked.name, asked.role, asked.edge, asked.days, by)
        response.headers["Cache-Control"] = "no-store"
        return MadeToken(token=TokenView.of(made[0]), secret=made[1])

    @routes.delete(
        "/v1/tokens/{token_id}",
        summary="Revoke a token",
        status_code=204,
        responses=problem_responses(404),
    )
    async def delete_token(token_id: Annotated[str, Path(max_length=64)]) -> None:
        await asyncio.to_thread(directory.delete_token, token_id)

    return routes


def _time(at_ns: int) -> datetime:
    return datetime.fromtimestamp(at_ns / 1e9, UTC)
