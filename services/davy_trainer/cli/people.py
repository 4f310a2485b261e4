"""`davy train people` and `people-export`: fine-tune the detector of people, and write its ONNX file."""

from pathlib import Path
from typing import Annotated, Any

import typer

from davy.domain.errors import ConfigError
from davy.imaging.nets.checkpoint import load_checkpoint
from davy_trainer.cli.terminal import CONSOLE, clear_errors, parse_settings, stopping
from davy_trainer.people.export import export
from davy_trainer.people.training import CHECKPOINT, WEIGHTS, PeopleSettings, load_people_net, net_of, train

Folders = list[Path] | None


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("people")(people)
    app.command("people-export")(people_export)


def people(
    out: Annotated[Path, typer.Option(help="Output folder of checkpoint, log and weights. A stopped run resumes there.")],
    base: Annotated[Path | None, typer.Option(help="Weights to start from, by infra/convert_nanodet.py.")] = None,
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
        for needed, value in (("base", "FILE"), ("mine", "FOLDER")):
            if needed not in chosen:
                raise ConfigError(f"set --{needed} {value}")
        settings = PeopleSettings.model_validate(chosen | parse_settings(set_ or [], PeopleSettings))
        with stopping() as stop:
            finished = train(settings, out, stop, lambda text: CONSOLE.print(text, highlight=False))
        print(f"{out / WEIGHTS}: done" if finished else f"{out}: stopped; the same command resumes")


def people_export(
    run: Annotated[Path, typer.Argument(help="Folder of a run, or a .safetensors file of weights.")],
    out: Annotated[Path, typer.Option(help="ONNX file to write; its description NAME.yaml stays as it is.")],
) -> None:
    """Write the averaged weights of a run as ONNX, and compare them with the network."""
    with clear_errors():
        checkpoint = run / CHECKPOINT
        net = net_of(load_checkpoint(checkpoint).ema, checkpoint) if run.is_dir() else load_people_net(run)
        difference = export(net, out)
        print(f"{out}: {out.stat().st_size / 1e6:.1f} MB, differs by at most {difference:.1e}")
