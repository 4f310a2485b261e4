"""People, tokens of programs, sessions of browsers, and links that begin one."""

import time
from dataclasses import dataclass

from sqlalchemy import BigInteger, Boolean, Column, Connection, ForeignKey, Row, Table, Text, delete, insert, select, update

from davy.access.roles import Role
from davy.adapters.storage.database import Database
from davy.adapters.storage.schema import metadata

NOUN = "access"

access_user = Table(
    "access_user",
    metadata,
    Column("name", Text, primary_key=True),
    Column("role", Text, nullable=False),
    Column("password", Text, nullable=False),
    Column("disabled", Boolean, nullable=False),
    Column("created_ns", BigInteger, nullable=False),
    Column("origin", Text, nullable=False, server_default=""),
    Column("subject", Text, nullable=False, server_default=""),
)

access_token = Table(
    "access_token",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("edge", Text, nullable=False),
    Column("digest", Text, nullable=False, unique=True),
    Column("made_by", Text, nullable=False),
    Column("created_ns", BigInteger, nullable=False),
    Column("expires_ns", BigInteger, nullable=False),
)

access_session = Table(
    "access_session",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("user_name", Text, ForeignKey("access_user.name", ondelete="CASCADE"), nullable=False),
    Column("address", Text, nullable=False),
    Column("created_ns", BigInteger, nullable=False),
    Column("expires_ns", BigInteger, nullable=False),
)

access_link = Table(
    "access_link",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("user_name", Text, ForeignKey("access_user.name", ondelete="CASCADE"), nullable=False),
    Column("expires_ns", BigInteger, nullable=False),
)


@dataclass(frozen=True, slots=True)
class User:
    """A person.

    Attributes:
        name: User name.
        role: What they may do.
        password: Argon2id hash; empty for a person whom another system authenticates.
        disabled: May not sign in.
        created_ns: Unix time in ns.
        origin: The other system: an issuer's URL or "proxy"; empty for a user of this site.
        subject: What identifies the person there.
    """

    name: str
    role: Role
    password: str
    disabled: bool = False
    created_ns: int = 0
    origin: str = ""
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Token:
    """A program's token, without its secret. Times are Unix times in ns; expires_ns 0 means never."""

    id: str
    name: str
    role: Role
    edge: str
    made_by: str
    created_ns: int
    expires_ns: int


