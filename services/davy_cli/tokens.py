"""`davy tokens`: tokens by which programs and machines name themselves to an aggregator."""

import getpass
from datetime import UTC, datetime
from typing import Annotated

import typer

from davy.access.roles import Role
from davy_cli.directory import DEFAULT, Data, DatabaseUrl, change_directory, open_directory

app = typer.Typer(help="Make, list and revoke tokens of programs and machines.", no_args_is_help=True, add_completion=False)


@app.command("list")
def list_(data: Data = DEFAULT, database: DatabaseUrl = "") -> None:
    """List the tokens, newest first; their secrets are not kept."""
    with open_directory(data, database) as directory:
        for token in directory.tokens():
            until = datetime.fromtimestamp(token.expires_ns / 1e9, UTC).strftime("%F") if token.expires_ns else "no end"
            of_edge = f" of {token.edge}" if token.edge else ""
            print(f"{token.id}  {token.name:<24}  {token.role}{of_edge}  until {until}  made by {token.made_by}")


@app.command()
def make(
    name: Annotated[str, typer.Argument(help="What the token is for.")],
    role: Annotated[Role, typer.Option(help="What it may do: viewer, operator, engineer, admin, or a machine's role.")],
    edge: Annotated[str, typer.Option(help="The edge for which a token of role edge speaks.")] = "",
    days: Annotated[float, typer.Option(min=0, max=3660, help="Its life in days; 0 has no end.")] = 365,
    data: Data = DEFAULT,
    database: DatabaseUrl = "",
) -> None:
    """Make a token and print it; it is not kept. Programs read it from DAVY_TOKEN or DAVY_TOKEN_FILE."""
    with change_directory(data, database, "davy tokens make", name) as directory:
        _, secret = directory.add_token(name, role, edge, days, f"{getpass.getuser()} on this machine")
    print(secret)


@app.command()
def revoke(
    token: Annotated[str, typer.Argument(help="Id of the token.")], data: Data = DEFAULT, database: DatabaseUrl = ""
) -> None:
    """Revoke a token."""
    with change_directory(data, database, "davy tokens revoke", token) as directory:
        directory.delete_token(token)
    print(f"{token} is revoked")
