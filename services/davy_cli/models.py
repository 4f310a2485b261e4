"""`davy models`: manage the model registry."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from davy.adapters.http.model_client import ModelClient
from davy.adapters.media import jpeg
from davy.adapters.storage.model_registry import ModelRegistry
from davy.domain.errors import ConfigError
from davy.domain.frame import BgrImage
from davy.models import Candidate, KeySet, Package, open_package, pack_candidate
from davy.models.candidate import candidate_of
from davy.models.detector import check_runs, describe_detector
from davy.models.keyring import TRUST, signing_key
from davy.models.package import Provenance
from davy_cli import candidates
from davy_cli.keys import Folder
from davy_cli.registry_options import DEFAULT, AnyRegistry, Registry, aggregator_at, open_registry, read_file

app = typer.Typer(help="Manage the registry of signed models.", no_args_is_help=True, add_completion=False)
Name = Annotated[str, typer.Argument(help="Id or its start, the id in frames, or a tag.")]
Either = Annotated[str, typer.Argument(help="Model, candidate, or file of either.")]
Version = Package | Candidate
SHEET_HEIGHT = 360


for command in (candidates.candidates, candidates.fetch, candidates.sign, candidates.reject):
    app.command()(command)


@app.command()
def add(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="A package; or an enhancer's .onnx and .safetensors, or a detector's .onnx and .yaml (and .safetensors),"
            " to pack and sign."
        ),
    ],
    registry: AnyRegistry = DEFAULT,
    keys: Folder = Path("keys"),
    card: Annotated[
        Path | None, typer.Option(help="Model card. Default: MODEL_CARD.md in the folder of the ONNX file.")
    ] = None,
    parent: Annotated[str, typer.Option(help="Parent model of the training.")] = "",
    run: Annotated[str, typer.Option(help="Id of the training run.")] = "",
    figure: Annotated[list[str] | None, typer.Option(help="Measured value, such as val-psnr-db=23.4. Repeatable.")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="Tag of the model. Repeatable.")] = None,
    out: Annotated[Path | None, typer.Option(help="Also write the package to this file.")] = None,
) -> None:
    """Add a package; or pack the files of an enhancer or a detector, sign them with the newest key, and add the result."""
    if (aggregator := aggregator_at(registry)) is not None and len(files) == 1:
        _send(aggregator, read_file(files[0]), tag or [])
        return
    opened = open_registry(registry, keys)
    if len(files) == 1:
        data = read_file(files[0])
    else:
        parts = _parts(files)
        text = card or parts[".onnx"].parent / "MODEL_CARD.md"
        provenance = Provenance(parent=opened.get(parent).id if parent else "", run=run, figures=_figures(figure or []))
        written = text.read_text(encoding="utf-8") if text.is_file() else ""
        data = _pack(parts, written, provenance).sign(signing_key(keys)).data
    entry = opened.add(data)
    for name in tag or []:
        opened.tag(entry, name)
    if out is not None:
        out.write_bytes(data)
    print(f"{entry.id}  {entry.frame_id}  {entry.size:,} bytes  signed by {entry.key}")


@app.command("list")
def list_(registry: Registry = DEFAULT, keys: Folder = Path("keys"), kind: candidates.Kind = None) -> None:
    """List every model, newest first."""
    for entry in open_registry(registry, keys).entries():
        if kind not in (None, entry.kind):
            continue
        figures = "  ".join(f"{name} {value:g}" for name, value in sorted(entry.manifest.figures.items()))
        print(
            f"{entry.id[:12]}  {entry.kind:<8}  {entry.frame_id:<17}  {entry.manifest.created:%F %T}"
            f"  {','.join(entry.tags) or '-':<12}  {figures}"
        )


@app.command()
def show(name: Name, registry: Registry = DEFAULT, keys: Folder = Path("keys")) -> None:
    """Show all details of a model."""
    entry = open_registry(registry, keys).get(name)
    manifest = entry.manifest
    for title, value in (
        ("id", entry.id),
        ("kind", entry.kind),
        ("id in frames", entry.frame_id),
        ("created", f"{manifest.created:%F %T} UTC by {manifest.maker}"),
        ("added", f"{entry.added:%F %T} UTC"),
        ("parent", manifest.parent or "-"),
        ("run", manifest.run or "-"),
        ("tags", ", ".join(entry.tags) or "-"),
        ("signed by", entry.key),
        ("package", f"{entry.size:,} bytes, sha256 {entry.sha256}"),
    ):
        print(f"{title:<14}{value}")
    for figure, measured in sorted(manifest.figures.items()):
        print(f"  {figure:<30}{measured:g}")
    for file, facts in sorted(manifest.files.items()):
        print(f"  {file:<30}{facts.size:>10,}  {facts.sha256[:16]}")
    print(f"\n{entry.card}")


@app.command()
def compare(
    a: Either,
    b: Either,
    registry: Registry = DEFAULT,
    keys: Folder = Path("keys"),
    images: Annotated[Path | None, typer.Option(help="Folder of JPEGs to enhance with both models.")] = None,
    out: Annotated[Path, typer.Option(help="Contact sheet: input, A, B.")] = Path("compare.jpg"),
) -> None:
    """Compare the figures of two models or candidates; with --images, their pictures too."""
    opened = open_registry(registry, keys)
    one, two = (candidates.find_version(opened, name) for name in (a, b))
    print(f"{'':<30}{one.id[:12]:>14}{two.id[:12]:>14}{'difference':>14}")
    for name in sorted({*one.manifest.figures, *two.manifest.figures}):
        left, right = one.manifest.figures.get(name), two.manifest.figures.get(name)
        cells = ["-" if value is None else f"{value:g}" for value in (left, right)]
        difference = f"{right - left:+g}" if left is not None and right is not None else "-"
        print(f"{name:<30}{cells[0]:>14}{cells[1]:>14}{difference:>14}")
    if images is not None:
        sheet = _sheet(one, two, images)
        out.write_bytes(jpeg.encode(sheet, 90, max_bytes=64_000_000))
        print(f"{out}: input | {one.id[:12]} | {two.id[:12]}")


@app.command()
def tag(
    name: Name,
    tag: Annotated[str, typer.Argument(help="The tag.")],
    registry: Registry = DEFAULT,
    keys: Folder = Path("keys"),
    remove: Annotated[bool, typer.Option(help="Remove the tag instead.")] = False,
) -> None:
    """Tag a model. A tagged model is never deleted by rule."""
    opened = open_registry(registry, keys)
    entry = opened.get(name)
    if remove:
        opened.untag(tag)
    else:
        opened.tag(entry, tag)
    print(f"{entry.id[:12]}  {', '.join(opened.get(entry.id).tags) or 'no tags'}")


@app.command()
def delete(
    name: Annotated[str, typer.Argument(help="One model; omit it with --keep.")] = "",
    registry: Registry = DEFAULT,
    keys: Folder = Path("keys"),
    keep: Annotated[
        int | None, typer.Option(min=0, help="By rule: delete all but the newest N of each kind and the tagged models.")
    ] = None,
    days: Annotated[float, typer.Option(min=0, help="By rule: delete only models older than this many days.")] = 30,
    dry_run: Annotated[bool, typer.Option(help="By rule: list the models without deleting them.")] = False,
) -> None:
    """Delete one model, or several by rule. The aggregator's REST interface also protects running models."""
    opened = open_registry(registry, keys)
    if bool(name) == (keep is not None):
        raise ConfigError("give one model, or --keep for the rule")
    if name:
        gone = [opened.get(name)]
        opened.delete(gone[0])
    else:
        gone = opened.retire(keep or 0, timedelta(days=days), dry_run=dry_run)
    for entry in gone:
        print(f"{entry.id[:12]}  {'would be deleted' if dry_run else 'deleted'}")


