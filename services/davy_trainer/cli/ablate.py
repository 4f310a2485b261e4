"""`davy train ablate`: effect of each component of the recipe, as a table, figures and sheets."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from davy.domain.errors import ConfigError
from davy_trainer.cli.terminal import CONSOLE, clear_errors, parse_settings, stopping
from davy_trainer.evaluation.ablation import FULL_RECIPE, AblateSettings, EvaluationData, ablate, chosen_variants, read_real
from davy_trainer.evaluation.ablation_table import differences, markdown
from davy_trainer.evaluation.validation import load_validation
from davy_trainer.runs.weights import weights_file

Folders = list[Path] | None


def add_to(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("ablate")(ablate_command)


def ablate_command(
    out: Annotated[Path, typer.Option(help="Output folder of the runs, ablations.md, ablations.json and sheets.")],
    data: Annotated[Folders, typer.Option(help="Folder with low/ and normal/. Repeatable.")] = None,
    low: Annotated[Folders, typer.Option(help="Folder of real low-light pictures. Repeatable.")] = None,
    normal: Annotated[Folders, typer.Option(help="Folder of well-lit photographs. Repeatable.")] = None,
    weights: Annotated[Path | None, typer.Option(help="Network that all runs start from.")] = None,
    validate: Annotated[Path | None, typer.Option(help="Folder with low/ and high/.")] = None,
    mine: Annotated[Path | None, typer.Option(help="The same for the simulated mine, by `davy simulator pairs`.")] = None,
    real: Annotated[Folders, typer.Option(help="Folder of real pictures for the evaluation. Default: those of --low.")] = None,
    steps: Annotated[int | None, typer.Option(help="Number of steps per round of enhancement.")] = None,
    seeds: Annotated[str, typer.Option(help="Seeds, separated by commas; a spread needs two.")] = "1,2",
    only: Annotated[list[str] | None, typer.Option(help="Name of an ablation; only these run. Repeatable.")] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="STAGE.NAME=VALUE: a setting of a stage, as in enhance.views=2. Repeatable."),
    ] = None,
) -> None:
    """Run short trainings from the same weights, each without one component of the recipe; resume a stopped run."""
    with clear_errors():
        options: dict[str, Any] = {"steps": steps, "validation": validate, "mine": mine, "only": only, "seeds": _numbers(seeds)}
        options |= {"low": [*(folder / "low" for folder in data or []), *(low or [])] or None}
        options |= {"normal": [*(folder / "normal" for folder in data or []), *(normal or [])] or None}
        for needed in ("low", "normal"):
            if options[needed] is None:
                raise ConfigError(f"set the folder of pictures: --data FOLDER with low/ and normal/, or --{needed} FOLDER")
        if weights is None:
            raise ConfigError("set the network to start from: --weights RUN, or the shipped ispcnn.safetensors")
        chosen = {name: value for name, value in options.items() if value is not None} | {
            "initial_weights": weights_file(weights)
        }
        settings = AblateSettings.model_validate(chosen | parse_settings(set_ or [], AblateSettings))
        chosen_variants(settings)
        pictures = EvaluationData(
            load_validation(settings.validation), load_validation(settings.mine), read_real(real or settings.low)
        )
        with stopping() as stop:
            figures = ablate(settings, pictures, out, stop, lambda text: CONSOLE.print(text, highlight=False))
        if figures is None:
            print(f"{out}: stopped; the same command resumes")
            return
        table = markdown(figures, FULL_RECIPE)
        (out / "ablations.md").write_text(table + "\n")
        found = {
            variant: {name: {"mean": d.mean, "spread": d.spread, "significant": d.significant} for name, d in each.items()}
            for variant, each in differences(figures, FULL_RECIPE).items()
        }
        facts = {"settings": settings.model_dump(mode="json"), "figures": figures, "differences": found}
        (out / "ablations.json").write_text(json.dumps(facts, indent=1) + "\n")
        print(table)


def _numbers(text: str) -> list[int]:
    if not all(number.strip().isdecimal() for number in text.split(",")):
        raise ConfigError(f"--seeds {text!r}: write whole numbers separated by commas, as in 1,2")
    return [int(number) for number in text.split(",")]
