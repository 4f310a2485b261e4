"""Detectors in packages: description, golden vectors, loading. Importing this needs no detector library.

No module that an edge imports may import it: an edge has no OpenCV.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from davy.domain.errors import ConfigError, DavyError, ModelError, ModelRefusedError
from davy.domain.extras import install_command
from davy.domain.frame import BgrImage
from davy.models.golden import COUNT, from_npy, golden_names, make_inputs, to_npy
from davy.models.manifest import Golden, Manifest, ModelKind
from davy.models.package import CARD, ONNX, SPEC, TENSORS, Provenance, check_interface, load_checked, manifest_of
from davy.models.refusal import Cause

if TYPE_CHECKING:
    from davy.imaging.detect import OnnxDetector

CELLS = 16  # per side of an answer
MEAN, MOST = 2.0, 96  # of 255: a candidate at a cell's border may fall into its neighbour


def describe_detector(
    onnx: bytes, spec: bytes, card: str, provenance: Provenance | None = None, tensors: bytes = b""
) -> tuple[Manifest, Mapping[str, bytes]]:
    """Make the manifest of a detector; it runs the golden vectors here and stores their results.

    Args:
        onnx: The network.
        spec: Its description, YAML; see davy.imaging.detect.DetectorSpec.
        card: The model card, Markdown.
        provenance: Origin of the model.
        tensors: The weights as safetensors, to train from; empty if there are none.

    Returns:
        The manifest, and the files that it lists, by name.

    Raises:
        ModelRefusedError: a part is too large or malformed, or the detector does not run here.
        ConfigError: the extra `detect` is not installed.
    """
    expected, vectors = _make_golden(onnx, spec)
    contents = {ONNX: onnx, SPEC: spec, CARD: card.encode(), **vectors} | ({TENSORS: tensors} if tensors else {})
    origin = provenance or Provenance(name="people")
    return manifest_of(contents, ModelKind.DETECTOR, expected, origin), contents


def check_runs(manifest: Manifest, files: Mapping[str, bytes]) -> None:
    """Load the model of verified files, of either kind, and run the golden vectors on it.

    Raises:
        ModelRefusedError: this machine cannot run it, or its output differs from the golden vectors.
        ConfigError: the extra `detect` is not installed.
    """
    if manifest.kind is ModelKind.DETECTOR:
        load_detector(manifest, files)
    else:
        load_checked(manifest, files)


def load_detector(
    manifest: Manifest,
    files: Mapping[str, bytes],
    providers: tuple[str, ...] = ("cpu",),
    threads: int = 1,
    score: float | None = None,
    batch: int = 1,
) -> "OnnxDetector":
    """Build the detector of verified files and run the golden vectors on it.

    Args:
        manifest: Of the package.
        files: Contents by name.
        providers: Execution providers; see OnnxDetector.
        threads: Of the CPU provider.
        score: Least score in place of that of the description.
        batch: Pictures in one run; see OnnxDetector.

    Raises:
        ModelRefusedError: it is no detector, this machine cannot run it, or its answers differ.
        ConfigError: the extra `detect` or a provider is not installed.
    """
    check_interface(manifest, ModelKind.DETECTOR)
    detector = build_detector(files[ONNX], files[SPEC], providers, threads, score, batch)
    _check_golden(manifest.golden, files, detector)
    return detector


def build_detector(
    onnx: bytes,
    spec: bytes,
    providers: tuple[str, ...] = ("cpu",),
    threads: int = 1,
    score: float | None = None,
    batch: int = 1,
) -> "OnnxDetector":
    """Build a detector of a network and its description; see load_detector.

    Raises:
        ModelRefusedError: the description is malformed, or ONNX Runtime does not accept the graph.
        ConfigError: the extra `detect` or an execution provider is not installed.
    """
    try:
        from davy.imaging.detect import OnnxDetector, parse_spec  # takes a second, and an edge has none of its libraries
    except ModuleNotFoundError as error:
        raise ConfigError(f"detectors need {error.name}: {install_command('detect')}") from error
    try:
        described = parse_spec(spec, SPEC)
    except ConfigError as error:
        raise ModelRefusedError(Cause.SCHEMA, str(error)) from error
    if score is not None:
        described = described.model_copy(update={"score": score})
    try:
        return OnnxDetector(onnx, described, providers, threads, batch)
    except ModelError as error:
        raise ModelRefusedError(Cause.INTERFACE, error.reason) from error


def _make_golden(onnx: bytes, spec: bytes) -> tuple[Golden, dict[str, bytes]]:
    """Run a detector here and record its answers.

    Raises:
        ModelRefusedError: it does not run here.
    """
    detector = build_detector(onnx, spec)
    files = {}
    for (given, expected), picture in zip(golden_names(COUNT), make_inputs(), strict=True):
        files[given], files[expected] = to_npy(picture), to_npy(_answer(detector, picture, given))
    return Golden(count=COUNT, mean=MEAN, most=MOST), files


def _check_golden(golden: Golden, files: Mapping[str, bytes], detector: "OnnxDetector") -> float:
    """Run the golden vectors and return the largest mean difference in units of 1/255.

    Raises:
        ModelRefusedError: a file is no picture, or an answer differs by more than the manifest allows.
    """
    worst = 0.0
    for given, expected in golden_names(golden.count):
        answer, wanted = _answer(detector, from_npy(given, files[given]), given), from_npy(expected, files[expected])
        if wanted.shape != answer.shape:
            raise ModelRefusedError(Cause.SCHEMA, f"{expected}: shape {wanted.shape}, expected {answer.shape}")
        difference = np.abs(answer.astype(np.int16) - wanted.astype(np.int16))
        mean, most = float(difference.mean()), int(difference.max())
        if mean > golden.mean or most > golden.most:
            reason = f"{expected}: differs by {mean:.2f} in the mean and {most} at most, of 255"
            raise ModelRefusedError(Cause.GOLDEN, f"{reason}; {golden.mean:g} and {golden.most} are allowed")
        worst = max(worst, mean)
    return worst


def _answer(detector: "OnnxDetector", picture: BgrImage, name: str) -> BgrImage:
    """What a detector says about a picture, before any threshold, as a picture that can be compared.

    Shape (CELLS, CELLS, 3). Each cell has the maximum over the candidates centred there of score, score times width and score
    times height, as shares of the picture: small changes of the network's output change it little.
    """
    try:
        found = detector.candidates(picture, 0.0)
    except (DavyError, ValueError) as error:
        raise ModelRefusedError(Cause.GOLDEN, f"{name}: {error}") from error
    boxes = found.boxes / np.tile(np.array(picture.shape[1::-1], np.float32), 2)
    cells = np.clip((boxes[:, :2] + boxes[:, 2:]) / 2 * CELLS, 0, CELLS - 1).astype(np.intp)
    sides = boxes[:, 2:] - boxes[:, :2]
    values = found.scores[:, None] * np.column_stack([np.ones(len(sides), np.float32), sides])
    answer = np.zeros((CELLS, CELLS, 3), np.float32)
    np.maximum.at(answer, (cells[:, 1], cells[:, 0]), np.nan_to_num(values))
    return np.asarray(np.rint(255 * answer.clip(0, 1)), np.uint8)
