"""`import davy` as a user's program does it."""

import subprocess
import sys
import textwrap
from importlib.metadata import version
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from PIL import Image

import davy
from davy.imaging.runtime import StillEnhancer, VideoEnhancer

HEAVY = ("torch", "onnxruntime", "numpy", "cv2", "av", "PIL", "pydantic", "grpc", "aiomqtt")


@pytest.fixture(scope="module")
def enhancer():
    return davy.Enhancer()


def noise(height: int = 48, width: int = 64, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 40, (height, width, 3), np.uint8)


def test_the_import_is_light():
    program = f"import sys, davy; print([name for name in {HEAVY} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


@pytest.mark.system
def test_an_enhancer_imports_no_torch_no_opencv_and_no_video_codecs():
    program = "import sys, davy; davy.Enhancer(); print([name for name in ('torch', 'cv2', 'av') if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_the_version_is_the_distributions():
    assert davy.__version__ == version("davy")


def test_every_public_name_exists_and_other_names_do_not():
    assert set(davy.__all__) <= set(dir(davy))
    assert all(getattr(davy, name) is not None for name in davy.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Enhancr'"):
        _ = davy.Enhancr


def test_an_array_is_enhanced_as_the_runtime_does_it(enhancer):
    assert np.array_equal(enhancer.enhance(noise()), StillEnhancer().enhance(noise()))


def test_an_array_smaller_than_the_networks_input_keeps_its_size(enhancer):
    assert enhancer.enhance(noise(3, 5)).shape == (3, 5, 3)


def test_the_enhancers_strength_is_the_default_of_its_calls():
    weak = davy.Enhancer(strength=0.5)
    assert np.array_equal(weak.enhance(noise()), davy.Enhancer().enhance(noise(), 0.5))
    assert np.array_equal(weak.enhance(noise(), 0.0), noise())


def test_dials_change_arrays_and_frames_alike(enhancer):
    monochrome, coloured = davy.Dials(colour=0.0), noise() * np.array([1, 2, 4], np.uint8)
    plain = enhancer.enhance(coloured)
    assert np.array_equal(enhancer.enhance(coloured, dials=davy.Dials()), plain)
    for dialled in (
        enhancer.enhance(coloured, dials=monochrome),
        next(iter(enhancer.enhance_video([coloured], dials=monochrome))),
    ):
        assert np.ptp(dialled.astype(int), axis=2).max() <= 3 < np.ptp(plain.astype(int), axis=2).max()


def test_dials_work_without_the_network(enhancer):
    brighter = enhancer.enhance(noise(), 0.0, davy.Dials(brightness=0.5))
    assert brighter.mean() > noise().mean() + 5


def test_dials_reach_files(enhancer, tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), noise())
    enhancer.enhance_file(tmp_path / "a.png", tmp_path / "b.png", dials=davy.Dials(colour=0.0))
    assert np.ptp(cv2.imread(str(tmp_path / "b.png")).astype(int), axis=2).max() <= 3


def test_a_strength_out_of_range_and_a_wrong_shape_are_invalid_input(enhancer):
    with pytest.raises(davy.InvalidInputError, match="strength 2"):
        enhancer.enhance(noise(), 2.0)
    with pytest.raises(davy.InvalidInputError, match="strength -1"):
        enhancer.enhance_video([noise()], -1.0)
    with pytest.raises(davy.InvalidInputError, match="shape"):
        enhancer.enhance(noise()[..., 0])


def test_frames_are_enhanced_one_by_one_as_the_runtime_does_it(enhancer):
    frames = [noise(seed=seed) for seed in range(3)]
    taken = []

    def camera():
        for frame in frames:
            taken.append(frame)
            yield frame

    video = VideoEnhancer(StillEnhancer())
    for count, bright in enumerate(enhancer.enhance_video(camera()), 1):
        assert len(taken) == count
        assert np.array_equal(bright, video.enhance(frames[count - 1]))


