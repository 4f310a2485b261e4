"""The users, tokens and sessions of a site, as its aggregator knows them."""

import asyncio
import time
from dataclasses import asdict, replace

from limits import RateLimitItem, RateLimitItemPerMinute, RateLimitItemPerSecond

from davy.access.external import PROXY, ExternalPerson
from davy.access.journal import note_change, note_principal
from davy.access.principal import Principal
from davy.access.roles import MACHINES, PEOPLE, Role
from davy.access.secrets import TOKEN_PREFIX, digest, hash_password, new_secret, new_token, verify_password
from davy.adapters.access.credentials import Credentials
from davy.adapters.access.machines import machine
from davy.adapters.access.rates import Rates
from davy.adapters.storage.access_store import AccessStore, Token, User
from davy.domain.bounds import check_name
from davy.domain.camera import check_id
from davy.domain.errors import (
    InvalidInputError,
    PermissionDeniedError,
    UnauthenticatedError,
    UnknownTokenError,
    UnknownUserError,
)

DAY_NS = 86_400 * 10**9
EXTEND_SHARE = 0.9  # a session is extended once this share of its life is left
ATTEMPTS_PER_NAME = RateLimitItemPerMinute(5)
ATTEMPTS_PER_ADDRESS = RateLimitItemPerMinute(30)
ALL_ATTEMPTS = RateLimitItemPerSecond(4)  # a password's check takes some 50 ms of one core and 64 MB
LINK_NS = 900 * 10**9


