"""davy.v1.SampleService: receives samples from edges."""

import asyncio
import math
from collections.abc import AsyncGenerator, AsyncIterator, Callable

from davy.adapters.grpc.envelope import MAX_FIGURES, check_jpeg
from davy.adapters.grpc.tls import Context, peer
from davy.domain.bounds import MAX_TEXT, check_seq, check_time_ns
from davy.domain.camera import CameraAddress, check_id
from davy.domain.errors import InvalidInputError, UnknownCameraError
from davy.domain.sample import SampleRecord
from davy.identity import check_speaks_for
from davy.telemetry import get_logger
from davy.v1 import sample_pb2, sample_pb2_grpc
from davy_aggregator.samples.catalog import SampleCatalog
from davy_aggregator.samples.fingerprint import fingerprint_of
from davy_aggregator.senders import CheckSender

log = get_logger(__name__)

REFUSED = "refused"


class SamplesServicer(sample_pb2_grpc.SampleServiceServicer):
    """Receives samples.

    Args:
        check_sender: Raises for samples that no edge of this site sent.
        check_camera: Raises for samples of a camera that the site does not have.
    """

    def __init__(
        self, catalog: SampleCatalog, check_sender: CheckSender, check_camera: Callable[[CameraAddress], None]
    ) -> None:
        self._catalog, self._check_sender, self._check_camera = catalog, check_sender, check_camera

    async def PushSamples(  # noqa: N802  # gRPC names methods so
        self,
        request_iterator: AsyncIterator[sample_pb2.PushSamplesRequest],
        context: Context,
    ) -> AsyncGenerator[sample_pb2.PushSamplesResponse, None]:
        async for request in request_iterator:
            sample = request.sample
            check_id("boot", sample.boot_id)  # without a valid boot id there is no answer
            check_speaks_for(peer(context), sample.edge, sample.site, "samples")
            self._check_sender(sample.site, sample.edge, "samples")
            yield sample_pb2.PushSamplesResponse(boot_id=sample.boot_id, seq=sample.seq, outcome=await self._take(sample))

    async def _take(self, sample: sample_pb2.Sample) -> str:
        """Store a sample and return the outcome. An invalid one also has an outcome, else the edge would send it for ever."""
        try:
            check_id("camera", sample.camera)
            # Else an edge could fill the store, and push others' samples out, under names of its own making.
            self._check_camera(CameraAddress(sample.site, sample.edge, sample.camera))
            record = await asyncio.to_thread(read_sample, sample)
        except (InvalidInputError, UnknownCameraError) as error:
            log.warning("sample.refused", edge=sample.edge, camera=sample.camera, seq=sample.seq, error=str(error))
            self._catalog.metrics.received.labels(sample.edge, "", REFUSED).inc()
            return REFUSED
        return (await self._catalog.add(record)).value


def read_sample(sample: sample_pb2.Sample) -> SampleRecord:
    """Validate a received sample, and compute the fingerprint of its image.

    Raises:
        InvalidInputError: a field or the image is invalid; the text names it.
    """
    for kind, value in (("site", sample.site), ("edge", sample.edge), ("camera", sample.camera), ("reason", sample.reason)):
        check_id(kind, value)
    check_seq(sample.seq)
    check_time_ns("captured_ns", sample.captured_ns)
    if len(sample.model) > MAX_TEXT or len(sample.figures) > MAX_FIGURES:
        raise InvalidInputError(f"model is limited to {MAX_TEXT} characters, figures to {MAX_FIGURES} entries")
    fingerprint = fingerprint_of(check_jpeg(sample.jpeg))
    return SampleRecord(
        site=sample.site,
        edge=sample.edge,
        boot_id=sample.boot_id,
        seq=sample.seq,
        camera=f"{sample.edge}.{sample.camera}",
        captured_ns=sample.captured_ns,
        reason=sample.reason,
        width=fingerprint.width,
        height=fingerprint.height,
        mean=fingerprint.mean,
        dhash=fingerprint.dhash,
        model=sample.model,
        figures={name: value for name, value in sample.figures.items() if math.isfinite(value) and len(name) <= MAX_TEXT},
        jpeg=sample.jpeg,
    )