@app.command()
def verify(
    name: Annotated[str, typer.Argument(help="Package file, or a model of the registry.")],
    registry: Registry = DEFAULT,
    keys: Folder = Path("keys"),
) -> None:
    """Verify signature, manifest, digests and golden vectors as an edge does."""
    trust = KeySet.load(keys / TRUST)
    path = Path(name)
    data = path.read_bytes() if path.is_file() else (opened := ModelRegistry(registry, trust)).read(opened.get(name))
    package = open_package(data, trust, trust.now())
    check_runs(package.manifest, package.files)
    print(f"{package.id}  {package.manifest.frame_id}  valid: signed by {package.signature.key}, golden vectors match")


def _send(aggregator: ModelClient, data: bytes, tags: list[str]) -> None:
    model = aggregator.add(data)
    for name in tags:
        aggregator.tag(model["id"], name)
    print(f"{model['id']}  {model['frame_id']}  {model['size']:,} bytes  signed by {model['key']}")


PARTS = ({".onnx", ".safetensors"}, {".onnx", ".yaml"}, {".onnx", ".yaml", ".safetensors"})


def _parts(files: list[Path]) -> dict[str, Path]:
    """Return the files by suffix: an enhancer or a detector, which has a description."""
    by_suffix = {path.suffix: path for path in files}
    if len(files) != len(by_suffix) or set(by_suffix) not in PARTS:
        raise ConfigError("give one package; or one .onnx with one .safetensors, or with one .yaml for a detector")
    return by_suffix


def _pack(parts: dict[str, Path], card: str, provenance: Provenance) -> Candidate:
    onnx, tensors = read_file(parts[".onnx"]), read_file(parts[".safetensors"]) if ".safetensors" in parts else b""
    if ".yaml" not in parts:
        return pack_candidate(onnx, tensors, card, provenance)
    origin = replace(provenance, name="people")
    return candidate_of(*describe_detector(onnx, read_file(parts[".yaml"]), card, origin, tensors))


def _figures(values: list[str]) -> dict[str, float]:
    try:
        return {name: float(value) for name, _, value in (each.partition("=") for each in values)}
    except ValueError as error:
        raise ConfigError(f"a figure needs a name and a number, such as val-psnr-db=23.4: {error}") from error


def _sheet(one: Version, two: Version, folder: Path) -> BgrImage:
    """Return a contact sheet with one row per picture: input, A, B; rows are cropped to the narrowest."""
    pictures = [jpeg.decode(read_file(path)) for path in sorted(folder.glob("*.jp*g"))[:32]]
    if not pictures:
        raise ConfigError(f"no JPEGs in {folder}")
    stills = [version.load() for version in (one, two)]
    rows = []
    for picture in pictures:
        step = max(1, picture.shape[0] // SHEET_HEIGHT)
        shown = [picture, *(still.enhance(picture) for still in stills)]
        rows.append(np.hstack([each[::step, ::step] for each in shown]))
    width = min(row.shape[1] for row in rows)
    return np.ascontiguousarray(np.vstack([row[:, :width] for row in rows]))