class Directory:
    """Identifies callers, signs people in, and administers users and tokens.

    Every method raises ArchiveUnavailableError when the database fails.

    Args:
        store: The tables.
        site: Site whose certificates count.
        session_s: A browser's session ends after so many seconds without a request.
    """

    def __init__(self, store: AccessStore, site: str, session_s: float) -> None:
        self._store, self._site, self._session_ns = store, site, int(session_s * 1e9)
        self._rates = Rates()

    async def identify(self, credentials: Credentials) -> Principal | None:
        """Return the principal of whom a proxy names, an edge's certificate, a token, another certificate or a session.

        Raises:
            PermissionDeniedError: The person whom a proxy names may not come in.
        """
        if credentials.person is not None:
            user = await asyncio.to_thread(self.admit, credentials.person)
            return Principal(user.name, user.role, PROXY)
        certified = machine(credentials.identity, self._site) if credentials.identity else None
        if certified is not None and certified.role is Role.EDGE:
            return certified  # an edge speaks for itself alone, whatever else it shows
        if credentials.token:
            token = await asyncio.to_thread(self._store.token, digest(credentials.token), time.time_ns())
            return Principal(token.name, token.role, "token", token.edge) if token else None
        if credentials.identity:
            return certified
        if credentials.session.startswith(TOKEN_PREFIX):
            return await asyncio.to_thread(self._screen, credentials.session)
        if credentials.session:
            return await asyncio.to_thread(self._person, digest(credentials.session))
        return None

    def _screen(self, secret: str) -> Principal | None:
        """Return the principal of a token in a cookie, which a browser sends by itself: such a one may only view."""
        token = self._store.token(digest(secret), time.time_ns())
        return Principal(token.name, token.role, "token") if token is not None and token.role is Role.VIEWER else None

    def _person(self, session: str) -> Principal | None:
        now_ns = time.time_ns()
        found = self._store.session(session, now_ns)
        if found is None:
            return None
        user, expires_ns = found
        # Nobody tells when a person loses the account at a provider: that session ends at its time.
        if not user.origin and expires_ns - now_ns < EXTEND_SHARE * self._session_ns:
            self._store.extend_session(session, now_ns + self._session_ns)
        return Principal(user.name, user.role, "session")

    async def sign_in(self, name: str, password: str, address: str) -> tuple[str, Principal]:
        """Begin a session.

        Args:
            name: The user's name.
            password: Its password.
            address: The caller's network address.

        Returns:
            The session's secret, and the principal.

        Raises:
            UnauthenticatedError: Name or password is wrong, or the user is disabled.
            TooManyAttemptsError: Too many attempts for this name or from this address within a minute.
        """
        self._limit(name, address)
        user = await asyncio.to_thread(self._store.user, name)
        note_change(after={"user": user.name if user else "unknown"})  # an unknown name may be a password in the wrong field
        right = await asyncio.to_thread(verify_password, password, user.password or None if user else None)
        if user is None or user.disabled or not right:
            raise UnauthenticatedError("signing in", "the name or the password is wrong")
        return await self._begin(user, address, self._session_ns)

    async def sign_in_external(self, person: ExternalPerson, address: str, session_s: float) -> tuple[str, Principal]:
        """Begin a session of a person whom an identity provider has authenticated.

        Args:
            person: As the provider names them.
            address: The caller's network address.
            session_s: The session ends after so many seconds.

        Returns:
            The session's secret, and the principal.

        Raises:
            PermissionDeniedError: The person has no role here, is disabled, or has the name of another user.
        """
        note_change(after={"user": person.name, "issuer": person.origin, "role": person.role, "groups": person.groups})
        user = await asyncio.to_thread(self.admit, person)
        return await self._begin(user, address, int(session_s * 1e9))

    def admit(self, person: ExternalPerson) -> User:
        """Return the user that a person of another system is here; a new one is added, and the role follows. Blocks.

        Raises:
            InvalidInputError: The name has an illegal form.
            PermissionDeniedError: The person has no role here, is disabled, or has the name of another user.
        """
        role, known = person.checked_role(), self._store.user_of(person.origin, person.subject)
        who = f"{person.name!r} of {person.origin}"
        if known is None:
            if taken := self._store.user(check_name("user", person.name)):
                owner = f"of {taken.origin}" if taken.origin else "with a password"
                raise PermissionDeniedError(who, f"sign in: a user {owner} has this name; an administrator removes that one")
            known = User(person.name, role, "", False, time.time_ns(), person.origin, person.subject)
            self._store.put_user(known)
        if known.disabled:
            raise PermissionDeniedError(who, "sign in: an administrator of this site has disabled the user")
        if known.role is not role:
            known = replace(known, role=role)
            self._store.put_user(known)
        return known

    def check_attempt(self, address: str) -> None:
        """Count an attempt to sign in by a provider.

        Raises:
            TooManyAttemptsError: Too many attempts from this address within a minute, or within a second at all.
        """
        self._spend((ATTEMPTS_PER_ADDRESS, address), (ALL_ATTEMPTS, "all by a provider"))

    def _limit(self, name: str, address: str) -> None:
        self._spend((ATTEMPTS_PER_NAME, f"name {name}"), (ATTEMPTS_PER_ADDRESS, address), (ALL_ATTEMPTS, "all"))

    def _spend(self, *budgets: tuple[RateLimitItem, str]) -> None:
        for item, key in budgets:
            self._rates.spend(item, key, "attempts to sign in")

    async def _begin(self, user: User, address: str, session_ns: int) -> tuple[str, Principal]:
        secret, expires_ns = new_secret(), time.time_ns() + session_ns
        await asyncio.to_thread(self._store.add_session, digest(secret), user.name, address, expires_ns)
        principal = Principal(user.name, user.role, "session")
        note_principal(principal)
        return secret, principal

    def new_link(self, name: str) -> str:
        """A secret that signs a browser in once, within 15 minutes, without a password. Blocks.

        Raises:
            UnknownUserError: There is no such user.
        """
        if self._store.user(name) is None:
            raise UnknownUserError(name, [each.name for each in self._store.users()])
        secret = new_secret()
        self._store.add_link(digest(secret), name, time.time_ns() + LINK_NS)
        note_change(after={"link": name})
        return secret

    async def follow_link(self, secret: str, address: str) -> tuple[str, Principal]:
        """Begin a session by a link's secret, which is spent by this.

        Raises:
            UnauthenticatedError: The secret is unknown, spent or too old.
        """
        user = await asyncio.to_thread(self._store.take_link, digest(secret), time.time_ns())
        if user is None:
            raise UnauthenticatedError("signing in", "this link has been used or is too old: sign in with a password")
        return await self._begin(user, address, self._session_ns)

    async def follow_token(self, secret: str, address: str) -> tuple[str, Principal]:
        """Sign a screen in by a token of role viewer, which becomes its cookie: who revokes the token ends it.

        Raises:
            UnauthenticatedError: The token is unknown, expired or of another role.
            TooManyAttemptsError: Too many attempts from this address within a minute.
        """
        self.check_attempt(address)
        principal = await asyncio.to_thread(self._screen, secret)
        if principal is None:
            raise UnauthenticatedError("signing in", "this link is unknown, revoked or expired: an engineer makes another one")
        note_principal(principal)
        return secret, principal

    async def sign_out(self, secret: str) -> None:
        """End a session."""
        await asyncio.to_thread(self._store.delete_session, digest(secret))

    def users(self) -> list[User]:
        """Every user, by name. Blocks."""
        return self._store.users()

    def put_user(self, name: str, role: Role | None, password: str | None, disabled: bool | None = None) -> User:
        """Add a user, or change what is not None. Blocks.

        Raises:
            InvalidInputError: The name or the password has an illegal form, the role is a machine's, a new user lacks one of
                them, another system decides over the role and the password, or no enabled administrator with a password
                would be left.
        """
        check_name("user", name)
        known = self._store.user(name)
        if known is not None and known.origin:
            return self._put_external(known, role, password, disabled)
        if known is None and (role is None or password is None):
            raise InvalidInputError(f"there is no user {name!r}: give it a role and a password to add it")
        role = role or (known.role if known else Role.VIEWER)
        if role not in PEOPLE:
            raise InvalidInputError(f"a person is {', '.join(PEOPLE)}; {role} is for machines: make a token for them")
        stored = hash_password(password) if password is not None else known.password if known else ""
        now_disabled = disabled if disabled is not None else bool(known and known.disabled)
        user = User(name, role, stored, now_disabled, known.created_ns if known else time.time_ns())
        if known and known.role is Role.ADMIN and (role is not Role.ADMIN or now_disabled):
            self._keep_an_admin(name)
        self._store.put_user(user)
        note_change(_state(known), _state(user) | {"password_changed": password is not None})
        return user

    def _put_external(self, known: User, role: Role | None, password: str | None, disabled: bool | None) -> User:
        if password is not None or role not in (None, known.role):
            raise InvalidInputError(f"role and password of {known.name!r} come from {known.origin}: change them there")
        user = replace(known, disabled=known.disabled if disabled is None else disabled)
        self._store.put_user(user)
        note_change(_state(known), _state(user))
        return user

    def delete_user(self, name: str) -> None:
        """Delete a user; its sessions end. Blocks.

        Raises:
            UnknownUserError: There is none.
            InvalidInputError: No enabled administrator with a password would be left.
        """
        user = self._store.user(name)
        if user is None:
            raise UnknownUserError(name, [each.name for each in self._store.users()])
        if user.role is Role.ADMIN and not user.origin:
            self._keep_an_admin(name)
        self._store.delete_user(name)
        note_change(_state(user))

    def _keep_an_admin(self, without: str) -> None:
        """A provider may be away: one administrator can always sign in by a password."""
        others = (user for user in self._store.users() if user.name != without)
        if not any(user.role is Role.ADMIN and not user.disabled and not user.origin for user in others):
            raise InvalidInputError(f"{without!r} is the last administrator with a password: make another one first")

    async def change_password(self, name: str, old: str, new: str, address: str) -> None:
        """Change one's own password; every session of the user ends.

        Raises:
            UnauthenticatedError: The old password is wrong.
            TooManyAttemptsError: Too many attempts.
            InvalidInputError: The new password is too short or too long.
        """
        self._limit(name, address)
        user = await asyncio.to_thread(self._store.user, name)
        if not await asyncio.to_thread(verify_password, old, user.password or None if user else None):
            raise UnauthenticatedError("changing a password", "the old password is wrong")
        await asyncio.to_thread(self.put_user, name, None, new)

    def tokens(self) -> list[Token]:
        """Every token, the newest first. Blocks."""
        return self._store.tokens()

    def add_token(self, name: str, role: Role, edge: str, days: float, made_by: str) -> tuple[Token, str]:
        """Make a token for a program or a machine. Blocks.

        Args:
            name: What it is for.
            role: Any role but `anonymous`.
            edge: The edge that a token of role edge speaks for; empty for other roles.
            days: Its life; 0 has no end.
            made_by: Who makes it.

        Returns:
            The record, and the token itself, which is not kept.

        Raises:
            InvalidInputError: The name, the edge or the role is illegal.
        """
        check_name("token", name)
        if role not in (*PEOPLE, *MACHINES):
            raise InvalidInputError(f"a token cannot have the role {role}")
        if (role is Role.EDGE) != bool(edge):
            raise InvalidInputError("a token of role edge names its edge, and no other token does")
        if edge:
            check_id("edge", edge)
        token_id, secret = new_token()
        now_ns = time.time_ns()
        record = Token(token_id, name, role, edge, made_by, now_ns, now_ns + int(days * DAY_NS) if days else 0)
        self._store.add_token(record, digest(secret))
        note_change(after=asdict(record))
        return record, secret

    def delete_token(self, token_id: str) -> None:
        """Revoke a token. Blocks.

        Raises:
            UnknownTokenError: There is none.
        """
        known = [asdict(token) for token in self._store.tokens() if token.id == token_id]
        if not self._store.delete_token(token_id):
            raise UnknownTokenError(token_id)
        note_change(known[0] if known else None)


def _state(user: User | None) -> dict[str, object]:
    if user is None:
        return {}
    state = {"name": user.name, "role": user.role, "disabled": user.disabled}
    return state | ({"origin": user.origin} if user.origin else {})
