"""`davy bench people`: precision and recall of a detector of people on raw, enhanced and evenly lit pictures."""

import json
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from davy.domain.errors import ConfigError
from davy.imaging.detect import OnnxDetector, read_spec, shipped_path
from davy.imaging.runtime import StillEnhancer
from davy_bench.people.cases import folder_cases, simulated
from davy_bench.people.intruders import false_alarms, intruders
from davy_bench.people.measure import WANTED_PRECISION, run
from davy_bench.people.report import intruder_table, plot_curves, tables, write_sheet
from davy_bench.terminal import bar, parse_size, print_written, report_errors

LEAST_SCORE = 0.02  # the curve needs detections far below the score in use
TIMED = 30


def people(
    folder: Annotated[
        Path | None,
        typer.Argument(help="Pictures with annotations.json (COCO) or XML files (VOC). Default: the simulated mine."),
    ] = None,
    seeds: Annotated[
        str, typer.Option(help="First and last mine, as 900-909; at least 900, as training uses lower ones.")
    ] = "900-909",
    frames: Annotated[int, typer.Option(min=1, help="Frames per place and mine.")] = 3,
    size: Annotated[str, typer.Option(help="Picture size, WIDTHxHEIGHT.")] = "640x360",
    least: Annotated[float, typer.Option(min=1, help="Smallest height of a person in px of a picture 416 px wide.")] = 24.0,
    detector: Annotated[
        Path | None, typer.Option(help="ONNX detector with its description beside it. Default: the shipped one.")
    ] = None,
    model: Annotated[Path | None, typer.Option(help="ONNX file of the enhancer. Default: the shipped one.")] = None,
    out: Annotated[Path, typer.Option(help="Output folder of table, curves, sheet and figures.")] = Path("runs/bench/people"),
) -> None:
    """Measure precision and recall of the people detector on raw, enhanced and evenly lit pictures."""
    with report_errors():
        path = detector or shipped_path()
        spec = read_spec(path)
        eager = OnnxDetector(path, spec.model_copy(update={"score": LEAST_SCORE}))
        still = StillEnhancer(model)
        with bar("people") as progress:
            cases = (
                folder_cases(folder, still) if folder else simulated(_range(seeds), frames, parse_size(size), still, progress)
            )
            findings, seen = run(eager, cases)
        if not findings:
            raise ConfigError("no picture to measure")
        milliseconds = _timed(OnnxDetector(path, spec), seen[0].images["raw"])
        text = f"{len(seen)} pictures per light, people of at least {least:g} px, detector {path.stem}, score {spec.score:g}: "
        text += f"{milliseconds:.1f} ms of one thread a look\n\n{tables(findings, least, spec.score)}\n"
        print(text)
        out.mkdir(parents=True, exist_ok=True)
        (out / "people.md").write_text(text)
        curves = {each.light: each.curve(least) for each in findings}
        figures = {
            light: {"ap50": c.ap50, "recall_at_precision": c.recall_at(WANTED_PRECISION), "people": c.people}
            for light, c in curves.items()
        }
        (out / "people.json").write_text(json.dumps({"ms": milliseconds, "lights": figures}, indent=1) + "\n")
        plots = [plot_curves(out / "people-curves.png", findings, least, spec.score)]
        print_written([out / "people.md", out / "people.json", *plots, write_sheet(out / "people.jpg", findings, spec.score)])


def intruders_command(
    seeds: Annotated[str, typer.Option(help="First and last mine, as 900-904; four intruders in each.")] = "900-904",
    minutes: Annotated[
        float, typer.Option(min=0, help="Time without intruders, in minutes of each of the four places.")
    ] = 15.0,
    detector: Annotated[
        Path | None, typer.Option(help="ONNX detector with its description beside it. Default: the shipped one.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Output folder of the table.")] = Path("runs/bench/people"),
) -> None:
    """Count false alarms and missed intruders of a forbidden zone in each place of the simulated mine."""
    with report_errors():
        path = detector or shipped_path()
        eyes, still = OnnxDetector(path, read_spec(path)), StillEnhancer()
        with bar("intruders") as progress:
            staged = list(intruders(eyes, _range(seeds), still, progress))
        with bar("nobody") as progress:
            false = false_alarms(eyes, 907, minutes, still, progress) if minutes else {}
        text = "\n".join(intruder_table(staged, false, minutes)) + "\n"
        print(text)
        out.mkdir(parents=True, exist_ok=True)
        (out / "intruders.md").write_text(text)
        print_written([out / "intruders.md"])


def _timed(detector: OnnxDetector, image: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> float:
    """Median processor time of one look, which is on one thread, in ms."""
    taken = []
    for _ in range(TIMED):
        started = time.thread_time()
        detector.detect(image)
        taken.append(time.thread_time() - started)
    return float(np.median(taken)) * 1e3


def _range(text: str) -> tuple[int, ...]:
    first, _, last = text.partition("-")
    if not (first.isdecimal() and (last or first).isdecimal()):
        raise ConfigError(f"seeds {text!r}: write the first and the last one, such as 900-909")
    return tuple(range(int(first), int(last or first) + 1))
