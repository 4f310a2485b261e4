"""The page with all measurements of picture quality and their acceptance checks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from davy.domain.errors import ConfigError
from davy.imaging.runtime import StillEnhancer
from davy_bench.datasets.cases import Case, paired_cases, unpaired_cases
from davy_bench.datasets.relit import bundled_photographs, folder_photographs, relit_cases
from davy_bench.datasets.simulated import mine_cases
from davy_bench.datasets.well_lit import psnr_table, well_lit_cases
from davy_bench.methods.baselines import BASELINES
from davy_bench.methods.methods import DAVY, RAW, select_methods
from davy_bench.quality import results
from davy_bench.quality.checks import (
    LOL_MINIMUM,
    RELIT_MINIMUM,
    Check,
    check_table,
    clipped_check,
    flicker_checks,
    identity_check,
    mine_checks,
    minimum_checks,
    over_clipped,
    well_lit_check,
)
from davy_bench.quality.flicker import flicker_table, traces
from davy_bench.quality.measure import EXPLAINED
from davy_bench.quality.plots import plot_histogram, plot_traces
from davy_bench.quality.results import WELL_LIT_DB, SheetLayout
from davy_bench.quality.scores import ProgressCallback, Scores, score
from davy_bench.quality.table import markdown

SIZE = (1280, 720)
MINE_SEEDS, MINE_FRAMES = (907, 911), 3
RELIT_SEEDS = (901, 902, 903, 904)
SHOWN_METHODS = (RAW, "auto gamma", "CLAHE", "gamma+CLAHE", DAVY)  # more would be too small on a sheet
Bar = Callable[[str], ProgressCallback]


@dataclass(slots=True)
class Report:
    """The page under construction."""

    out: Path
    private: Path  # folder for sheets with photographs that must not be published
    still: StillEnhancer
    bar: Bar
    checks: list[Check] = field(default_factory=list)
    sections: list[str] = field(default_factory=list)

    def score(self, name: str, title: str, cases: Sequence[Case], baselines: Sequence[str], shareable: bool) -> Scores:
        """Measure the cases, write their files and start their section."""
        scores = score(title, cases, select_methods(baselines, self.still), self.still.model, self.bar(name))
        layout = SheetLayout(methods=SHOWN_METHODS) if shareable else SheetLayout(rows=8, methods=SHOWN_METHODS)
        results.write_results(scores, name, self.out, layout, None if shareable else self.private)
        self.sections += [f"## {title[0].upper()}{title[1:]}", markdown(scores)]
        if scores.paired and baselines:
            self.sections.append(f"![all pictures]({name}-pictures.png) ![quality over cost]({name}-cost.png)")
        if shareable:
            self.sections.append(f"![pictures from the worst to the best]({name}-sheet.jpg)")
        return scores

    def add(self, checks: Sequence[Check], *sections: str) -> None:
        """Add checks, and text to the current section."""
        self.checks += checks
        self.sections += sections


def write_report(
    data: Path | None, out: Path, private: Path, still: StillEnhancer, every: int, bar: Bar
) -> tuple[Path, Sequence[Check]]:
    """Run all measurements with available data, and write README.md, tables, plots and contact sheets.

    Sheets of the simulated mine and of the photographs of installed packages are written to out. Sheets with photographs of
    data are written to private, as their licences do not allow to publish them.

    Args:
        data: Folder of the data sets.
        out: Folder of the page.
        private: Folder of the sheets with photographs of data.
        still: The measured enhancer.
        every: Use only every n-th well-lit picture and real frame.
        bar: Adds a progress bar.

    Returns:
        The path of the page, and all checks.

    Raises:
        ConfigError: data is not a folder, or the bundled photographs are not installed.
    """
    if data is not None and not data.is_dir():
        raise ConfigError(f"{data} is not a folder: give the folder of val/ and train/, or omit --data")
    report = Report(out, private, still, bar)
    missing = []
    _mine(report)
    _relit(report, data / "val/lol20/high" if data else None)
    for folder, section in (("val/lol20", _lol), ("train/normal/cid22", _well_lit), ("train/low/underground", _frames)):
        if data is not None and (data / folder).is_dir():
            section(report, data / folder, every)
        else:
            missing.append(folder)
    page = out / "README.md"
    page.write_text(_page(report, missing))
    return page, report.checks


def _mine(report: Report) -> None:
    cases = mine_cases(MINE_SEEDS, MINE_FRAMES, SIZE)
    scores = report.score("mine", f"simulated mine, seeds {_list(MINE_SEEDS)}", cases, list(BASELINES), shareable=True)
    report.add([*mine_checks(scores), identity_check(report.still, cases[0].load()[0])])
    recorded = traces(MINE_SEEDS[0], SIZE, report.still, report.bar("video"))
    plot_traces(report.out / "mine-flicker.png", recorded)
    report.add(
        flicker_checks(recorded),
        "## Flicker of a fixed simulated camera",
        "Standard deviations of the mean luma over 8 s at 10 fps, in units of 1/255: with distant cap lamps (calm), around "
        "the moment when a lamp shines most into the camera (towards), and when one lights the scene most (away). "
        "Steps are differences between successive frames. Steady blocks are the quarter of 16 x 9 blocks with the smallest "
        "change in the raw video; a lamp elsewhere in the picture should not change them. If it does, the picture pumps.",
        "\n".join(flicker_table(recorded)),
        "![mean luma over time](mine-flicker.png)",
    )


def _relit(report: Report, photographs: Path | None) -> None:
    cases = relit_cases(bundled_photographs(), RELIT_SEEDS)
    title = f"photographs relit as a mine, seeds {_list(RELIT_SEEDS)}"
    scores = report.score("relit", title, cases, list(BASELINES), shareable=True)
    report.add(minimum_checks("relit", scores, RELIT_MINIMUM))
    if photographs is not None and photographs.is_dir():
        cases = relit_cases(folder_photographs(photographs), RELIT_SEEDS[:1])
        scores = report.score("relit-lol", "bright pictures of val/lol20 relit", cases, list(BASELINES), shareable=False)
        report.add(minimum_checks("relit, val/lol20", scores, RELIT_MINIMUM))


def _lol(report: Report, folder: Path, _every: int) -> None:
    cases = paired_cases(folder / "low", folder / "high")
    scores = report.score("lol20", "val/lol20", cases, list(BASELINES), shareable=False)
    report.add(minimum_checks("val/lol20", scores, LOL_MINIMUM))


def _well_lit(report: Report, folder: Path, every: int) -> None:
    title = "well-lit photographs (cid22) against themselves"
    scores = report.score("well-lit", title, well_lit_cases(folder)[::every], [], shareable=False)
    path = report.out / "well-lit-histogram.png"
    plot_histogram(path, title, "PSNR against itself / dB", scores.column("psnr_db"), WELL_LIT_DB)
    report.add([well_lit_check(scores)], "\n".join(psnr_table(scores)), f"![histogram]({path.name})")


def _frames(report: Report, folder: Path, every: int) -> None:
    scores = report.score("frames", "real underground frames", unpaired_cases(folder)[::every], [], shareable=False)
    over = over_clipped(scores)
    names = f": {', '.join(over[:12])}" if over else ""
    text = f"Clipped highlights grow by more than half a point in {len(over)} frames{names}."
    report.add([clipped_check(scores)], text, "![growth of clipped highlights](frames-clipped.png)")


def _page(report: Report, missing: Sequence[str]) -> str:
    paragraphs = [
        "# Picture quality",
        f"Written by `davy bench report` with {report.still.model} (still path, one thread). All tables use the same weights.",
        "\n".join(check_table(report.checks)),
        EXPLAINED,
    ]
    if missing:
        paragraphs.append(f"Not measured, as the data is missing: {', '.join(missing)}.")
    paragraphs.append(
        "This page shows no photographs of the data sets, as their licences do not allow to publish them: `davy bench report` "
        f"writes these sheets to `{report.private}`, outside the repository."
    )
    return "\n\n".join([*paragraphs, *report.sections]) + "\n"


def _list(seeds: Sequence[int]) -> str:
    return ", ".join(map(str, seeds))
