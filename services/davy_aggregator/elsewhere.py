"""What other replicas say of the cameras whose edges send to them."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from davy.adapters.fan_out.messages import CameraReport
from davy.domain.camera import CameraAddress

SILENT_S = 3.0  # after three missing reports, what a replica said of the present holds no more


@dataclass(frozen=True, slots=True)
class _Heard:
    report: CameraReport
    age_s: float  # of the newest frame when the report came
    heard_s: float

    @property
    def fresh(self) -> bool:
        return time.monotonic() - self.heard_s < SILENT_S


class Elsewhere:
    """The newest report about each camera; empty where there is one replica. Use it on the event loop."""

    def __init__(self) -> None:
        self._cameras: dict[CameraAddress, _Heard] = {}
        self._clocks_ns: dict[str, int] = {}

    def hear(self, reports: Iterable[tuple[CameraReport, float]], clocks_ns: Mapping[str, int]) -> None:
        """Take the reports of one replica, each with the age of its newest frame in s, and its edges' clocks.

        Of two replicas the one with the later stream of the edge is right; a silent one gives way.
        """
        now_s = time.monotonic()
        for report, age_s in reports:
            before = self._cameras.get(report.camera)
            if before is None or report.session >= before.report.session or not before.fresh:
                self._cameras[report.camera] = _Heard(report, age_s, now_s)
        self._clocks_ns.update(clocks_ns)

    def forget(self, cameras: Iterable[CameraAddress]) -> None:
        """Drop what is known of removed cameras."""
        for camera in cameras:
            self._cameras.pop(camera, None)

    def newest(self, camera: CameraAddress) -> tuple[CameraReport, float, float] | None:
        """Return the report about a camera that has frames, the age of the newest one, and the moment of that age."""
        heard = self._cameras.get(camera)
        return (heard.report, heard.age_s, heard.heard_s) if heard and heard.report.frame else None

    def fps(self, camera: CameraAddress) -> float:
        """Return the frames per second that arrive elsewhere."""
        heard = self._cameras.get(camera)
        return heard.report.fps if heard and heard.fresh else 0.0

    def received(self, camera: CameraAddress) -> int:
        """Return the frames that arrived elsewhere."""
        heard = self._cameras.get(camera)
        return heard.report.received if heard else 0

    def offers_video(self, camera: CameraAddress) -> bool:
        """Return whether the camera's edge is connected elsewhere and offers its video."""
        heard = self._cameras.get(camera)
        return heard is not None and heard.fresh and heard.report.video

    def clock_offset_ns(self, edge: str) -> int:
        """Return the lag of an edge's clock in ns, as the replica that it sends to measured it."""
        return self._clocks_ns.get(edge, 0)
