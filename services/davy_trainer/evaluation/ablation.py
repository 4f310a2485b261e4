"""Ablations: short runs from the same weights, each without one component of the recipe, over several seeds."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import Field, PositiveInt

from davy.domain.errors import ConfigError, UnreadableImageError
from davy.domain.frame import BgrImage
from davy.imaging.iqa import psnr_db, ssim
from davy.imaging.nets.ispcnn import IspCnn
from davy_trainer.data.unpaired import read_small
from davy_trainer.evaluation.dark_regions import dark_figures, dark_psnr_db
from davy_trainer.evaluation.sheet import sheet, write_png
from davy_trainer.evaluation.summary import SHORT_SIDE, shown_pictures, titles
from davy_trainer.evaluation.validation import Pair, enhance_with
from davy_trainer.runs.prompt_run import PROMPTS
from davy_trainer.runs.weights import load_weights
from davy_trainer.stages.all_settings import AllSettings
from davy_trainer.stages.iterate import iterate, networks, plan_stages, read_settings, write_settings
from davy_trainer.stages.loop import Stop
from davy_trainer.stages.migration import MigratedSettings
from davy_trainer.stages.run_stage import run_pair
from davy_trainer.stages.settings import PairSettings

FIGURES = "figures.json"
REAL_PER_FOLDER = 8  # real pictures per folder in the evaluation
SHEET_PER_FOLDER = 2
FULL_RECIPE = "the whole recipe"


@dataclass(frozen=True, slots=True)
class Variant:
    """One ablation: the changed settings of AllSettings, of stage 1 and of stage 2."""

    name: str
    recipe: dict[str, Any] = field(default_factory=dict)
    pair: dict[str, Any] = field(default_factory=dict)
    enhance: dict[str, Any] = field(default_factory=dict)

    @property
    def slug(self) -> str:
        return self.name.lower().replace(" ", "-").replace(",", "")


VARIANTS = (
    Variant(FULL_RECIPE),
    Variant("without refinement", {"refined": False}),
    Variant("without CLIP", {"guided": False}),
    Variant("without L_clip", enhance={"clip_weight": 0}),
    Variant("without feature fidelity", enhance={"fidelity_weight": 0}),
    Variant("without local views", enhance={"patch_share": 0}),
    Variant("without spatial consistency", enhance={"spatial_weight": 0}),
    Variant("without exposure", enhance={"exposure_weight": 0}),
    Variant("without colour constancy", enhance={"colour_weight": 0}),
    Variant("without smoothness", enhance={"smooth_weight": 0}),
    Variant("without distillation", enhance={"distill_weight": 0}),
    Variant("without replay", enhance={"replay_weight": 0}),
    Variant("labels of other exposure", pair={"labels": "exposure"}),
    Variant("labels of other meaning", pair={"labels": "meaning"}),
    Variant("fixed texts", pair={"labels": "fixed"}),
    Variant("randomly initialised CLIP", {"clip": "davy:random"}),
)


class AblateSettings(MigratedSettings, frozen=True):
    """The common recipe; a stage's table overrides that stage's defaults."""

    low: tuple[Path, ...] = Field(min_length=1)
    normal: tuple[Path, ...] = Field(min_length=1)
    photographs: tuple[Path, ...] = ()
    initial_weights: Path
    clip: str = "davy"
    rounds: PositiveInt = Field(2, ge=2)  # refinement needs two
    steps: PositiveInt = 60  # per round of enhancement
    seeds: tuple[int, ...] = Field((1, 2), min_length=1)
    validation: Path | None = None  # pairs
    mine: Path | None = None  # pairs of the simulated mine
    only: tuple[str, ...] = ()  # names of variants; empty: all
    self_supervised: dict[str, Any] = Field({})  # settings of stage 0, which stage 2 replays
    pair: dict[str, Any] = Field({})
    enhance: dict[str, Any] = Field({})
    refine: dict[str, Any] = Field({"max_pictures": 60, "steps": 200})

    RENAMED: ClassVar[Mapping[str, str]] = {"start": "initial_weights"}


@dataclass(frozen=True, slots=True)
class EvaluationData:
    """Pictures on which every network is evaluated."""

    validation: Sequence[Pair]
    mine: Sequence[Pair]
    real: Sequence[tuple[str, BgrImage]]


def chosen_variants(settings: AblateSettings) -> list[Variant]:
    """Return the selected variants; the whole recipe is always included.

    Raises:
        ConfigError: A name is unknown.
    """
    names = [variant.name for variant in VARIANTS]
    if unknown := [name for name in settings.only if name not in names]:
        raise ConfigError(f"no ablation {unknown[0]!r}: there are {', '.join(names[1:])}")
    return [variant for variant in VARIANTS if not settings.only or variant.name in (FULL_RECIPE, *settings.only)]


def ablate(
    settings: AblateSettings, data: EvaluationData, out: Path, stop: Stop, report: Callable[[str], None]
) -> dict[str, list[dict[str, float]]] | None:
    """Train and evaluate the remaining variants.

    Returns:
        Figures of every variant, one table per seed, and of "start"; None if stop() came first.
    """
    initial = load_weights(settings.initial_weights)
    figures = {"start": [_cached_figures(initial, data, out / "start" / FIGURES)]}
    for variant in chosen_variants(settings):
        figures[variant.name] = []
        for seed in settings.seeds:
            folder = out / variant.slug / f"seed-{seed}"
            if not _train(settings, variant, seed, out, folder, stop, report):
                return None
            net = load_weights(list(networks(read_settings(folder), folder).values())[-1])
            figures[variant.name].append(_cached_figures(net, data, folder / FIGURES))
        first = out / variant.slug / f"seed-{settings.seeds[0]}"
        _write_sheet(out, variant, first, initial, data)
        report(f"{variant.name}: evaluated")
    return figures


def read_real(folders: Sequence[Path]) -> list[tuple[str, BgrImage]]:
    """Read some pictures of every folder, evenly spaced; skip unreadable ones.

    Raises:
        UnreadableImageError: None is readable.
    """
    found = []
    for path in shown_pictures(folders, REAL_PER_FOLDER):
        try:
            found.append((f"{path.parent.name}/{path.stem}", read_small(path, SHORT_SIDE)))
        except UnreadableImageError:
            continue
    if not found:
        raise UnreadableImageError(f"{', '.join(map(str, folders))}: none of the selected files is a picture")
    return found


def evaluate_network(net: IspCnn, data: EvaluationData) -> dict[str, float]:
    """Return the figures of a network for which there are pictures."""
    found: dict[str, list[float]] = {}

    def add(name: str, value: float) -> None:
        found.setdefault(name, []).append(value)

    for pair in data.validation:
        output = enhance_with(net, pair.low)
        add("validation_psnr_db", min(psnr_db(output, pair.reference), 100.0))
        add("validation_ssim", ssim(output, pair.reference))
    for pair in data.mine:
        output = enhance_with(net, pair.low)
        add("mine_psnr_db", min(psnr_db(output, pair.reference), 100.0))
        add("mine_dark_psnr_db", dark_psnr_db(pair.low, output, pair.reference))
    for _, picture in data.real:
        for name, value in dark_figures(picture, enhance_with(net, picture)).items():
            add(f"real_{name}", value)
    return {name: float(np.mean(values)) for name, values in found.items()}


def _cached_figures(net: IspCnn, data: EvaluationData, path: Path) -> dict[str, float]:
    if path.exists():
        cached: dict[str, float] = json.loads(path.read_text())
        return cached
    figures = evaluate_network(net, data)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(figures, indent=1) + "\n")
    return figures


def _train(
    settings: AblateSettings,
    variant: Variant,
    seed: int,
    out: Path,
    folder: Path,
    stop: Stop,
    report: Callable[[str], None],
) -> bool:
    recipe: dict[str, Any] = {"clip": settings.clip, "guided": True} | variant.recipe
    prompts = None
    if recipe["guided"]:
        pairing = _pairing(settings, variant, recipe["clip"], seed)
        pair_folder = out / "pairs" / f"{pairing.labels}-{recipe['clip'].replace(':', '-').replace('/', '-')}-{seed}"
        if not (pair_folder / PROMPTS).exists() and not run_pair(pairing, pair_folder, stop):
            return False
        prompts = pair_folder / PROMPTS
    shared = ("low", "normal", "photographs", "initial_weights", "rounds", "self_supervised", "refine")
    values: dict[str, Any] = {name: getattr(settings, name) for name in shared}
    values |= {"seed": seed, "prompts": prompts, **recipe}
    values["enhance"] = {"steps": settings.steps} | settings.enhance | variant.enhance
    all_settings = AllSettings.model_validate(values)
    if not (folder / "all.json").exists():
        write_settings(all_settings, folder)
    elif read_settings(folder) != all_settings:
        raise ConfigError(f"{folder} holds a run with other settings: choose another --out")
    return iterate(plan_stages(all_settings, folder), stop, lambda text: report(f"{variant.name}, seed {seed}: {text}"))


def _pairing(settings: AblateSettings, variant: Variant, clip: str, seed: int) -> PairSettings:
    values: dict[str, Any] = {"low": settings.low, "normal": settings.normal, "clip": clip, "seed": seed}
    return PairSettings.model_validate(values | settings.pair | variant.pair)


def _write_sheet(out: Path, variant: Variant, folder: Path, initial: IspCnn, data: EvaluationData) -> None:
    """Write a sheet with low, start, the whole recipe and the variant, of the first seed."""
    nets: dict[str, IspCnn] = {"start": initial}
    full_recipe = out / Variant(FULL_RECIPE).slug / folder.name
    for name, run in {FULL_RECIPE: full_recipe, variant.name: folder}.items():
        nets[name] = load_weights(list(networks(read_settings(run), run).values())[-1])
    rows = [[picture, *(enhance_with(net, picture) for net in nets.values())] for picture in _sheet_pictures(data)]
    write_png(out / f"{variant.slug}.png", np.vstack([titles(["low light", *nets]), sheet(rows)]))


def _sheet_pictures(data: EvaluationData) -> Iterator[BgrImage]:
    counts: dict[str, int] = {}
    for name, picture in data.real:
        folder = name.partition("/")[0]
        counts[folder] = counts.get(folder, 0) + 1
        if counts[folder] <= SHEET_PER_FOLDER:
            yield picture
    yield from (pair.low for pair in data.mine[:SHEET_PER_FOLDER])
