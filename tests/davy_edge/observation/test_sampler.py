import time
from dataclasses import replace

from tests.fixtures.scenes import scene

from davy.adapters.media import jpeg
from davy.domain.camera import CameraAddress
from davy.domain.frame import Frame
from davy.v1 import sample_pb2
from davy_edge.observation.light import measure, reduced_luma
from davy_edge.observation.observer import FrameObserver
from davy_edge.observation.sampler import Sampler

FACE = CameraAddress("mine", "north", "face")


class Sampling:
    """A sampler, what it gave and what it left out; a second passes with each look."""

    def __init__(self, bytes_per_hour: int = 1_000_000, every_s: float = 10) -> None:
        self.given: list[sample_pb2.Sample] = []
        self.left_out: list[str] = []
        self.sampler = Sampler(FACE, bytes_per_hour, every_s, self.given.append, self.left_out.append)
        self.now_s = 0.0

    def probe(self, number: int, dark: float = 0.2, times: int = 1) -> None:
        """dark: what the model leaves so."""
        frame = Frame(scene(number), captured_ns=1000 + number)
        light = measure(reduced_luma(frame.pixels))
        shown = replace(light, dark=dark, clipped=0.0, evenness=0.6)
        for _ in range(times):
            self.sampler.observe(frame, light, shown, "ispcnn-1", self.now_s)
            self.now_s += 1


def test_the_worst_picture_of_a_while_is_taken_raw_and_with_its_origin():
    sampling = Sampling()
    sampling.probe(1, dark=0.1, times=4)
    sampling.probe(2, dark=0.2, times=1)
    sampling.probe(1, dark=0.1, times=8)
    (sample,) = sampling.given
    assert (sample.site, sample.edge, sample.camera, sample.captured_ns) == ("mine", "north", "face", 1002)
    assert (sample.model, sample.reason) == ("ispcnn-1", "dark")
    assert (sample.figures["raw-dark"] > 0.5, sample.figures["shown-dark"]) == (True, 0.2)
    assert abs(jpeg.decode(sample.jpeg).mean() - scene(2).mean()) < 1


def test_a_camera_that_always_shows_the_same_gives_one_picture():
    sampling = Sampling()
    sampling.probe(1, times=100)
    assert len(sampling.given) == 1


def test_the_byte_rate_limit_holds_and_omitted_samples_are_counted():
    size = len(jpeg.encode(scene(1), 95))
    sampling = Sampling(bytes_per_hour=int(2.5 * size), every_s=5)
    for number in range(10):
        sampling.probe(number, times=6)
    assert 1 <= len(sampling.given) <= 3
    assert sum(len(sample.jpeg) for sample in sampling.given) <= 2.5 * size
    assert set(sampling.left_out) == {"budget"}


def test_an_observer_measures_raw_and_enhanced_frames_periodically():
    observed = []
    observer = FrameObserver(lambda *probe: observed.append(probe), every_s=0.05)
    frame, shown = Frame(scene(1, 0.5), 1), scene(1, 1.0)
    for _ in range(10):
        observer.observe(frame, shown, "ispcnn-1")
    assert len(observed) == 1
    _, raw, after, model, _ = observed[0]
    assert (raw.mean < after.mean, model) == (True, "ispcnn-1")
    time.sleep(0.06)
    observer.observe(frame, shown, "ispcnn-1")
    assert len(observed) == 2
