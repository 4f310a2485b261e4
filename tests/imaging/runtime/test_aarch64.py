"""The kernels' NEON build, run by qemu, against the portable build of this machine: both replay the same recorded calls."""

import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from tests.fixtures.once import made_once
from tests.imaging.runtime.instructions import executed, vector_instructions
from tests.imaging.runtime.recording import Recording

from davy.domain.frame import YuvImage
from davy.imaging.runtime.parameters import FINE_SIZE, GLOBAL_SIZE, RAW_CELL_SIZE, Parameters
from davy.imaging.runtime.picture import bgr_picture, yuv_picture
from davy.imaging.runtime.temporal_denoising import TemporalDenoiser
from davy.imaging.runtime.workspace import Workspace

hatch_build = pytest.importorskip("hatch_build", reason="hatchling is not installed")

ROOT = Path(__file__).resolve().parents[3]
NAMES = "imaging/runtime/measure.c", "imaging/runtime/render.c", "imaging/runtime/thumbnail.c", "adapters/media/yuv420.c"
SOURCES = [ROOT / "shared/davy" / name for name in NAMES]
REPLAY = Path(__file__).with_name("replay.c")
COMPILER, QEMU, SYSROOT = "aarch64-linux-gnu-gcc", "qemu-aarch64", "/usr/aarch64-linux-gnu"
THUMB = 4, 48, 64
ROWS = 48  # of a picture whose instructions are counted
LACKING = [name for name in (COMPILER, QEMU, "cc") if not shutil.which(name)]

pytestmark = [
    pytest.mark.system,
    pytest.mark.timeout(400),  # the first test compiles
    pytest.mark.skipif(bool(LACKING), reason=f"not installed: {', '.join(LACKING)}"),
    pytest.mark.skipif(platform.machine() != "x86_64", reason="compares with the portable build of an x86-64 machine"),
]


@pytest.fixture(scope="session")
def neon(tmp_path_factory):
    """The libraries and the program that replays, for AArch64."""

    def make(folder):
        folder.mkdir()
        flags = [*hatch_build.HARDENING, *hatch_build.variants(zig=False, machine="aarch64")[""]]
        commands = [hatch_build.compile_command([COMPILER], flags, source, folder / f"{source.stem}.so") for source in SOURCES]
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda command: subprocess.run(command, check=True), [*commands, replay_with(COMPILER, folder)]))

    return made_once(tmp_path_factory, "neon", make)


@pytest.fixture(scope="session")
def released(tmp_path_factory):
    """The libraries of a wheel, for AArch64 and for x86-64 with AVX2: zig and the system's compiler make them."""

    def make(folder):
        zig = [sys.executable, "-m", "ziglang", "cc", "-target", "aarch64-linux-gnu.2.28"]
        builds = {
            "aarch64": (zig, hatch_build.variants(zig=True, machine="aarch64")[""]),
            "x86_64": ([hatch_build.system_compiler()], hatch_build.variants(zig=False, machine="x86_64")[".v3"]),
        }
        for machine, (compiler, flags) in builds.items():
            (folder / machine).mkdir(parents=True)
            for source in SOURCES[:2]:
                target = folder / machine / f"{source.stem}.so"
                subprocess.run(
                    hatch_build.compile_command(compiler, [*hatch_build.HARDENING, *flags], source, target), check=True
                )

    return made_once(tmp_path_factory, "released", make)


@pytest.fixture(scope="session")
def portable(tmp_path_factory):
    """The program that replays, for this machine; its libraries lie beside their sources."""

    def make(folder):
        folder.mkdir()
        subprocess.run(replay_with("cc", folder), check=True)

    return made_once(tmp_path_factory, "portable", make)


def replay_with(compiler: str, folder: Path) -> list[str]:
    return [compiler, "-O1", "-o", str(folder / "replay"), str(REPLAY), "-ldl"]


