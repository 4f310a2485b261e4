"""The live plane over MQTT: each frame as a plain JPEG on its camera's topic, followed by its metadata."""

from davy.adapters.mqtt.frame_messages import messages_of
from davy.domain.drops import DropPoint, DropReason
from davy.domain.errors import BrokerUnavailableError, MessageRefusedError
from davy.domain.frame import EncodedFrame
from davy.domain.ports import Bus
from davy.streams.accounting import FrameAccounting
from davy.streams.metrics import FrameTimings
from davy_edge.transport.sink import Sink


class MqttPlane(Sink):
    """Sends the newest frame of each camera in turn, one at a time, while connected."""

    def __init__(self, accounting: FrameAccounting[str], timings: FrameTimings[str]) -> None:
        super().__init__(DropPoint.MQTT, accounting, timings)

    async def run(self, bus: Bus) -> None:
        """Send until cancelled."""
        while True:
            _, frame = await self.slots.take()
            await self._send(bus, frame)

    async def _send(self, bus: Bus, frame: EncodedFrame) -> None:
        if frame.age.expired:
            self.drop(frame, DropReason.TOO_OLD)
            return
        picture, meta = messages_of(frame)
        reason: DropReason | None = DropReason.STOPPED  # if this task is cancelled while it sends
        try:
            await bus.publish(picture)
            reason = None
            await bus.publish(meta)
        except MessageRefusedError:  # over the broker's packet limit, even at the lowest quality
            reason = DropReason.TOO_LARGE if reason else None
        except BrokerUnavailableError:
            reason = DropReason.OFFLINE if reason else None  # the picture may have arrived without its metadata
        finally:
            if reason is None:
                self.delivered(frame)
            else:
                self.drop(frame, reason)
