"""`davy train people`, `people-export` and `people-compare`: fine-tune the detector of people, write and compare it."""

from pathlib import Path
from typing import Annotated, Any

import typer

from davy.domain.errors import ConfigError
from davy.imaging.nets.checkpoint import load_checkpoint
from davy_trainer.cli.terminal import CONSOLE, clear_errors, parse_settings, stopping
from davy_trainer.people.export import export
from davy_trainer.people.files import CHECKPOINT, WEIGHTS
from davy_trainer.people.settings import PeopleSettings
from davy_trainer.people.training import load_people_net, net_of, train
from davy_trainer.runs.progress import ProgressWriter

Folders = list[Path] | None


def _shipped() -> Path:
    from davy.imaging.detect import shipped_path  # its libraries take a second

    return shipped_path()


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("people")(people)
    app.command("people-export")(people_export)
    app.command("people-compare")(people_compare)


def people(
    out: Annotated[Path, typer.Option(help="Output folder of checkpoint, log and weights. A stopped run resumes there.")],
    base: Annotated[
        Path | None,
        typer.Option(help="Weights to start from, .safetensors or .onnx. Default: the shipped."),
    ] = None,
    mine: Annotated[Folders, typer.Option(help="Folder of `davy simulator people`. Repeatable.")] = None,
    photographs: Annotated[Folders, typer.Option(help="Folder of ordinary photographs. Repeatable.")] = None,
    steps: Annotated[int | None, typer.Option(help="Number of training steps.")] = None,
    minutes: Annotated[float | None, typer.Option(help="Maximum duration.")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="NAME=VALUE: any other setting. Repeatable.")] = None,
) -> None:
    """Fine-tune the detector of people on the simulated mine; photographs keep what it knew before."""
    with clear_errors():
        options: dict[str, Any] = {"base": base, "mine": mine, "photographs": photographs, "steps": steps, "minutes": minutes}
        chosen = {name: value for name, value in options.items() if value is not None}
        if "mine" not in chosen:
            raise ConfigError("set --mine FOLDER")
        settings = PeopleSettings.model_validate(
            ({} if base else {"base": _shipped()}) | chosen | parse_settings(set_ or [], PeopleSettings)
        )
        with stopping() as stop:
            writer = ProgressWriter("people")
            finished = train(settings, out, stop, lambda text: CONSOLE.print(text, highlight=False), writer.write)
        print(f"{out / WEIGHTS}: done" if finished else f"{out}: stopped; the same command resumes")


def people_export(
    run: Annotated[Path, typer.Argument(help="Folder of a run, or a .safetensors file of weights.")],
    out: Annotated[Path, typer.Option(help="ONNX file to write, beside its description NAME.yaml.")],
) -> None:
    """Write the averaged weights of a run as ONNX, and compare them with the network."""
    with clear_errors():
        checkpoint = run / CHECKPOINT
        net = net_of(load_checkpoint(checkpoint).ema, checkpoint) if run.is_dir() else load_people_net(run)
        difference = export(net, out)
        spec = out.with_suffix(".yaml")
        if not spec.exists():
            spec.write_bytes(_shipped().with_suffix(".yaml").read_bytes())
        print(f"{out}: {out.stat().st_size / 1e6:.1f} MB, differs by at most {difference:.1e}")


def people_compare(
    new: Annotated[Path, typer.Argument(help="New detector; NAME.yaml beside NAME.onnx describes it.")],
    running: Annotated[Path | None, typer.Argument(help="Running detector. Default: the shipped one.")] = None,
    mine: Annotated[Folders, typer.Option(help="Folder of `davy simulator people` with seeds 500 to 899. Repeatable.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for compare.json and compare.png.")] = Path(),
) -> None:
    """Compare a detector with the running one on simulated places that no training saw."""
    with clear_errors():
        from davy_trainer.people.compare import compare_people  # as above

        if not mine:
            raise ConfigError("set --mine FOLDER")
        for name, value in sorted(compare_people(new, running or _shipped(), mine, out).items()):
            print(f"{name:<24}{value:g}")
