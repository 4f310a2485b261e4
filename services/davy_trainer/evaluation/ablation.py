"""What each part of the recipe brings: short runs from one start, each without one part, over several seeds."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, Field, PositiveInt

from davy.domain.errors import ConfigError, UnreadableImageError
from davy.domain.frame import BgrImage
from davy.imaging.iqa import psnr_db, ssim
from davy.imaging.nets.ispcnn import IspCnn
from davy_trainer.data.unpaired import read_small
from davy_trainer.evaluation.dark_regions import dark_figures, dark_psnr_db
from davy_trainer.evaluation.sheet import sheet, write_png
from davy_trainer.evaluation.summary import SHORT_SIDE, shown_pictures, titles
from davy_trainer.evaluation.validation import Pair, through
from davy_trainer.runs.prompt_run import PROMPTS
from davy_trainer.runs.weights import load_weights
from davy_trainer.stages.all_settings import AllSettings
from davy_trainer.stages.iterate import iterate, networks, plan, read_settings, write_settings
from davy_trainer.stages.loop import Stop
from davy_trainer.stages.run_stage import run_pair
from davy_trainer.stages.settings import PairSettings

FIGURES = "figures.json"
REAL_OF_EACH = 8  # real pictures of every folder that are judged
SHEET_OF_EACH = 2
WHOLE = "the whole recipe"


@dataclass(frozen=True, slots=True)
class Variant:
    """One ablation: what it leaves out, as settings of AllSettings, of the pairing, and of a stage."""

    name: str
    recipe: dict[str, Any] = field(default_factory=dict)
    pair: dict[str, Any] = field(default_factory=dict)
    enhance: dict[str, Any] = field(default_factory=dict)

    @property
    def slug(self) -> str:
        return self.name.lower().replace(" ", "-").replace(",", "")


VARIANTS = (
    Variant(WHOLE),
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


class AblateSettings(BaseModel, frozen=True, extra="forbid"):
    """The recipe that all share; a stage's table overrides that stage's defaults."""

    low: tuple[Path, ...] = Field(min_length=1)
    normal: tuple[Path, ...] = Field(min_length=1)
    photographs: tuple[Path, ...] = ()
    start: Path
    clip: str = "davy"
    rounds: PositiveInt = Field(2, ge=2)  # fewer leave nothing to refine
    steps: PositiveInt = 60  # of each round of enhancement
    seeds: tuple[int, ...] = Field((1, 2), min_length=1)
    validation: Path | None = None  # pairs
    mine: Path | None = None  # pairs of the simulated mine
    only: tuple[str, ...] = ()  # names of variants; all where empty
    self_supervised: dict[str, Any] = {}  # stage 0's, which is replayed beside stage 2
    pair: dict[str, Any] = {}
    enhance: dict[str, Any] = {}
    refine: dict[str, Any] = {"most": 60, "steps": 200}


@dataclass(frozen=True, slots=True)
class Judges:
    """What every network is judged by."""

    validation: Sequence[Pair]
    mine: Sequence[Pair]
    real: Sequence[tuple[str, BgrImage]]


def chosen_variants(settings: AblateSettings) -> list[Variant]:
    """The asked variants; the whole recipe is always among them.

    Raises:
        ConfigError: a name is unknown.
    """
    names = [variant.name for variant in VARIANTS]
    if unknown := [name for name in settings.only if name not in names]:
        raise ConfigError(f"no ablation {unknown[0]!r}: there are {', '.join(names[1:])}")
    return [variant for variant in VARIANTS if not settings.only or variant.name in (WHOLE, *settings.only)]


def ablate(
    settings: AblateSettings, judges: Judges, out: Path, stop: Stop, tell: Callable[[str], None]
) -> dict[str, list[dict[str, float]]] | None:
    """Train and judge what is not done yet.

    Returns:
        Figures of every variant, one table per seed, "start" among them; None when stop() came first.
    """
    start = load_weights(settings.start)
    figures = {"start": [_judged(start, judges, out / "start" / FIGURES)]}
    for variant in chosen_variants(settings):
        figures[variant.name] = []
        for seed in settings.seeds:
            folder = out / variant.slug / f"seed-{seed}"
            if not _train(settings, variant, seed, out, folder, stop, tell):
                return None
            net = load_weights(list(networks(read_settings(folder), folder).values())[-1])
            figures[variant.name].append(_judged(net, judges, folder / FIGURES))
        first = out / variant.slug / f"seed-{settings.seeds[0]}"
        _write_sheet(out, variant, first, start, judges)
        tell(f"{variant.name}: judged")
    return figures


def read_real(folders: Sequence[Path]) -> list[tuple[str, BgrImage]]:
    """Some pictures of every folder, evenly taken; unreadable ones are passed over.

    Raises:
        UnreadableImageError: none can be read.
    """
    found = []
    for path in shown_pictures(folders, REAL_OF_EACH):
        try:
            found.append((f"{path.parent.name}/{path.stem}", read_small(path, SHORT_SIDE)))
        except UnreadableImageError:
            continue
    if not found:
        raise UnreadableImageError(f"{', '.join(map(str, folders))}: no file tried is a picture")
    return found


def judge(net: IspCnn, judges: Judges) -> dict[str, float]:
    """Every figure of one network; those without data are left out."""
    found: dict[str, list[float]] = {}

    def add(name: str, value: float) -> None:
        found.setdefault(name, []).append(value)

    for pair in judges.validation:
        output = through(net, pair.low)
        add("validation_psnr_db", min(psnr_db(output, pair.truth), 100.0))
        add("validation_ssim", ssim(output, pair.truth))
    for pair in judges.mine:
        output = through(net, pair.low)
        add("mine_psnr_db", min(psnr_db(output, pair.truth), 100.0))
        add("mine_dark_psnr_db", dark_psnr_db(pair.low, output, pair.truth))
    for _, picture in judges.real:
        for name, value in dark_figures(picture, through(net, picture)).items():
            add(f"real_{name}", value)
    return {name: float(np.mean(values)) for name, values in found.items()}


def _judged(net: IspCnn, judges: Judges, path: Path) -> dict[str, float]:
    if path.exists():
        known: dict[str, float] = json.loads(path.read_text())
        return known
    figures = judge(net, judges)
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
    tell: Callable[[str], None],
) -> bool:
    recipe: dict[str, Any] = {"clip": settings.clip, "guided": True} | variant.recipe
    prompts = None
    if recipe["guided"]:
        pairing = _pairing(settings, variant, recipe["clip"], seed)
        place = out / "pairs" / f"{pairing.labels}-{recipe['clip'].replace(':', '-').replace('/', '-')}-{seed}"
        if not (place / PROMPTS).exists() and not run_pair(pairing, place, stop):
            return False
        prompts = place / PROMPTS
    shared = ("low", "normal", "photographs", "start", "rounds", "self_supervised", "refine")
    words: dict[str, Any] = {name: getattr(settings, name) for name in shared}
    words |= {"seed": seed, "prompts": prompts, **recipe}
    words["enhance"] = {"steps": settings.steps} | settings.enhance | variant.enhance
    asked = AllSettings.model_validate(words)
    if not (folder / "all.json").exists():
        write_settings(asked, folder)
    elif read_settings(folder) != asked:
        raise ConfigError(f"{folder} holds a run with other settings: choose another --out")
    return iterate(plan(asked, folder), stop, lambda told: tell(f"{variant.name}, seed {seed}: {told}"))


def _pairing(settings: AblateSettings, variant: Variant, clip: str, seed: int) -> PairSettings:
    words: dict[str, Any] = {"low": settings.low, "normal": settings.normal, "clip": clip, "seed": seed}
    return PairSettings.model_validate(words | settings.pair | variant.pair)


def _write_sheet(out: Path, variant: Variant, folder: Path, start: IspCnn, judges: Judges) -> None:
    """low | start | the whole recipe | the variant, of the first seed."""
    nets: dict[str, IspCnn] = {"start": start}
    whole = out / Variant(WHOLE).slug / folder.name
    for name, place in {WHOLE: whole, variant.name: folder}.items():
        nets[name] = load_weights(list(networks(read_settings(place), place).values())[-1])
    rows = [[picture, *(through(net, picture) for net in nets.values())] for picture in _sheet_pictures(judges)]
    write_png(out / f"{variant.slug}.png", np.vstack([titles(["low light", *nets]), sheet(rows)]))


def _sheet_pictures(judges: Judges) -> Iterator[BgrImage]:
    by_folder: dict[str, int] = {}
    for name, picture in judges.real:
        place = name.partition("/")[0]
        by_folder[place] = by_folder.get(place, 0) + 1
        if by_folder[place] <= SHEET_OF_EACH:
            yield picture
    yield from (pair.low for pair in judges.mine[:SHEET_OF_EACH])
