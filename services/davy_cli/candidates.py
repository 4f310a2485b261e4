"""`davy models candidates | fetch | sign | reject`: from a proposed package to a signed model."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from davy.adapters.storage.candidate_registry import CandidateRegistry
from davy.adapters.storage.model_registry import ModelRegistry
from davy.atomic import write_atomic
from davy.domain.errors import ConfigError, UnknownModelError
from davy.models import Candidate, ModelKind, Package, open_candidate
from davy.models.candidate import has_signature
from davy.models.detector import check_runs
from davy_cli.key_files import KEY_HELP, PassphraseFile, opened_key
from davy_cli.keys import Folder
from davy_cli.registry_options import DEFAULT, AnyRegistry, aggregator_at, open_registry, read_file

Name = Annotated[str, typer.Argument(help="Candidate: id or its start, or the id in frames.")]
Kind = Annotated[ModelKind | None, typer.Option(help="Only this kind of model.")]
SUFFIX = ".candidate.zip"


def candidates(registry: AnyRegistry = DEFAULT, kind: Kind = None) -> None:
    """List the candidates: packages that wait for a signature, newest first."""
    if (aggregator := aggregator_at(registry)) is not None:
        for found in aggregator.candidates():
            if kind in (None, found["kind"]):
                _print_line(found["id"], found["frame_id"], found["added"], found["figures"], found["proposal"]["cause"])
        return
    for entry in CandidateRegistry(registry).entries():
        if kind in (None, entry.kind):
            _print_line(entry.id, entry.frame_id, entry.added.isoformat(), entry.manifest.figures, entry.proposal.cause)


def fetch(
    name: Name,
    registry: AnyRegistry = DEFAULT,
    out: Annotated[Path | None, typer.Option(help=f"File. Default: ID_IN_FRAMES{SUFFIX} in this folder.")] = None,
) -> None:
    """Write a candidate to a file, for `davy models sign` on a machine without network."""
    opened = open_candidate(_read(name, registry))
    path = out or Path(f"{opened.manifest.frame_id}{SUFFIX}")
    write_atomic(path, opened.data)
    print(f"{opened.id}  {path}  sha256 {opened.sha256}")


def sign(
    candidate: Annotated[str, typer.Argument(help="File of a candidate, or a candidate of the registry.")],
    key: Annotated[str, typer.Option(help=KEY_HELP)],
    passphrase_file: PassphraseFile = None,
    out: Annotated[
        Path | None, typer.Option(help="Write the signed package here. Default for a file: ID_IN_FRAMES.zip beside it.")
    ] = None,
    registry: AnyRegistry = DEFAULT,
    keys: Folder = Path("keys"),
) -> None:
    """Check a candidate as an edge does, show it, and sign it. A file needs no network; otherwise the model is added.

    A passphrase is read from --passphrase-file or DAVY_KEY_PASSPHRASE, or asked for.
    """
    path = Path(candidate)
    opened = open_candidate(read_file(path) if path.is_file() else _read(candidate, registry))
    check_runs(opened.manifest, opened.files)
    _print_candidate(opened)
    with opened_key(key, passphrase_file) as signer:
        package = opened.sign(signer)
    if path.is_file() or out is not None:
        signed = out or path.with_name(f"{opened.manifest.frame_id}.zip")
        if signed.exists() and path.is_file() and signed.samefile(path):
            raise ConfigError(f"{signed} is the candidate itself: give --out another name")
        write_atomic(signed, package.data)
        print(f"{package.id}  signed by {package.signature.key}  {signed}: add it by `davy models add {signed.name}`")
    else:
        _add(package, registry, keys)
        print(f"{package.id}  signed by {package.signature.key}  added to {registry}")


def reject(name: Name, registry: AnyRegistry = DEFAULT) -> None:
    """Delete a candidate."""
    if (aggregator := aggregator_at(registry)) is not None:
        aggregator.reject(name)
    else:
        stored = CandidateRegistry(registry)
        stored.delete(stored.get(name).id)
    print(f"{name}  deleted")


def find_version(registry: ModelRegistry, name: str) -> Package | Candidate:
    """Open a model or a candidate of a registry, or the file of either.

    Raises:
        UnknownModelError: nothing has this name.
        ModelRefusedError: the package violates a rule.
    """
    path = Path(name)
    if path.is_file():
        data = read_file(path)
        return registry.verify(data) if has_signature(data) else open_candidate(data)
    with suppress(UnknownModelError):
        return open_candidate(registry.candidates.read(registry.candidates.get(name)))
    return registry.open(registry.get(name))


def _read(name: str, registry: str) -> bytes:
    if (aggregator := aggregator_at(registry)) is not None:
        return aggregator.read_candidate(name)
    stored = CandidateRegistry(registry)
    return stored.read(stored.get(name))


def _add(package: Package, registry: str, keys: Path) -> None:
    if (aggregator := aggregator_at(registry)) is not None:
        aggregator.add(package.data)
    else:
        open_registry(registry, keys).add(package.data)


def _print_line(model: str, frame_id: str, added: str, figures: Mapping[str, float], cause: str) -> None:
    listed = "  ".join(f"{name} {value:g}" for name, value in sorted(figures.items()))
    print(f"{model[:12]}  {frame_id}  {added[:19].replace('T', ' ')}  {cause}  {listed}".rstrip())


def _print_candidate(opened: Candidate) -> None:
    manifest = opened.manifest
    for title, value in (
        ("id", opened.id),
        ("kind", manifest.kind),
        ("id in frames", manifest.frame_id),
        ("created", f"{manifest.created:%F %T} UTC by {manifest.maker}"),
        ("parent", manifest.parent or "-"),
        ("run", manifest.run or "-"),
        ("golden vectors", "match on this machine"),
    ):
        print(f"{title:<16}{value}")
    for figure, measured in sorted(manifest.figures.items()):
        print(f"  {figure:<30}{measured:g}")
    print(f"\n{opened.card}")
