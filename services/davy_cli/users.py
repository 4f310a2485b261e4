"""`davy users`: people who may sign in to the console of an aggregator."""

import sys
from datetime import UTC, datetime
from typing import Annotated

import typer

from davy.access.roles import Role
from davy_cli.directory import DEFAULT, Data, DatabaseUrl, change_directory, open_directory

app = typer.Typer(help="Add, change and remove the people who may sign in.", no_args_is_help=True, add_completion=False)
Name = Annotated[str, typer.Argument(help="User name.")]
RoleOption = Annotated[Role | None, typer.Option(help="viewer, operator, engineer or admin.")]


@app.command("list")
def list_(data: Data = DEFAULT, database: DatabaseUrl = "") -> None:
    """List the users with their roles."""
    with open_directory(data, database) as directory:
        for user in directory.users():
            since = datetime.fromtimestamp(user.created_ns / 1e9, UTC)
            marks = ("  disabled" if user.disabled else "") + (f"  by {user.origin}" if user.origin else "")
            print(f"{user.name:<24}  {user.role:<9}  since {since:%F}{marks}")


@app.command()
def add(name: Name, role: RoleOption = Role.VIEWER, data: Data = DEFAULT, database: DatabaseUrl = "") -> None:
    """Add a user. The password is asked for, or read as one line of standard input."""
    with change_directory(data, database, "davy users add", name) as directory:
        user = directory.put_user(name, role, _password())
    print(f"{user.name} may sign in as {user.role}")


@app.command("set")
def set_(
    name: Name,
    role: RoleOption = None,
    password: Annotated[bool, typer.Option(help="Ask for a new password.")] = False,
    disabled: Annotated[bool | None, typer.Option(help="Whether the user may sign in.")] = None,
    data: Data = DEFAULT,
    database: DatabaseUrl = "",
) -> None:
    """Change a user. Its sessions end."""
    with change_directory(data, database, "davy users set", name) as directory:
        user = directory.put_user(name, role, _password() if password else None, disabled)
    print(f"{user.name}: {user.role}{', disabled' if user.disabled else ''}")


@app.command()
def remove(name: Name, data: Data = DEFAULT, database: DatabaseUrl = "") -> None:
    """Remove a user. Its sessions end."""
    with change_directory(data, database, "davy users remove", name) as directory:
        directory.delete_user(name)
    print(f"{name} is removed")


@app.command()
def link(
    name: Name,
    console: Annotated[str, typer.Option(help="Address of the console.")] = "http://127.0.0.1:8080",
    data: Data = DEFAULT,
    database: DatabaseUrl = "",
) -> None:
    """Print a link that signs a browser in once, within 15 minutes, without a password."""
    with change_directory(data, database, "davy users link", name) as directory:
        secret = directory.new_link(name)
    print(f"{console.rstrip('/')}/login#link={secret}")


def _password() -> str:
    if sys.stdin.isatty():
        return str(typer.prompt("password", hide_input=True, confirmation_prompt=True))
    return sys.stdin.readline().rstrip("\r\n")
