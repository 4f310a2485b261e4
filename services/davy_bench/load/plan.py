"""What a load consists of, and how it is shared among processes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from davy.domain.camera import CameraAddress

Viewing = Literal["window", "grpc"]

FEW, SOME = 4, 16  # tiles; the console asks for every picture of few, and for these rates above
RATE_OF_SOME, RATE_OF_MANY = 10.0, 5.0


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """A load.

    Args:
        site: Id of the site.
        edges: Number of edges.
        cameras: Number of cameras of each edge.
        fps: Pictures per second of a camera.
        viewers: Number of open windows.
        tiles: Cameras that each window shows.
        same: Whether all windows show the same cameras, as those of one control room do.
        tile_width: Width of a tile in pixels; 0: the camera's own.
        events: Events per second of all edges together.
        video: Push H.264 packets instead of JPEG pictures.
        viewing: "window": the console's WebSocket. "grpc": a subscription.
        seconds: Duration of the measurement.
    """

    site: str = "load"
    edges: int = 200
    cameras: int = 5
    fps: float = 1.0
    viewers: int = 10
    tiles: int = 16
    same: bool = False
    tile_width: int = 320
    events: float = 0.0
    video: bool = False
    viewing: Viewing = "window"
    seconds: float = 20.0

    @property
    def all_cameras(self) -> int:
        """Number of cameras of all edges."""
        return self.edges * self.cameras

    @property
    def frames_s(self) -> float:
        """Pictures per second of all cameras."""
        return self.all_cameras * self.fps

    @property
    def tile_fps(self) -> float:
        """Pictures per second that a window asks for per tile; 0: every picture."""
        if self.tiles <= FEW:
            return 0.0
        return RATE_OF_SOME if self.tiles <= SOME else RATE_OF_MANY

    @property
    def shown_fps(self) -> float:
        """Pictures per second that a tile is due."""
        return min(self.fps, self.tile_fps) if self.tile_fps else self.fps

    def edge_names(self) -> list[str]:
        """Return the ids of the edges."""
        return [f"edge-{number}" for number in range(self.edges)]

    def addresses(self, edge: str) -> list[CameraAddress]:
        """Return the cameras of an edge."""
        return [CameraAddress(self.site, edge, f"cam-{number}") for number in range(self.cameras)]

    def shown(self, viewer: int) -> list[CameraAddress]:
        """Return the cameras of a viewer; unless all show the same, neighbours differ as long as there are enough."""
        every = [camera for edge in self.edge_names() for camera in self.addresses(edge)]
        start = 0 if self.same else viewer * self.tiles % len(every)
        return [*every[start:], *every[:start]][: self.tiles]


@dataclass(frozen=True, slots=True)
class Target:
    """Where the load goes.

    Args:
        grpc: grpc[s]://HOST:PORT of each aggregator; edges take them in turn.
        console: http[s]://HOST:PORT of each aggregator, in the same order; viewers take them in turn.
        identities: Folder with a folder per identity (cert.pem, key.pem, ca.pem); None for no certificates.
        token: Of the viewers; empty for none.
    """

    grpc: tuple[str, ...]
    console: tuple[str, ...]
    identities: Path | None = None
    token: str = ""


@dataclass(frozen=True, slots=True)
class Share:
    """The part of a load that one process makes.

    Args:
        number: Of the process.
        edges: Ids of its edges, with their place among all.
        viewers: Numbers of its viewers.
    """

    number: int
    edges: Sequence[tuple[int, str]]
    viewers: Sequence[int]


def shares(plan: LoadPlan, processes: int) -> Iterator[Share]:
    """Divide a load among processes, as evenly as its parts allow."""
    edges = list(enumerate(plan.edge_names()))
    for number in range(processes):
        yield Share(number, edges[number::processes], range(plan.viewers)[number::processes])
