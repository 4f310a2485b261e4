"""`davy train clip`: build Davy's own CLIP from packages and photographs; evaluate any CLIP on held-out pictures."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import torch
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from davy.domain.errors import ConfigError, DavyError
from davy.imaging.clip import own
from davy.imaging.clip.lite0 import StagedImageTower, imagenet_trunk
from davy.imaging.clip.load import load_clip
from davy.imaging.clip.vocabulary import CompactTokenizer, tokens_of
from davy_trainer.clip.align import AlignConfig, align
from davy_trainer.clip.captions import every_text
from davy_trainer.clip.card import model_card, source_lines, tables
from davy_trainer.clip.evaluate import ClipScore, evaluate
from davy_trainer.clip.features import FeatureSet, extract_cached
from davy_trainer.clip.pictures import is_held_out, photographs
from davy_trainer.data.unpaired import readable

HELD_OUT_SEED = 1_000_003  # of the evaluation's renderings; unlikely as a training seed
clip_app = typer.Typer(help="Build Davy's own CLIP; evaluate any CLIP.", no_args_is_help=True, add_completion=False)

Data = Annotated[Path, typer.Option(help="Folder of well-lit photographs; one group in five is held out.")]
Real = Annotated[list[Path] | None, typer.Option(help="Folder of real low-light pictures for the evaluation. Repeatable.")]
Threads = Annotated[int, typer.Option(help="Number of torch threads.", min=1)]


@clip_app.command()
def build(
    data: Data,
    out: Annotated[Path, typer.Option(help="Output folder of weights, MODEL_CARD.md and evaluation.json.")],
    real: Real = None,
    cache: Annotated[Path | None, typer.Option(help="File that caches the features of the pictures.")] = None,
    steps: Annotated[int, typer.Option(help="Number of alignment steps.", min=1)] = AlignConfig.steps,
    crops: Annotated[int, typer.Option(help="Random crops per photograph.", min=1)] = 2,
    seed: Annotated[int, typer.Option(help="Random seed of crops, rendering and alignment.")] = AlignConfig.seed,
    threads: Threads = 1,
) -> None:
    """Align a text tower and a head with the light that Davy applies and with the image tower's labels."""
    torch.set_num_threads(threads)
    with _clear_errors():
        train, held_out = _split(data)
        config, own_config = replace(AlignConfig(), steps=steps, seed=seed), own.OwnConfig()
        tokens = tokens_of(every_text())
        tokenizer = CompactTokenizer(tokens, own_config.context_length)
        torch.manual_seed(seed)
        model = own.build(own_config, tokenizer.vocab_size, imagenet_trunk())
        features = _features(own.image_tower(model), train, crops, seed, cache or out / "features.safetensors")
        started = time.monotonic()
        with _progress("align", steps) as advance:
            align(model, tokenizer, features, config, lambda _, loss: advance(f"align, loss {loss:.2f}"))
        weights = out / f"{own.NAME}.safetensors"
        own.save(weights, model, own_config, tokens, {"seed": str(seed), "steps": str(steps), "photographs": str(len(train))})
        seconds = features.seconds + time.monotonic() - started
        score = replace(_evaluate(f"davy:{weights}", held_out, real), clip=own.NAME)
        facts: dict[str, object] = asdict(own_config) | {
            "vocabulary": tokenizer.vocab_size,
            "file_kib": weights.stat().st_size // 1024,
            "command": f"davy train clip build --data {data} --steps {steps} --crops {crops}",
            "seed": seed,
            "seconds": seconds,
            "rendering": features.seconds,
            "threads": threads,
            "train": len(train),
            "held_out": len(held_out),
            "sources": source_lines(train),
        }
        (out / "MODEL_CARD.md").write_text(model_card(score, facts))
        _write_json(out / "evaluation.json", score)
        typer.echo(tables(score))
        typer.echo(f"\n{weights}: {weights.stat().st_size / 1e6:.1f} MB, {seconds:.0f} s")


@clip_app.command("evaluate")
def evaluate_command(
    data: Data,
    real: Real = None,
    clip: Annotated[
        str, typer.Option(help="davy, davy:FILE, davy:random, NAME:FILE, NAME:TAG (cached), or a folder.")
    ] = "davy",
    out: Annotated[Path | None, typer.Option(help="Also write the figures to this JSON file.")] = None,
    threads: Threads = 1,
) -> None:
    """Evaluate the zero-shot accuracy of a CLIP on light and content of held-out photographs, and on real folders."""
    torch.set_num_threads(threads)
    with _clear_errors():
        score = _evaluate(clip, _split(data)[1], real)
        if out is not None:
            _write_json(out, score)
        typer.echo(tables(score))


def _split(data: Path) -> tuple[list[Path], list[Path]]:
    paths = _readable(data)
    train, held_out = [p for p in paths if not is_held_out(p)], [p for p in paths if is_held_out(p)]
    if not train or not held_out:
        raise ConfigError(f"{data} holds {len(paths)} photographs, too few for training and validation")
    return train, held_out


def _readable(folder: Path) -> list[Path]:
    """Return the readable pictures under folder; the others are reported.

    Raises:
        ConfigError: None is readable.
    """
    files = photographs(folder)
    found = readable(files)
    if not found:
        raise ConfigError(f"none of the {len(files)} pictures in {folder} is readable")
    return found


def _features(tower: StagedImageTower, train: Sequence[Path], crops: int, seed: int, cache: Path) -> FeatureSet:
    with _progress("render and embed", len(train)) as advance:
        return extract_cached(cache, tower, train, crops, seed, lambda: advance(None))


def _evaluate(setting: str, held_out: Sequence[Path], real: Sequence[Path] | None) -> ClipScore:
    clip = load_clip(setting)
    folders = [(folder.name, _readable(folder)) for folder in real or []]
    folders.append(("held-out well-lit photographs", list(held_out)))
    with _progress("evaluate", len(held_out) + sum(len(paths) for _, paths in folders)) as advance:
        return evaluate(clip, held_out, folders, HELD_OUT_SEED, lambda: advance(None))


def _write_json(path: Path, score: ClipScore) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(score), indent=1) + "\n")


@contextmanager
def _progress(title: str, total: int) -> Iterator[Callable[[str | None], None]]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns) as bar:
        task = bar.add_task(title, total=total)

        def advance(description: str | None) -> None:
            bar.update(task, advance=1, description=description)

        yield advance
        bar.update(task, completed=total)  # cached features make no steps


@contextmanager
def _clear_errors() -> Iterator[None]:
    try:
        yield
    except DavyError as error:
        typer.echo(f"davy train clip: {error}", err=True)
        raise typer.Exit(2 if isinstance(error, ConfigError) else 1) from error
