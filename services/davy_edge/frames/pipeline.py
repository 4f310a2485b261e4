"""One camera's way from its source to the sinks: a capture thread, a one-slot mailbox, an enhancing thread."""

import asyncio
import contextvars  # log lines of a thread name the same edge
import os
import secrets
import sys
import threading
import time
from collections.abc import Callable

import numpy as np

from davy.adapters.media import jpeg, planes
from davy.domain.errors import DavyError, FrameTooLargeError, ModelError
from davy.domain.frame import BgrImage, CameraId, EncodedFrame, Frame, Pixels, YuvImage
from davy.domain.ports import OpenSource, SourceOptions
from davy.imaging.runtime import VideoEnhancer
from davy.site import CameraConfig
from davy.telemetry import DropReason, DropStage, get_logger
from davy_edge.frames.accounting import FrameAccounting
from davy_edge.frames.capture import CameraState, Capture
from davy_edge.frames.captured_frame import CapturedFrame, Outgoing
from davy_edge.frames.deadline import DeadlineEstimator
from davy_edge.frames.fair_semaphore import Budget
from davy_edge.frames.latest import LatestSlot
from davy_edge.metrics import Timings
from davy_edge.models.active_model import ActiveModel
from davy_edge.observation.observer import FrameObserver

log = get_logger(__name__)

# Enhancing lets those through that read cameras and send what is done: else finished frames grow old in the sinks. With seven
# times the load that the machine could bear: 2.2 instead of 1.8 frames a second, p50 age 235 instead of 360 ms (measured).
GIVE_WAY = 4  # of niceness