def parameters(rng: np.random.Generator) -> Parameters:
    """Of no trained network: strong, and different in every cell."""
    grid, fine = rng.normal(0, 1, (RAW_CELL_SIZE, 12, 16)), rng.normal(0, 0.4, (FINE_SIZE, 24, 32))
    overall = rng.normal(0, 0.5, GLOBAL_SIZE).astype(np.float32)
    return Parameters.from_raw(overall, grid.astype(np.float32), fine.astype(np.float32), 0.8)


def pixels(rng: np.random.Generator, height: int, width: int, top: int = 255) -> np.ndarray:
    """Waves with noise, and both extremes."""
    y, x = np.mgrid[:height, :width]
    waves = top * (0.35 + 0.3 * np.sin(x / 17) + 0.3 * np.cos(y / 23)) + rng.normal(0, 9, (height, width))
    waves[: height // 9], waves[:, -width // 9 :] = 0, top
    return np.clip(waves, 0, 255).astype(np.uint8)


def bgr(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    return np.stack([pixels(rng, height, width) for _ in range(3)], 2)


def yuv(rng: np.random.Generator, height: int, width: int) -> YuvImage:
    half = (height + 1) // 2, (width + 1) // 2
    return YuvImage(pixels(rng, height, width), pixels(rng, *half), pixels(rng, *half), full_range=False)


def arrays(image: np.ndarray | YuvImage) -> list[np.ndarray]:
    return [image.y, image.u, image.v] if isinstance(image, YuvImage) else [image]


def record(make, height: int, width: int, frames: int, path: Path) -> Iterator[slice]:
    """Record the enhancement of frames, denoised where there are several; yields the parts of the result to compare."""
    rng, space = np.random.default_rng(height), Workspace(height, width)
    recording, chosen, thumb = Recording(), parameters(rng), np.zeros(THUMB, np.float32)
    space._use(chosen)
    tinted, edges = space._tinted, np.empty(2 * THUMB[2], np.int32)
    recording.keep(*space._buffers, tinted.grid_params, tinted.fine_params, tinted.tone_curve, thumb, edges)
    results, denoiser = [thumb, space._buffers[0]], None
    for frame in range(frames):
        image, out = make(rng, height, width), make(rng, height, width)
        recording.keep(*arrays(image), *arrays(out))
        results += arrays(out)
        picture, target = ((yuv_picture if make is yuv else bgr_picture)(each) for each in (image, out))
        state = None
        if frames > 1:
            denoiser = denoiser or TemporalDenoiser(picture, 0.2)
            state = type(denoiser.state()).from_buffer_copy(denoiser.state())
            state.reset = not frame
        recording.call("davy_measure", picture, state, space._blocks[0], 0, -(-space.h // 2))
        recording.call("davy_render", picture, state, target, space._renderings[0], 0, height)
    if denoiser:
        recording.keep(*denoiser.levels, denoiser._noise_floor, denoiser._motion_mask, denoiser._moving_rows)
        results += denoiser.levels
    size = space._pitch, space.h, space.w, thumb, *THUMB[1:]
    recording.call("davy_thumbnail", space._buffers[0], *size, space._sums, edges)
    record_conversions(recording, bgr(rng, height, width), results)
    places = recording.write(path)
    return (slice(places[each.ctypes.data], places[each.ctypes.data] + each.nbytes) for each in results)


def record_rows(make, frames: int, times: int, name: str, path: Path) -> None:
    """Record one kernel on the first rows of a 1080p picture, some times over."""
    height, width = 1080, 1920
    rng, space = np.random.default_rng(height), Workspace(height, width)
    recording, chosen = Recording(), parameters(rng)
    space._use(chosen)
    tinted, image, out = space._tinted, make(rng, height, width), make(rng, height, width)
    recording.keep(*space._buffers, tinted.grid_params, tinted.fine_params, tinted.tone_curve, *arrays(image), *arrays(out))
    picture, target = ((yuv_picture if make is yuv else bgr_picture)(each) for each in (image, out))
    denoiser = TemporalDenoiser(picture, 0.2)
    recording.keep(*denoiser.levels, denoiser._noise_floor, denoiser._motion_mask, denoiser._moving_rows)
    state = denoiser.state() if frames > 1 else None
    if state:
        state.reset = False
    for _ in range(times):
        if name == "measure":
            recording.call("davy_measure", picture, state, space._blocks[0], 0, ROWS // 2 // space.block)
        else:
            recording.call("davy_render", picture, state, target, space._renderings[0], 0, ROWS)
    recording.write(path)


def record_conversions(recording: Recording, image: np.ndarray, results: list[np.ndarray]) -> None:
    """A picture as planes, and the planes as a picture."""
    height, width = image.shape[:2]
    half = (height + 1) // 2, (width + 1) // 2
    y, u, v, back = (
        np.empty((height, width), np.uint8),
        np.empty(half, np.uint8),
        np.empty(half, np.uint8),
        np.empty_like(image),
    )
    recording.call("davy_planes_from_bgr", image, 3 * width, height, width, y, width, u, v, half[1])
    recording.call("davy_planes_to_bgr", y, width, u, v, half[1], height, width, back, 3 * width)
    results += [y, u, v, back]


@pytest.mark.parametrize(
    ("make", "height", "width", "frames"),
    [(bgr, 100, 91, 1), (yuv, 500, 611, 1), (bgr, 723, 722, 1), (bgr, 490, 530, 2), (yuv, 970, 965, 2)],
    ids=["1 px blocks", "2 px blocks", "odd blocks", "denoised BGR", "denoised planes"],
)
def test_the_neon_build_gives_the_portable_builds_bits(neon, portable, tmp_path, make, height, width, frames):
    parts = list(record(make, height, width, frames, tmp_path / "recording"))
    beside = [source.with_suffix(".so") for source in SOURCES]
    emulated = [QEMU, "-L", SYSROOT, neon / "replay"], [neon / path.name for path in beside]
    results = []
    for words, libraries in (([portable / "replay"], beside), emulated):
        command = [*words, tmp_path / "recording", tmp_path / "result", *libraries]
        subprocess.run(list(map(str, command)), check=True, timeout=120)
        results.append((tmp_path / "result").read_bytes())
    for part in parts:
        assert results[0][part] == results[1][part]
        assert any(results[0][part])


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("make", "frames"), [(bgr, 1), (yuv, 1), (yuv, 2)], ids=["BGR", "planes", "denoised planes"])
def test_neon_takes_at_most_1_3_times_avx2s_vector_instructions_by_width(neon, portable, released, tmp_path, make, frames):
    if not shutil.which("qemu-x86_64"):
        pytest.skip("qemu-x86_64 is not installed")
    machines = {
        "x86_64": ["qemu-x86_64", "-cpu", "max", portable / "replay"],
        "aarch64": [QEMU, "-L", SYSROOT, neon / "replay"],
    }
    totals = dict.fromkeys(machines, 0.0)
    for name in ("measure", "render"):
        for machine, words in machines.items():
            counts = []
            for times in (1, 2):  # the difference is the kernel without the program around it
                record_rows(make, frames, times, name, tmp_path / "recording")
                libraries = [released / machine / f"{stem}.so" for stem in ("measure", "render")]
                counts.append(executed([*words, tmp_path / "recording", tmp_path / "result", *libraries]))
            each = [count / (ROWS * 1920) for count in map(vector_instructions, counts)]
            everything = (counts[1].total() - counts[0].total()) / (ROWS * 1920)
            print(f"{name} {machine}: {each[1] - each[0]:.2f} vector instructions per pixel, {everything:.2f} in all")
            totals[machine] += each[1] - each[0]
    assert 1 < totals["x86_64"] < totals["aarch64"]
    assert totals["aarch64"] <= 1.3 * 2 * totals["x86_64"]
