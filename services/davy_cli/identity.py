"""`davy identity`: the certificates of a site's edges, services and programs."""

import os
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from davy.adapters.http.identity_client import enroll as enroll_at
from davy.adapters.http.identity_client import renewer_of
from davy.adapters.tls import Tls, TlsSettings
from davy.domain.errors import ConfigError, InvalidIdentityError
from davy.domain.secret_files import FILE_SUFFIX, read_secret
from davy.identity import (
    Authority,
    CredentialFiles,
    Credentials,
    Identity,
    Kind,
    Token,
    new_token,
    withdraw_tokens,
    write_credentials,
)
from davy.identity.authority import CA_DAYS, LEAF_DAYS
from davy.identity.bundle import read_bundle, write_bundle
from davy.identity.enrolment import TOKEN_HOURS

app = typer.Typer(
    help="Issue, rotate, revoke and enrol the certificates of a site. An identity is written KIND/NAME, such as edge/west.",
    no_args_is_help=True,
    add_completion=False,
)
AuthorityFolder = Annotated[
    Path, typer.Option("--authority", envvar="DAVY_AUTHORITY", help="Folder of the site's authority: keep it secret.")
]
Names = Annotated[list[str] | None, typer.Option("--host", help="DNS name or IP address of a server. Repeatable.")]
Days = Annotated[float, typer.Option(min=0.01, max=36_500, help="Validity in days.")]
Name = Annotated[str, typer.Argument(help=f"KIND/NAME; kinds: {', '.join(Kind)}.")]
Folder = Annotated[Path, typer.Argument(help="Folder of the identity: cert.pem, key.pem, ca.pem, crl.pem.")]
DEFAULT = Path("authority")
ENROLL_TOKEN, MAX_TOKEN = "DAVY_ENROLL_TOKEN", 4096


@app.command()
def init(
    site: Annotated[str, typer.Argument(help="Name of the site, as in site.yaml.")],
    authority: AuthorityFolder = DEFAULT,
    days: Annotated[float, typer.Option(min=1, max=36_500, help="Validity of the authority in days.")] = CA_DAYS,
) -> None:
    """Make the certificate authority of a site. DAVY_CA_PASSPHRASE encrypts its key if set."""
    made = Authority.create(authority, site, days)
    print(f"authority of site {site}, valid until {made.certificate.not_valid_after_utc:%F}")
    print(f"key          {authority / 'ca-key.pem'}: keep it secret, and keep a copy elsewhere")
    print(f"fingerprint  {made.fingerprint.hex()}")
    print("next         davy identity issue aggregator/main")


@app.command()
def issue(
    name: Name,
    authority: AuthorityFolder = DEFAULT,
    out: Annotated[Path | None, typer.Option(help="Folder of the identity. Default: identities/KIND-NAME.")] = None,
    bundle: Annotated[Path | None, typer.Option(help="Write one file for `davy identity enroll --bundle` instead.")] = None,
    host: Names = None,
    days: Days = LEAF_DAYS,
) -> None:
    """Make a key and its certificate."""
    ca = Authority.open(authority)
    identity = _identity(ca.site, name)
    made = ca.issue(identity, host or (), days)
    if bundle is not None:
        write_bundle(bundle, made)
        _print(made, bundle)
        print(f"next    on the machine: davy identity enroll --bundle {bundle.name}; the file holds the key: then delete it")
        return
    folder = out or Path("identities") / f"{identity.kind}-{identity.name}"
    write_credentials(folder, made)
    _print(made, folder)


@app.command()
def rotate(
    folder: Folder,
    authority: Annotated[
        Path | None, typer.Option(envvar="DAVY_AUTHORITY", help="Folder of the site's authority, if it is on this machine.")
    ] = None,
    url: Annotated[str, typer.Option(help="Aggregator that renews, https://host:8080. Default: DAVY_TLS_RENEW_URL.")] = "",
) -> None:
    """Replace key and certificate, at once, by new ones of the same identity. Running programs take them up by themselves."""
    old = CredentialFiles.in_folder(folder).read()
    if authority is not None:
        ca = Authority.open(authority)
        known = ca.read().find(old.certificate.serial_number)
        made = ca.issue(old.identity, known.names, known.days) if known else ca.issue(old.identity)
    else:
        settings = TlsSettings(folder=folder, renew_url=url) if url else TlsSettings(folder=folder)
        tls = Tls.of(settings)
        renewer = renewer_of(tls) if tls is not None else None
        if renewer is None:
            raise ConfigError("give --authority FOLDER, or --url https://host:8080 of the aggregator that renews")
        print(f"asks    {settings.renew_url} for a new certificate of {old.identity}", flush=True)
        made = renewer.renew()
    write_credentials(folder, made)
    _print(made, folder)


