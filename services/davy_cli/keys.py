"""`davy keys`: signing keys of models and configurations, and the key set of the edges."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from davy.adapters.pkcs11_key import FORM, SCHEME, KeyUri, public_key
from davy.domain.errors import ConfigError
from davy.models.keyring import TRUST, make_key, signs_here
from davy.models.keys import KeySet, TrustedKey, key_id
from davy_cli.key_files import PassphraseFile, ask_passphrase, read_passphrase

app = typer.Typer(
    help="Manage signing keys (FOLDER/*.pem, secret) and the key set of the edges (FOLDER/trust.json).",
    no_args_is_help=True,
    add_completion=False,
)
Folder = Annotated[Path, typer.Option(envvar="DAVY_KEYS", help="Folder of the keys.")]
Days = Annotated[float, typer.Option(min=0.01, max=36_500, help="Validity of the key in days.")]
Comment = Annotated[str, typer.Option(help="Comment, up to 200 characters.")]


@app.command()
def new(
    folder: Folder = Path("keys"),
    days: Days = 365,
    comment: Comment = "",
    encrypt: Annotated[bool, typer.Option(help="Ask for a passphrase that encrypts the private key.")] = False,
    passphrase_file: PassphraseFile = None,
) -> None:
    """Make a key and trust it. A passphrase encrypts it: --encrypt, --passphrase-file or DAVY_KEY_PASSPHRASE."""
    made = make_key(folder, days, comment, _new_passphrase(encrypt, passphrase_file))
    print(f"{made.id}  valid until {made.not_after:%F}  private key {folder / f'{made.id}.pem'}: keep it secret")
    print(f"give {folder / TRUST} to the edges (DAVY_EDGE_TRUST) and the aggregator (DAVY_AGGREGATOR_TRUST)")


@app.command("list")
def list_(
    folder: Folder = Path("keys"), public: Annotated[bool, typer.Option(help="Also print the public keys.")] = False
) -> None:
    """List trusted keys with their validity; mark those that can sign here."""
    now = datetime.now(UTC)
    for key in sorted(KeySet.load(folder / TRUST).keys, key=lambda key: key.not_before):
        secret = "signs here" if signs_here(folder, key) else "-"
        line = f"{key.id}  {key.state(now):<13}  {key.not_before:%F} to {key.not_after:%F}  {secret:<10}  {key.comment}"
        print(line.rstrip() + (f"  {key.public}" if public else "") + (f"  revoked: {key.reason}" if key.revoked else ""))


@app.command()
def rotate(
    folder: Folder = Path("keys"),
    days: Days = 365,
    overlap: Annotated[float, typer.Option(min=0, help="Days for which the previous keys stay valid.")] = 30,
    comment: Comment = "",
) -> None:
    """Make a new key; the previous keys that sign here expire after the overlap."""
    ends = datetime.now(UTC) + timedelta(days=overlap)
    trust = KeySet.load(folder / TRUST)
    old = [key for key in trust.keys if signs_here(folder, key) and not key.revoked and key.not_after > ends]
    made = make_key(folder, days, comment)
    trust = KeySet.load(folder / TRUST)
    for key in old:
        trust = trust.with_key(key.model_copy(update={"not_after": ends}))
    trust.save(folder / TRUST)
    print(f"{made.id}  signs from now on, valid until {made.not_after:%F}")
    for key in old:
        print(f"{key.id}  ends {ends:%F}")


@app.command()
def trust(
    key: Annotated[str, typer.Argument(help=f"64 hex digits of a public key, another trust.json, or {FORM}.")],
    folder: Folder = Path("keys"),
    days: Days = 365,
    comment: Comment = "",
) -> None:
    """Trust a public key, or every key of another key set."""
    known = KeySet.load(folder / TRUST)
    try:
        public = public_key(KeyUri.parse(key)) if key.startswith(SCHEME) else bytes.fromhex(key)
    except ValueError:
        if not Path(key).is_file():
            raise ConfigError(f"{key!r} is neither 64 hex digits nor a file") from None
        added = KeySet.load(Path(key)).keys
    else:
        if len(public) != 32:
            raise ConfigError("an Ed25519 public key has 64 hex digits")
        now = datetime.now(UTC)
        ends = now + timedelta(days=days)
        added = (TrustedKey(id=key_id(public), public=public.hex(), not_before=now, not_after=ends, comment=comment),)
    for each in added:
        known = known.with_key(each)
        print(f"{each.id}  trusted until {each.not_after:%F}")
    known.save(folder / TRUST)


@app.command()
def revoke(
    key: Annotated[str, typer.Argument(help="Id of the key, or its start.")],
    folder: Folder = Path("keys"),
    reason: Annotated[str, typer.Option(help="Reason for the reports of the edges.")] = "",
) -> None:
    """Revoke a key. Edges with the new trust.json reject its models, running ones included."""
    known = KeySet.load(folder / TRUST)
    found = known.find(key).model_copy(update={"revoked": datetime.now(UTC), "reason": reason})
    known.with_key(found).save(folder / TRUST)
    print(f"{found.id}  revoked; give {folder / TRUST} to the edges")


def _new_passphrase(encrypt: bool, file: Path | None) -> bytes | None:
    if file is not None:
        return read_passphrase(file)
    phrase = ask_passphrase("passphrase of the new key", confirm=True) if encrypt else None
    if phrase == b"":
        raise ConfigError("an empty passphrase encrypts nothing: leave --encrypt away for a key without one")
    return phrase
