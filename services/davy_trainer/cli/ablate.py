"""`davy train ablate`: what each part of the recipe brings, as a table, figures and sheets."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from davy.domain.errors import ConfigError
from davy_trainer.cli.terminal import CONSOLE, clear_errors, settings_of_words, stopping
from davy_trainer.evaluation.ablation import WHOLE, AblateSettings, Judges, ablate, chosen_variants, read_real
from davy_trainer.evaluation.ablation_table import differences, markdown
from davy_trainer.evaluation.validation import load_validation
from davy_trainer.runs.weights import weights_file

Folders = list[Path] | None


def add_to(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("ablate")(ablate_command)


def ablate_command(
    out: Annotated[Path, typer.Option(help="Folder for the runs, ablations.md, ablations.json and a sheet each.")],
    data: Annotated[Folders, typer.Option(help="Folder with low/ and normal/; may be given again.")] = None,
    low: Annotated[Folders, typer.Option(help="Folder of real low-light pictures. Repeatable.")] = None,
    normal: Annotated[Folders, typer.Option(help="Folder of well-lit photographs. Repeatable.")] = None,
    weights: Annotated[Path | None, typer.Option(help="The network that all start from.")] = None,
    validate: Annotated[Path | None, typer.Option(help="Folder with low/ and high/.")] = None,
    mine: Annotated[Path | None, typer.Option(help="The same of the simulated mine: `davy mine pairs`, other seeds.")] = None,
    real: Annotated[Folders, typer.Option(help="Real pictures to judge by; those of --low if absent.")] = None,
    steps: Annotated[int | None, typer.Option(help="Of each round of enhancement.")] = None,
    seeds: Annotated[str, typer.Option(help="Runs of each: one spread needs two.")] = "1,2",
    only: Annotated[list[str] | None, typer.Option(help="This ablation only; may be given again.")] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="STAGE.NAME=VALUE: a setting of a stage, as in enhance.views=2. Repeatable."),
    ] = None,
) -> None:
    """Short runs from the same weights with the same steps, each without one part; goes on where it was stopped."""
    with clear_errors():
        given: dict[str, Any] = {"steps": steps, "validation": validate, "mine": mine, "only": only, "seeds": _numbers(seeds)}
        given |= {"low": [*(folder / "low" for folder in data or []), *(low or [])] or None}
        given |= {"normal": [*(folder / "normal" for folder in data or []), *(normal or [])] or None}
        for needed in ("low", "normal"):
            if given[needed] is None:
                raise ConfigError(f"set the folder of pictures: --data FOLDER with low/ and normal/, or --{needed} FOLDER")
        if weights is None:
            raise ConfigError("set the network to start from: --weights RUN, or the shipped ispcnn.safetensors")
        chosen = {name: value for name, value in given.items() if value is not None} | {"start": weights_file(weights)}
        settings = AblateSettings.model_validate(chosen | settings_of_words(set_ or [], AblateSettings))
        chosen_variants(settings)
        judges = Judges(load_validation(settings.validation), load_validation(settings.mine), read_real(real or settings.low))
        with stopping() as stop:
            figures = ablate(settings, judges, out, stop, lambda told: CONSOLE.print(told, highlight=False))
        if figures is None:
            print(f"{out}: stopped; the same command goes on")
            return
        table = markdown(figures, WHOLE)
        (out / "ablations.md").write_text(table + "\n")
        of_all = {
            variant: {name: {"mean": d.mean, "spread": d.spread, "counts": d.counts} for name, d in each.items()}
            for variant, each in differences(figures, WHOLE).items()
        }
        facts = {"settings": settings.model_dump(mode="json"), "figures": figures, "differences": of_all}
        (out / "ablations.json").write_text(json.dumps(facts, indent=1) + "\n")
        print(table)


def _numbers(text: str) -> list[int]:
    if not all(word.strip().isdecimal() for word in text.split(",")):
        raise ConfigError(f"--seeds {text!r}: write whole numbers with commas between, as in 1,2")
    return [int(word) for word in text.split(",")]
