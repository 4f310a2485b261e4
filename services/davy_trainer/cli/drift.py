"""`davy train drift`: distance of cameras' samples from the training pictures; `davy train reference`: its reference."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer

from davy.domain.errors import ConfigError
from davy.domain.frame import BgrImage
from davy.imaging.clip import Clip, load_clip
from davy_trainer.cli.terminal import clear_errors
from davy_trainer.data.embeddings import embed_views
from davy_trainer.data.synthetic import make_batch
from davy_trainer.evaluation.embedding_drift import (
    REFERENCE,
    Reference,
    camera_drifts,
    clusters,
    embeddings_of_cameras,
    fit_reference,
    load_reference,
    save_reference,
)
from davy_trainer.runs.weights import shipped_weights
from davy_trainer.stages.run_stage import read_groups
from davy_trainer.stages.self_supervised_settings import SelfSupervisedSettings

CLUSTERS = 24
ClipName = Annotated[str, typer.Option("--clip", help="davy, davy:FILE, NAME:FILE, NAME:TAG (cached).")]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("drift")(drift)
    app.command("reference")(reference)


def drift(
    samples: Annotated[Path, typer.Argument(help="Raw samples: a sub-folder EDGE/CAM, EDGE--CAM or EDGE.CAM per camera.")],
    reference: Annotated[
        Path | None, typer.Option(help="Reference of the running model. Default: that of the shipped model.")
    ] = None,
    newest: Annotated[int, typer.Option(min=1, help="Number of newest samples per camera.")] = 5,
    clip: ClipName = "davy",
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Measure the drift of each camera from the training pictures: 0 is ordinary, 1 a clear change."""
    with clear_errors():
        torch.set_num_threads(1)
        fitted = load_reference(reference or shipped_weights().with_name(REFERENCE))
        found = camera_drifts(samples, fitted, load_clip(clip), newest)
        if json_:
            print(json.dumps({name: round(value, 3) for name, value in found.items()}))
            return
        for name, value in sorted(found.items(), key=lambda each: -each[1]):
            print(f"{value:8.2f}  {name}")


def reference(
    out: Annotated[Path, typer.Argument(metavar="OUT.safetensors", help="Output file, a few kB.")],
    samples: Annotated[Path | None, typer.Option(help="Folder of camera samples, as for `davy train drift`.")] = None,
    data: Annotated[list[Path] | None, typer.Option(help="Folder of photographs, darkened as in stage 0. Repeatable.")] = None,
    count: Annotated[int, typer.Option(min=40, help="Number of darkened photographs, 50 ms each.")] = 400,
    newest: Annotated[int, typer.Option(min=2, help="Number of newest samples per camera.")] = 40,
    seed: Annotated[int, typer.Option(help="Random seed.")] = 1,
    clip: ClipName = "davy",
) -> None:
    """Write the reference of a model, for `davy train drift`."""
    with clear_errors():
        torch.set_num_threads(1)
        if (samples is None) == (not data):
            raise ConfigError("set the training pictures: --samples FOLDER of cameras, or --data FOLDER of photographs")
        tower = load_clip(clip)
        if samples is not None:
            found = fit_reference(list(embeddings_of_cameras(samples, tower, newest).values()), tower.name)
        else:
            found = _of_photographs(tuple(data or ()), count, seed, tower)
        save_reference(out, found)
        print(f"{out}: {len(found.means)} groups, {out.stat().st_size / 1e3:.1f} kB")


def _of_photographs(data: tuple[Path, ...], count: int, seed: int, clip: Clip) -> Reference:
    settings = SelfSupervisedSettings(data=data, steps=1, batch=1, seed=seed)
    groups = read_groups(settings)

    def dark() -> Iterator[BgrImage]:
        for index in range(count):
            yield np.ascontiguousarray(make_batch(groups, settings, index).low[0][:, :, ::-1])

    return fit_reference(clusters(embed_views(clip, dark()), CLUSTERS, seed), clip.name)
