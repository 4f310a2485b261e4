"""The table of inputs x paths in the docs: `python -m tests.world.table` writes it, a test compares it.

A cell is "=" where geometry, colour, time, sound and metadata are as Pillow, ffprobe and ffmpeg say of the source. Every other
cell names the difference, and each difference has an explanation below the table.
"""

import asyncio
import re
import sys
import tempfile
from pathlib import Path

import numpy as np
from tests.world import facts, pictures, videos
from tests.world.facts import Facts
from tests.world.paths import CAMERAS, PATHS, Results, Seen, through_all

PAGE = Path("docs/reference/inputs.md")
COLOUR_LEVELS = {False: 4.0, True: 7.0}  # of 255, by whether it is a video: what lossy codecs may change
TIME_S = 0.05

EXPLANATIONS = (
    (r"refused: .*with 2 pictures", "Several pictures in one file: one of them alone would silently lose the others."),
    (r"refused: .*(truncated|damaged)", "Rows of pixels are missing from the file; the reason names how many."),
    (r"refused: .*samples of mode", "Float and 32-bit samples have no black and white of their own."),
    (r"refused: .*(TIFF|BMP|GIF) is not supported", "REST and gRPC take JPEG, PNG and WebP, as browsers do."),
    (r"refused: .*(no (picture|image) or video|no known picture)", "GIF is neither read nor written; the file is named."),
    (r"refused: .*HDR picture", "A camera's frames are mapped by nobody: the camera has a setting for standard range."),
    (
        r"refused: .*(image of type|holds no picture|web page|no picture|no video that can be read)",
        "Cameras with a snapshot URL send JPEG or PNG.",
    ),
    (r"interlaced", "Interlaced pictures are deinterlaced."),
    (r"transfer", "HDR is mapped to BT.709, which every display shows."),
    (r"hdr colour", "The colours of HDR as ffmpeg shows them without tone mapping are no reference."),
    (r"sound", "The kind of file cannot hold the sound as it is; it is converted, and a note says so."),
    (r"size", "4:2:0 has an even number of rows and columns: the last one is repeated, and a note says so."),
    (r"time", "Recordings that were put together get one continuous time, and a note says so."),
)


def difference(source: Facts, seen: Seen, way: str, *, video: bool) -> list[str]:
    """Name what differs, with the value that came out."""
    if seen.facts is None:
        return [f"refused: {seen.refusal}"]
    found, hdr = [], source.transfer in ("smpte2084", "arib-std-b67")
    if seen.facts.size != source.size:
        found.append(f"size {seen.facts.size[0]}x{seen.facts.size[1]}")
    if np.abs(seen.facts.spots - source.spots).max() > COLOUR_LEVELS[video]:
        found.append("hdr colour" if hdr else "colour")
    if way in CAMERAS:
        return found
    if video:
        found += _difference_of_videos(source, seen.facts)
    lost = [name for name, value in source.metadata.items() if seen.facts.metadata.get(name) != value]
    return found + [f"lost {name}" for name in lost]


def _difference_of_videos(source: Facts, seen: Facts) -> list[str]:
    found = []
    before, after = ([time - times[0] for time in times] for times in (source.times, seen.times))
    if before and (len(before) != len(after) or any(abs(a - b) > TIME_S for a, b in zip(before, after, strict=True))):
        found.append("time")
    if seen.sound != source.sound:
        found.append(f"sound {'+'.join(seen.sound) or 'none'}")
    if seen.transfer != source.transfer and source.transfer in ("smpte2084", "arib-std-b67"):
        found.append(f"transfer {seen.transfer}")
    if seen.interlaced != source.interlaced:
        found.append("deinterlaced")
    return found


