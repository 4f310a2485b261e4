"""Every bench on one page, against the figures that are wanted."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from davy.domain.errors import ConfigError
from davy.imaging.runtime import StillEnhancer
from davy_bench.datasets.cases import Case, pairs, singles
from davy_bench.datasets.relit import bundled_photographs, folder_photographs, relit_cases
from davy_bench.datasets.simulated import mine_cases
from davy_bench.datasets.well_lit import spread_table, well_lit_cases
from davy_bench.methods.baselines import BASELINES
from davy_bench.methods.methods import DAVY, RAW, choose
from davy_bench.quality import outcome
from davy_bench.quality.checks import (
    LOL_LEAST,
    RELIT_LEAST,
    Check,
    at_least,
    check_table,
    clipped_check,
    flicker_checks,
    identity_check,
    mine_checks,
    more_clipped,
    well_lit_check,
)
from davy_bench.quality.flicker import flicker_table, traces
from davy_bench.quality.measure import EXPLAINED
from davy_bench.quality.outcome import WELL_LIT_DB, SheetLayout
from davy_bench.quality.plots import plot_histogram, plot_traces
from davy_bench.quality.scores import Scores, Tick, score
from davy_bench.quality.table import markdown

SIZE = (1280, 720)
MINE_SEEDS, MINE_FRAMES = (907, 911), 3
RELIT_SEEDS = (901, 902, 903, 904)
SHOWN_METHODS = (RAW, "auto gamma", "CLAHE", "gamma+CLAHE", DAVY)  # more would be too small to see
Bar = Callable[[str], Tick]


@dataclass(slots=True)
class Report:
    """The page as it grows."""

    out: Path
    private: Path  # for sheets that show photographs which must not be given on
    still: StillEnhancer
    bar: Bar
    checks: list[Check] = field(default_factory=list)
    sections: list[str] = field(default_factory=list)

    def score(self, name: str, title: str, cases: Sequence[Case], baselines: Sequence[str], ours_to_show: bool) -> Scores:
        """Judge the cases, write their files, begin their section."""
        scores = score(title, cases, choose(baselines, self.still), self.still.model, self.bar(name))
        layout = SheetLayout(methods=SHOWN_METHODS) if ours_to_show else SheetLayout(rows=8, methods=SHOWN_METHODS)
        outcome.write(scores, name, self.out, layout, None if ours_to_show else self.private)
        self.sections += [f"## {title[0].upper()}{title[1:]}", markdown(scores)]
        if scores.paired and baselines:
            self.sections.append(f"![every picture]({name}-pictures.png) ![quality over cost]({name}-cost.png)")
        if ours_to_show:
            self.sections.append(f"![worst pictures and some up to the best]({name}-sheet.jpg)")
        return scores

    def publish(self, checks: Sequence[Check], *sections: str) -> None:
        """Add checks, and text to the last section."""
        self.checks += checks
        self.sections += sections


def write_report(
    data: Path | None, out: Path, private: Path, still: StillEnhancer, every: int, bar: Bar
) -> tuple[Path, Sequence[Check]]:
    """Run every bench whose data is there, and write README.md, tables, plots and sheets.

    Sheets in out show the simulated mine and the photographs of installed packages; those of data's photographs go to
    private, as their terms do not let them be given on.

    Raises:
        ConfigError: data is not a folder, or the bundled photographs are not installed.
    """
    if data is not None and not data.is_dir():
        raise ConfigError(f"{data} is not a folder: give the one that holds val/ and train/, or leave --data out")
    report = Report(out, private, still, bar)
    left_out = []
    _mine(report)
    _relit(report, data / "val/lol20/high" if data else None)
    for folder, section in (("val/lol20", _lol), ("train/normal/cid22", _well_lit), ("train/low/underground", _frames)):
        if data is not None and (data / folder).is_dir():
            section(report, data / folder, every)
        else:
            left_out.append(folder)
    page = out / "README.md"
    page.write_text(_page(report, left_out))
    return page, report.checks


def _mine(report: Report) -> None:
    cases = mine_cases(MINE_SEEDS, MINE_FRAMES, SIZE)
    scores = report.score("mine", f"simulated mine, seeds {_list(MINE_SEEDS)}", cases, list(BASELINES), ours_to_show=True)
    report.publish([*mine_checks(scores), identity_check(report.still, cases[0].load()[0])])
    found = traces(MINE_SEEDS[0], SIZE, report.still, report.bar("video"))
    plot_traces(report.out / "mine-flicker.png", found)
    report.publish(
        flicker_checks(found),
        "## Flicker of a fixed simulated camera",
        "Standard deviations of the mean luma over 8 s at 10 fps, in units of 1/255: while cap lamps are far (calm), around "
        "the moment when one shines most into the camera (towards), and when one most lights what the camera sees (away). "
        "Steps are from frame to frame; steady blocks are the quarter of 16 x 9 in which the raw video changes least, so that "
        "a lamp elsewhere in the picture should not move them: where it does, the picture pumps.",
        "\n".join(flicker_table(found)),
        "![mean luma over time](mine-flicker.png)",
    )


def _relit(report: Report, more: Path | None) -> None:
    cases = relit_cases(bundled_photographs(), RELIT_SEEDS)
    title = f"photographs relit as a mine, seeds {_list(RELIT_SEEDS)}"
    scores = report.score("relit", title, cases, list(BASELINES), ours_to_show=True)
    report.publish(at_least("relit", scores, RELIT_LEAST))
    if more is not None and more.is_dir():
        cases = relit_cases(folder_photographs(more), RELIT_SEEDS[:1])
        scores = report.score("relit-lol", "bright side of val/lol20 relit", cases, list(BASELINES), ours_to_show=False)
        report.publish(at_least("relit, val/lol20", scores, RELIT_LEAST))


def _lol(report: Report, folder: Path, _every: int) -> None:
    cases = pairs(folder / "low", folder / "high")
    scores = report.score("lol20", "val/lol20", cases, list(BASELINES), ours_to_show=False)
    report.publish(at_least("val/lol20", scores, LOL_LEAST))


def _well_lit(report: Report, folder: Path, every: int) -> None:
    title = "well-lit photographs (cid22) against themselves"
    scores = report.score("well-lit", title, well_lit_cases(folder)[::every], [], ours_to_show=False)
    path = report.out / "well-lit-histogram.png"
    plot_histogram(path, title, "PSNR against itself / dB", scores.column("psnr_db"), WELL_LIT_DB)
    report.publish([well_lit_check(scores)], "\n".join(spread_table(scores)), f"![histogram]({path.name})")


def _frames(report: Report, folder: Path, every: int) -> None:
    scores = report.score("frames", "real underground frames", singles(folder)[::every], [], ours_to_show=False)
    over = more_clipped(scores)
    said = f"Highlights grow by more than half a point in {len(over)} frames{': ' + ', '.join(over[:12]) if over else ''}."
    report.publish([clipped_check(scores)], said, "![growth of clipped highlights](frames-clipped.png)")


def _page(report: Report, left_out: Sequence[str]) -> str:
    parts = [
        "# Picture quality",
        f"Written by `davy bench report`; Davy runs as cameras run it (still path, one thread), with {report.still.model}. "
        "One set of weights serves every table.",
        "\n".join(check_table(report.checks)),
        EXPLAINED,
    ]
    if left_out:
        parts.append(f"Left out, as the data is not there: {', '.join(left_out)}.")
    parts.append(
        "Photographs of the data sets are not shown here, as their terms do not let them be given on: `davy bench report` "
        f"writes those sheets to `{report.private}`, outside the repository."
    )
    return "\n\n".join([*parts, *report.sections]) + "\n"


def _list(seeds: Sequence[int]) -> str:
    return ", ".join(map(str, seeds))