def test_an_image_file_is_enhanced(enhancer, tmp_path):
    source, target = tmp_path / "dark.png", tmp_path / "new" / "bright.png"
    Image.fromarray(noise()[..., ::-1].copy()).save(source)
    report = enhancer.enhance_file(source, str(target))
    assert (report.target, report.frames, report.warnings) == (target, 1, ())
    assert np.array_equal(np.asarray(Image.open(target))[..., ::-1], enhancer.enhance(noise()))


def test_a_video_file_is_enhanced_with_its_progress(enhancer, tmp_path):
    source, target = tmp_path / "dark.mkv", tmp_path / "bright.mp4"
    with av.open(str(source), "w") as writer:
        stream = writer.add_stream("libx264", rate=5)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for seed in range(4):
            writer.mux(stream.encode(av.VideoFrame.from_ndarray(noise(seed=seed), format="bgr24")))
        writer.mux(stream.encode(None))
    parts: list[float] = []
    report = enhancer.enhance_file(source, target, side_by_side=True, progress=parts.append)
    with av.open(str(target)) as reader:
        frames = list(reader.decode(video=0))
    assert (report.frames, len(frames), frames[0].width) == (4, 4, 128)
    assert parts[-1] == 1.0


@pytest.mark.parametrize(
    ("target", "why"),
    [("dark.png", "source and target"), ("old.png", "exists"), ("bright.doc", "end the name with one of")],
)
def test_a_target_that_cannot_be_written_is_refused_and_nothing_changes(enhancer, tmp_path, target, why):
    source = tmp_path / "dark.png"
    Image.fromarray(noise()).save(source)
    (tmp_path / "old.png").write_bytes(b"old")
    with pytest.raises(davy.InvalidInputError, match=why):
        enhancer.enhance_file(source, tmp_path / target)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dark.png", "old.png"]
    assert (tmp_path / "old.png").read_bytes() == b"old"


def test_a_missing_package_names_its_extra(enhancer, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    monkeypatch.delitem(sys.modules, "davy.adapters.media.video", raising=False)
    monkeypatch.delattr("davy.adapters.media.video", raising=False)
    (tmp_path / "dark.mp4").write_bytes(b"")
    with pytest.raises(davy.MissingExtraError, match=r"pip install '\.\[video\]' in Davy's source folder"):
        enhancer.enhance_file(tmp_path / "dark.mp4", tmp_path / "bright.mp4")


@pytest.mark.system
def test_mypy_strict_finds_types_in_a_users_project(tmp_path):
    good = """\
        from collections.abc import Iterator
        import numpy as np
        from numpy.typing import NDArray
        import davy

        def enhance(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
            return davy.Enhancer(strength=0.5).enhance(image)

        def play(frames: Iterator[davy.BgrImage]) -> Iterator[davy.BgrImage]:
            return davy.Enhancer().enhance_video(frames)

        version: str = davy.__version__
        frames: int = davy.Enhancer().enhance_file("a.jpg", "b.jpg").frames
        """
    (tmp_path / "good.py").write_text(textwrap.dedent(good))
    (tmp_path / "bad.py").write_text("import davy\nx: int = davy.Enhancer().model\ndavy.Enhancr()\n")
    options = ["--strict", "--config-file=", f"--cache-dir={tmp_path / 'cache'}"]
    command = [sys.executable, "-m", "mypy", *options, "good.py", "bad.py"]
    environment = {"MYPYPATH": str(Path(davy.__file__).parents[1])}
    found = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    # Lines about davy's own imports come from MYPYPATH: mypy reports nothing from site-packages.
    lines = [line for line in found.stdout.splitlines() if line.startswith(("good.py", "bad.py")) and ": error:" in line]
    assert [line.split(":")[:2] for line in lines] == [["bad.py", "2"], ["bad.py", "3"]], found.stdout + found.stderr
    assert "Incompatible types" in lines[0]
    assert 'no attribute "Enhancr"' in lines[1]