class AccessStore:
    """Users, tokens, sessions and links. Calls block and may come from any thread.

    Raises:
        ArchiveUnavailableError: The disk or the server fails; every method raises it.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def users(self) -> list[User]:
        """Every user, by name."""
        with self._database.read() as connection:
            return [_user(row) for row in connection.execute(select(access_user).order_by(access_user.c.name))]

    def user(self, name: str) -> User | None:
        """The user of a name."""
        with self._database.read() as connection:
            row = connection.execute(select(access_user).where(access_user.c.name == name)).first()
        return _user(row) if row else None

    def user_of(self, origin: str, subject: str) -> User | None:
        """The user whom another system identifies so."""
        wanted = select(access_user).where(access_user.c.origin == origin, access_user.c.subject == subject)
        with self._database.read() as connection:
            row = connection.execute(wanted).first()
        return _user(row) if row else None

    def put_user(self, user: User) -> None:
        """Add or replace a user. Sessions end if the password, the role or the state changed."""
        kept = ("password", "disabled", "origin", "subject")
        values = {"role": str(user.role)} | {name: getattr(user, name) for name in kept}
        with self._database.transaction(NOUN) as connection:
            known = connection.execute(select(access_user).where(access_user.c.name == user.name)).first()
            if known is None:
                connection.execute(insert(access_user), {"name": user.name, "created_ns": time.time_ns(), **values})
            elif any(getattr(known, name) != value for name, value in values.items()):
                connection.execute(update(access_user).where(access_user.c.name == user.name).values(values))
                _end_sessions(connection, user.name)

    def delete_user(self, name: str) -> bool:
        """Delete a user and its sessions; return whether it existed."""
        with self._database.transaction(NOUN) as connection:
            _end_sessions(connection, name)
            return bool(connection.execute(delete(access_user).where(access_user.c.name == name)).rowcount)

    def tokens(self) -> list[Token]:
        """Every token, the newest first."""
        with self._database.read() as connection:
            return [_token(row) for row in connection.execute(select(access_token).order_by(access_token.c.created_ns.desc()))]

    def add_token(self, token: Token, digest: str) -> None:
        """Store a token under the digest of its secret."""
        row = {name: getattr(token, name) for name in Token.__slots__} | {"role": str(token.role), "digest": digest}
        with self._database.transaction(NOUN) as connection:
            connection.execute(insert(access_token), row)

    def delete_token(self, token_id: str) -> bool:
        """Delete a token; return whether it existed."""
        with self._database.transaction(NOUN) as connection:
            return bool(connection.execute(delete(access_token).where(access_token.c.id == token_id)).rowcount)

    def token(self, digest: str, now_ns: int) -> Token | None:
        """The token of a digest, unless it has expired."""
        alive = (access_token.c.expires_ns == 0) | (access_token.c.expires_ns > now_ns)
        with self._database.read() as connection:
            row = connection.execute(select(access_token).where(access_token.c.digest == digest, alive)).first()
        return _token(row) if row else None

    def add_session(self, digest: str, user: str, address: str, expires_ns: int) -> None:
        """Store a session under the digest of its secret, and delete those that have expired."""
        now_ns = time.time_ns()
        row = {"digest": digest, "user_name": user, "address": address, "created_ns": now_ns, "expires_ns": expires_ns}
        with self._database.transaction(NOUN) as connection:
            connection.execute(delete(access_session).where(access_session.c.expires_ns <= now_ns))
            connection.execute(insert(access_session), row)

    def session(self, digest: str, now_ns: int) -> tuple[User, int] | None:
        """The enabled user of a live session, and the time in ns at which it expires."""
        wanted = (
            select(access_user, access_session.c.expires_ns)
            .join(access_session, access_session.c.user_name == access_user.c.name)
            .where(access_session.c.digest == digest, access_session.c.expires_ns > now_ns, access_user.c.disabled.is_(False))
        )
        with self._database.read() as connection:
            row = connection.execute(wanted).first()
        return (_user(row), row.expires_ns) if row else None

    def extend_session(self, digest: str, expires_ns: int) -> None:
        """Let a session live longer."""
        with self._database.transaction(NOUN) as connection:
            connection.execute(update(access_session).where(access_session.c.digest == digest).values(expires_ns=expires_ns))

    def delete_session(self, digest: str) -> None:
        """End a session."""
        with self._database.transaction(NOUN) as connection:
            connection.execute(delete(access_session).where(access_session.c.digest == digest))

    def add_link(self, digest: str, user: str, expires_ns: int) -> None:
        """Store a link under the digest of its secret, and delete those that have expired."""
        row = {"digest": digest, "user_name": user, "expires_ns": expires_ns}
        with self._database.transaction(NOUN) as connection:
            connection.execute(delete(access_link).where(access_link.c.expires_ns <= time.time_ns()))
            connection.execute(insert(access_link), row)

    def take_link(self, digest: str, now_ns: int) -> User | None:
        """Spend a link; return its enabled user, or None if it is unknown, spent or too old."""
        wanted = (
            select(access_user)
            .join(access_link, access_link.c.user_name == access_user.c.name)
            .where(access_link.c.digest == digest, access_link.c.expires_ns > now_ns, access_user.c.disabled.is_(False))
        )
        with self._database.transaction(NOUN) as connection:
            row = connection.execute(wanted).first()
            spent = connection.execute(delete(access_link).where(access_link.c.digest == digest)).rowcount
        return _user(row) if row and spent else None


def _end_sessions(connection: Connection, user: str) -> None:
    for table in (access_session, access_link):
        connection.execute(delete(table).where(table.c.user_name == user))


def _user(row: Row[tuple[object, ...]]) -> User:
    return User(row.name, Role(row.role), row.password, bool(row.disabled), row.created_ns, row.origin, row.subject)


def _token(row: Row[tuple[object, ...]]) -> Token:
    return Token(row.id, row.name, Role(row.role), row.edge, row.made_by, row.created_ns, row.expires_ns)