@app.command()
def revoke(
    name: Name,
    authority: AuthorityFolder = DEFAULT,
    serial: Annotated[str, typer.Option(help="Only the certificate with this serial number. Default: all valid ones.")] = "",
    into: Annotated[
        list[Path] | None, typer.Option(help="Folder of an identity that gets the new list of revocations. Repeatable.")
    ] = None,
) -> None:
    """Revoke the certificates and unused tokens of an identity. Programs that renew take the list within a minute."""
    ca = Authority.open(authority)
    identity = _identity(ca.site, name)
    revoked = ca.revoke(identity, _serial(serial) if serial else None)
    withdrawn = 0 if serial else withdraw_tokens(ca, identity)
    if not revoked and not withdrawn:
        raise ConfigError(f"{identity} has no valid certificate here: see `davy identity list`")
    for each in revoked:
        print(f"{each.serial}  {each.identity}  revoked")
    if withdrawn:
        print(f"tokens  {withdrawn} unused of {identity} withdrawn")
    for folder in into or ():
        current = CredentialFiles.in_folder(folder).read()
        write_credentials(folder, Credentials(current.cert, current.key, current.ca, ca.crl))
        print(f"wrote   {folder / 'crl.pem'}")
    print(f"list    {ca.folder / 'crl.pem'}: give it to the broker and to Redis, and have them read it again")


@app.command("list")
def list_(
    authority: AuthorityFolder = DEFAULT,
    all_: Annotated[bool, typer.Option("--all", help="List expired and revoked certificates too.")] = False,
) -> None:
    """List the certificates, the next to expire first."""
    now = datetime.now(UTC)
    for each in sorted(Authority.open(authority).read().certificates, key=lambda found: found.not_after):
        state = each.state(now)
        if all_ or state == "valid":
            line = f"{each.serial:<40}  {state:<8}  {each.not_after:%F %T}  {each.identity}  {' '.join(each.names)}"
            print(line.rstrip())


@app.command()
def token(
    name: Name,
    authority: AuthorityFolder = DEFAULT,
    host: Names = None,
    days: Days = LEAF_DAYS,
    hours: Annotated[float, typer.Option(min=0.01, max=720, help="Hours within which the token enrols.")] = TOKEN_HOURS,
) -> None:
    """Print a one-time token with which a machine enrols itself. Only its hash is kept."""
    ca = Authority.open(authority)
    made = new_token(ca, _identity(ca.site, name), host or (), days, hours)
    print(made)
    typer.echo(
        f"next    on the machine, within {hours:g} h: davy identity enroll https://AGGREGATOR:8080 --token-file -", err=True
    )


@app.command()
def enroll(
    url: Annotated[str, typer.Argument(help="Aggregator, https://host:8080.")] = "",
    token: Annotated[
        str, typer.Argument(help="Token of `davy identity token`. Other users see arguments: prefer --token-file.")
    ] = "",
    token_file: Annotated[
        Path | None, typer.Option(help="File with the token; - reads stdin. Default: DAVY_ENROLL_TOKEN or its _FILE.")
    ] = None,
    folder: Annotated[Path, typer.Option(help="Folder for the identity.")] = Path("identity"),
    bundle: Annotated[Path | None, typer.Option(help="Install a bundle of `davy identity issue --bundle` instead.")] = None,
) -> None:
    """Make a key on this machine and have it certified: only the request leaves the machine."""
    if bundle is not None:
        made = read_bundle(bundle)
    elif url and (token := token or _token(token_file)):
        print("checks  the aggregator's authority by the token's fingerprint", flush=True)
        made = enroll_at(url, Token.parse(token))
        print("checks  passed; made a key on this machine; the aggregator certified it")
    else:
        advice = "give the aggregator's address and --token-file FILE, or --bundle FILE"
        raise ConfigError(f"{advice}: `davy identity token` makes a token")
    write_credentials(folder, made)
    _print(made, folder)
    renewal = f" DAVY_TLS_RENEW_URL={url}" if url else ""
    print(f"next    start the program with DAVY_TLS_FOLDER={folder.absolute()}{renewal}")


def _token(file: Path | None) -> str:
    """Read the token of a file, of stdin, or of the environment; empty if there is none."""
    if file is None:
        return read_secret(ENROLL_TOKEN, os.environ)
    if str(file) == "-":
        return sys.stdin.read(MAX_TOKEN).strip()
    return read_secret(ENROLL_TOKEN, {ENROLL_TOKEN + FILE_SUFFIX: str(file)})


def _identity(site: str, name: str) -> Identity:
    kind, slash, rest = name.removeprefix(f"davy://{site}/").partition("/")
    if not slash:
        raise InvalidIdentityError(name, f"write KIND/NAME, such as edge/west; kinds: {', '.join(Kind)}")
    return Identity.parse(f"davy://{site}/{kind}/{rest}")


def _serial(text: str) -> int:
    try:
        return int(text, 16)
    except ValueError as error:
        raise ConfigError(f"{text!r} is no serial number: `davy identity list` prints them") from error


def _print(made: Credentials, where: Path) -> None:
    lines: Iterable[tuple[str, object]] = (
        ("made", made.identity),
        ("serial", f"{made.certificate.serial_number:x}"),
        ("until", f"{made.certificate.not_valid_after_utc:%F %T} UTC"),
        ("in", os.fspath(where)),
    )
    for title, value in lines:
        print(f"{title:<8}{value}")
