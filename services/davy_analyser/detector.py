"""The detector of this analyser as a target of rollouts.

The manager is the one of edges and aggregators. Its decisions and reports travel over the stream to the aggregator, in the
place of MQTT: analysers meet no broker.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, aclosing, contextmanager, suppress
from pathlib import Path

from davy.adapters.grpc.analysis_client import AnalysisStream
from davy.adapters.grpc.model_client import ModelClient
from davy.adapters.storage.folder_lock import hold_folder
from davy.deployment.detector_manager import DetectorManager
from davy.domain.errors import AggregatorUnavailableError, FolderInUseError
from davy.domain.ports import Message
from davy.domain.topics import MODEL, EdgeTopics
from davy.streams.latest import LatestByKey
from davy.twin.model import Target

SLOTS = 256  # analysers of one machine that share a data folder


class StreamBus:
    """The Bus of one device's model over the streams to the aggregator; a new stream begins with the newest of both sides.

    Args:
        topics: Of the analyser as a device.
    """

    def __init__(self, topics: EdgeTopics) -> None:
        self._topics, self.connected = topics, False
        self._received = b""
        self._desired, self._reports = LatestByKey[str, bytes](), LatestByKey[str, bytes]()

    def receive(self, desired: bytes) -> None:
        """Take a desired state from the aggregator; the newest wins."""
        if desired != self._received:
            self._received = desired
            self._desired.put(MODEL, desired)

    async def subscribe(self, topic_filters: Sequence[str], qos: int = 0, depth: int = 64) -> AsyncIterator[Message]:  # noqa: ARG002  # a Bus
        """Yield desired states, for ever."""
        while True:
            _, desired = await self._desired.take()
            yield Message(self._topics.desired(MODEL), desired)

    async def publish(self, message: Message) -> None:
        """Report; without a stream, the next one begins with the report."""
        self._reports.put(MODEL, message.payload)

    async def reports(self) -> AsyncGenerator[bytes, None]:
        """Yield each further report, for ever; of several that wait the newest."""
        while True:
            _, report = await self._reports.take()
            yield report


class SessionPackages:
    """Packages from the aggregator of the present session. `client` is None between two sessions."""

    def __init__(self) -> None:
        self.client: ModelClient | None = None

    @property
    def endpoint(self) -> str:
        """Name of the source, for errors."""
        return self.client.endpoint if self.client is not None else "the aggregator"

    async def chunks(self, target: Target, offset: int) -> AsyncGenerator[bytes, None]:
        """Stream a package's bytes; see davy.deployment.fetch.PackageSource."""
        if self.client is None:
            raise AggregatorUnavailableError(self.endpoint, "not connected")
        async with aclosing(self.client.chunks(target, offset)) as chunks:
            async for chunk in chunks:
                yield chunk


class FollowedDetector:
    """Follows the rollouts of detectors.

    Args:
        manager: Reconciles the detector.
        topics: As those of the manager.
    """

    def __init__(self, manager: DetectorManager, topics: EdgeTopics) -> None:
        self.manager, self._bus, self._packages = manager, StreamBus(topics), SessionPackages()

    async def run(self) -> None:
        """Reconcile until cancelled; a session brings decisions and takes reports."""
        await self.manager.run(self._bus, self._packages)

    def receive(self, desired: bytes) -> None:
        """Take a desired state from the aggregator."""
        self._bus.receive(desired)

    async def report_on(self, stream: AnalysisStream, packages: ModelClient) -> None:
        """Report on a stream, and download from its aggregator, until cancelled.

        Raises:
            AggregatorUnavailableError: the stream broke.
        """
        self._packages.client, self._bus.connected = packages, True
        try:
            await stream.report(self.manager.reported().payload)
            async with aclosing(self._bus.reports()) as reports:
                async for report in reports:
                    await stream.report(report)
        finally:
            self._packages.client, self._bus.connected = None, False


@contextmanager
def held_slot(data: Path) -> Iterator[Path]:
    """Hold the first free folder DATA/1, DATA/2, ...: a restarted analyser finds its detector, and two share a machine.

    Raises:
        FolderInUseError: all are held.
        OSError: the folder cannot be written.
    """
    with ExitStack() as stack:
        for folder in (data / str(number) for number in range(1, SLOTS + 1)):
            with suppress(FolderInUseError):
                stack.enter_context(hold_folder(folder, "analyser"))
                break
        else:
            raise FolderInUseError(str(data), f"{SLOTS} analysers")
        yield folder