class Pipeline:
    """Captures, enhances and encodes one camera's frames in two threads of its own; hands them to `deliver` on the loop.

    Args:
        enhancer: None forwards raw frames (a thin camera); else stage says which model it uses for the next frame.
        budget: Held while a frame is worked on; shared by all cameras of the edge.
        deliver: Called on the event loop with each encoded frame.
        on_state: Called on the event loop when the camera's state changes.
        onlooker: Sees frames, raw and enhanced, once they are on their way.
    """

    def __init__(
        self,
        camera: CameraId,
        config: CameraConfig,
        boot_id: str,
        opener: OpenSource,
        enhancer: VideoEnhancer | None,
        stage: ActiveModel | None,
        budget: Budget,
        ledger: FrameAccounting,
        timings: Timings,
        deliver: Callable[[Outgoing], None],
        on_state: Callable[[str, CameraState, str], None],
        onlooker: FrameObserver | None = None,
    ) -> None:
        self._id, self._config, self._boot_id = camera, config, boot_id
        self._wanted = config
        self._enhancer, self._stage, self._budget, self._onlooker = enhancer, stage, budget, onlooker
        self._ledger, self._timings, self._deliver = ledger, timings, deliver
        self._mailbox: LatestSlot[CapturedFrame] = LatestSlot()
        self._outlook = DeadlineEstimator()
        self._loop = asyncio.get_running_loop()
        self._buffer: BgrImage | None = None
        self._planes: YuvImage | None = None
        options = SourceOptions(config.fps, config.size, config.timeout_s, loop=True)

        def tell(state: CameraState, reason: str) -> None:
            self._on_loop(on_state, camera.camera, state, reason)

        self.capture = Capture(camera.camera, config.source, options, opener, self._accept, tell)
        self._worker = threading.Thread(
            target=contextvars.copy_context().run, args=(self._work,), name=f"enhance.{camera.camera}", daemon=True
        )

    def start(self) -> None:
        self._worker.start()
        self.capture.start()

    def stop(self) -> None:
        """End both threads; blocks for some seconds at most. Frames under way are counted as dropped."""
        self.capture.stop()
        if self._mailbox.close() is not None:
            self._drop(DropStage.ENHANCE, DropReason.STOPPED)
        self._worker.join(5.0)

    def tune(self, config: CameraConfig) -> bool:
        """Take over what needs no other source, from the next frame on; False where the camera must be opened anew."""
        if config.fps != self._wanted.fps and not self.capture.set_fps(config.fps):
            return False
        self._wanted = config
        return True

    def _on_loop(self, function: Callable[..., None], *args: object) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(function, *args)

    def _drop(self, stage: DropStage, reason: DropReason) -> None:
        self._ledger.drop(self._id.camera, stage, reason)

    def _accept(self, frame: Frame) -> None:
        shot = CapturedFrame.take(frame, self._ledger.capture(self._id.camera))
        displaced = self._mailbox.put(shot)
        if displaced is shot:
            self._drop(DropStage.CAPTURE, DropReason.STOPPED)
        elif displaced is not None:
            self._drop(DropStage.ENHANCE, DropReason.SUPERSEDED)

    def _work(self) -> None:
        if sys.platform == "linux":  # where a thread has a niceness of its own
            os.nice(GIVE_WAY)
        while self._mailbox.wait():
            with self._budget:  # first the budget, then the newest frame: none grows old between the two
                shot = self._mailbox.take()
                if shot is not None:
                    self._process_on_stage(shot)

    def _process_on_stage(self, shot: CapturedFrame) -> None:
        """Enhance it as configured now, with the model that is on stage now: a change is between two frames."""
        self._config = self._wanted
        stage, enhancer = self._stage, self._enhancer
        if stage is None or enhancer is None:
            self._process(shot)
            return
        stage.observe(shot.frame.pixels)
        still = stage.enhancer
        swapped = still is not enhancer.still
        if swapped:
            enhancer.swap(still)
        emitted = self._process(shot)
        if swapped:
            stage.count_first_frame(self._id.camera, emitted)

    def _process(self, shot: CapturedFrame) -> bool:
        """Whether the frame goes out."""
        max_age_s = self._config.max_age_ms / 1000
        if self._outlook.is_hopeless(shot.age_s, max_age_s):
            self._drop(DropStage.ENHANCE, DropReason.TOO_OLD)
            return False
        stage = DropStage.ENHANCE
        try:
            began_s = time.perf_counter()
            pixels = self._enhance(shot.frame.pixels)
            done_s = time.perf_counter()
            stage, enhanced_ns = DropStage.ENCODE, time.time_ns()
            frame = self._encode(shot, pixels, enhanced_ns)
            self._timings.work(self._id.camera, DropStage.ENHANCE, done_s - began_s)
            self._timings.work(self._id.camera, DropStage.ENCODE, time.perf_counter() - done_s)
            self._outlook.took(time.perf_counter() - began_s)
        except FrameTooLargeError as error:
            self._drop(stage, DropReason.TOO_LARGE)
            log.warning("frame.too_large", camera=self._id.camera, seq=shot.seq, error=str(error))
            return False
        except DavyError as error:
            if isinstance(error, ModelError) and self._stage and self._enhancer:
                self._stage.count_error(self._enhancer.still)
            self._drop(stage, DropReason.ERROR)
            log.warning("frame.refused", camera=self._id.camera, seq=shot.seq, error=str(error))
            return False
        except Exception:  # one frame, whatever is wrong with it, ends nothing else
            self._drop(stage, DropReason.ERROR)
            log.exception("frame.failed", camera=self._id.camera, seq=shot.seq)
            return False
        if shot.age_s > max_age_s:
            self._drop(DropStage.ENCODE, DropReason.TOO_OLD)
            return False
        self._ledger.enhance(self._id.camera)
        self._timings.age(self._id.camera, DropStage.ENCODE, shot.age_s)
        self._on_loop(self._deliver, Outgoing(frame, shot.age_at_s, shot.taken_s, max_age_s))
        self._look(shot.frame, pixels)
        return True

    def _look(self, frame: Frame, pixels: Pixels) -> None:
        if self._onlooker is None:
            return
        try:
            self._onlooker.saw(frame, pixels, self._enhancer.model if self._enhancer else "")
        except Exception:  # who looks on must not disturb
            log.exception("look.failed", camera=self._id.camera)

    def _enhance(self, pixels: Pixels) -> Pixels:
        if self._enhancer is None:
            return pixels
        if isinstance(pixels, YuvImage):
            if self._planes is None or self._planes.size != pixels.size:
                self._planes = planes.empty(*pixels.y.shape)  # used again: nobody keeps it beyond the encoder
            return self._enhancer.enhance_yuv(pixels, self._config.strength, out=self._planes)
        if self._buffer is None or self._buffer.shape != pixels.shape:
            self._buffer = np.empty_like(pixels, order="C")  # used again: nobody keeps it beyond the encoder
        return self._enhancer.enhance(pixels, self._config.strength, out=self._buffer)

    def _encode(self, shot: CapturedFrame, pixels: Pixels, enhanced_ns: int) -> EncodedFrame:
        config, enhanced = self._config, self._enhancer is not None
        width, height = shot.frame.size
        return EncodedFrame(
            camera=self._id,
            boot_id=self._boot_id,
            seq=shot.seq,
            captured_ns=shot.frame.captured_ns,
            width=width,
            height=height,
            jpeg=jpeg.encode(pixels, config.quality),
            model=self._enhancer.model if self._enhancer else "",
            strength=config.strength if enhanced else 0.0,
            enhanced_ns=enhanced_ns if enhanced else 0,
            raw_jpeg=jpeg.encode(shot.frame.pixels, config.quality) if enhanced and config.send_raw else b"",
            traceparent=f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01",
        )