def measure(names: "set[str] | None" = None) -> dict[str, dict[str, tuple[list[str], Seen]]]:
    """Differences by name and path. names: some inputs alone; None for all."""
    with tempfile.TemporaryDirectory(prefix="davy-world-") as temporary:
        work = Path(temporary)
        stills, clips = work / "pictures", work / "videos"
        stills.mkdir()
        clips.mkdir()
        sources: dict[str, tuple[Facts | None, bool]] = {}
        for case in pictures.cases():
            if names is None or case.name in names:
                (stills / case.name).write_bytes(case.data)
                sources[case.name] = (_facts(case), False)
        for clip in videos.CLIPS:
            if names is None or clip.name in names:
                clip.make(clips / clip.name)
                sources[clip.name] = (facts.of_video(clips / clip.name), True)
        results = asyncio.run(through_all(stills, clips, work))
    return {name: _row(source, results, name, video=video) for name, (source, video) in sources.items()}


def _facts(case: pictures.Case) -> Facts | None:
    try:
        told = facts.of_picture(case.data)
    except OSError:
        if case.upright is None:
            return None  # Pillow refuses it, too
        return Facts((pictures.WIDTH, pictures.HEIGHT), facts.spots_of(case.upright))
    return told if case.upright is None else Facts(told.size, facts.spots_of(case.upright), metadata=told.metadata)


def _row(source: Facts | None, results: Results, name: str, *, video: bool) -> dict[str, tuple[list[str], Seen]]:
    row = {}
    for way, seen in results[name].items():
        if source is None:
            row[way] = (["taken" if seen.facts else f"refused: {seen.refusal}"], seen)
        else:
            row[way] = (difference(source, seen, way, video=video), seen)
    return row


def explanation(text: str) -> int | None:
    """The number of the explanation of a difference."""
    return next((number for number, (pattern, _) in enumerate(EXPLANATIONS, 1) if re.search(pattern, text)), None)


def cell(found: list[str]) -> str:
    """What stands in the table: "=", or each difference with the number of its explanation."""
    if not found:
        return "="
    texts = ["refused" if text.startswith("refused") else text for text in found]
    return ", ".join(f"{text} ({explanation(each)})" for text, each in zip(texts, found, strict=True))


def rows(measured: dict[str, dict[str, tuple[list[str], Seen]]]) -> list[str]:
    """The lines of the table."""
    return [
        f"| `{name}` | " + " | ".join(cell(row[way][0]) if way in row else "-" for way in PATHS) + " |"
        for name, row in measured.items()
    ]


def page(measured: dict[str, dict[str, tuple[list[str], Seen]]]) -> str:
    """The whole page."""
    used = {explanation(text) for row in measured.values() for found, _ in row.values() for text in found}
    return "\n".join(
        [
            "# Inputs and paths",
            "",
            f"{len(measured)} files as cameras, recorders, phones and programs write them go through every path. Pillow,",
            "ffprobe and ffmpeg measure source and output: upright geometry, colour, time of each picture, sound and",
            "metadata. `=` says that all of it is the same; `-` that a path does not take such files. Camera paths deliver",
            "pixels, so geometry and colour count there. A number leads to the explanation of a difference below the table.",
            "",
            "`python -m tests.world.table` writes this page.",
            "",
            "| input | " + " | ".join(PATHS) + " |",
            "| --- |" + " --- |" * len(PATHS),
            *rows(measured),
            "",
            *(f"{number}. {text}" for number, (_, text) in enumerate(EXPLANATIONS, 1) if number in used),
            "",
        ]
    )


def unexplained(measured: dict[str, dict[str, tuple[list[str], Seen]]]) -> list[str]:
    """Differences without an explanation, and those of which no note and no refusal tells the user."""
    bad = []
    for name, row in measured.items():
        for way, (found, seen) in row.items():
            bad += [f"{name}, {way}: {text}" for text in found if explanation(text) is None]
            if found and not seen.refusal and not seen.notes and way not in CAMERAS:
                bad.append(f"{name}, {way}: {found} without a note")
    return bad


def write() -> int:
    """Write the page; the exit status says whether every difference is explained."""
    measured = measure()
    PAGE.write_text(page(measured), encoding="utf-8")
    for line in (bad := unexplained(measured)):
        print(line)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(write())
