"""The live plane over MQTT: each frame as a plain JPEG on its camera's topic, and its metadata beside it."""

from davy.adapters.mqtt.frame_messages import messages_of
from davy.domain.errors import BrokerUnavailableError
from davy.domain.ports import Bus
from davy.telemetry import DropReason, DropStage
from davy_edge.frames.accounting import FrameAccounting
from davy_edge.frames.captured_frame import Outgoing
from davy_edge.metrics import Timings
from davy_edge.transport.live import Sink


class MqttPlane(Sink):
    """Sends the newest frame of each camera in turn, one at a time, while the broker is there."""

    def __init__(self, ledger: FrameAccounting, timings: Timings) -> None:
        super().__init__(DropStage.MQTT, ledger, timings)

    async def run(self, bus: Bus) -> None:
        """Send until cancelled."""
        while True:
            _, outgoing = await self.slots.take()
            await self._send(bus, outgoing)

    async def _send(self, bus: Bus, outgoing: Outgoing) -> None:
        if outgoing.too_old:
            self.drop(outgoing, DropReason.TOO_OLD)
            return
        picture, meta = messages_of(outgoing.frame)
        reason: DropReason | None = DropReason.STOPPED  # if this task is cancelled while it sends
        try:
            await bus.publish(picture)
            reason = None
            await bus.publish(meta)
        except BrokerUnavailableError:
            reason = DropReason.OFFLINE if reason else None  # the picture may have arrived without its metadata
        finally:
            if reason is None:
                self.delivered(outgoing)
            else:
                self.drop(outgoing, reason)
