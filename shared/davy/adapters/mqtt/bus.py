"""MQTT 5 over aiomqtt: a connection that reconnects by itself and never queues.

paho keeps all that it cannot send and drops the newest message of a full queue: the opposite of a live plane. Here a
message is handed over only while the connection is up, one at a time (QoS 0), and the kernel's send buffer is small.
"""

import asyncio
import functools
import math
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress

import aiomqtt
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from davy.adapters.mqtt.client import (
    MAX_UNACKED,
    Client,
    RefusedError,
    Router,
    client_factory,
    cut,
    from_aiomqtt,
    to_properties,
)
from davy.adapters.mqtt.client_id_clash import ClashDetector
from davy.adapters.mqtt.subscription import Subscription
from davy.adapters.tls.identity_files import Tls
from davy.domain.errors import BrokerUnavailableError, DavyError, MessageRefusedError, SessionTakenOverError
from davy.domain.ports import Bus, Message
from davy.domain.secret_url import SecretUrl
from davy.streams.guard import Guard
from davy.streams.reconnect import Backoff, keep_connected
from davy.streams.tasks import until_first_ends
from davy.telemetry import get_logger

log = get_logger(__name__)

WRITE_TIMEOUT_S = 5.0  # 150 kB in 5 s is 240 kbit/s: a link slower than that carries no live picture
STABLE_S = 5.0  # a connection that lasted this long resets the backoff; shorter ones count as failures
BACKOFF = Backoff(longest_s=1.0)  # a broker that returns is met within 2 s (F07), and with jitter
SESSION_TAKEN_OVER = 0x8E
HEAD_BYTES = 1024  # topic, properties and headers of a packet, at most
UNSPECIFIED = 0x80  # paho's own word for a connection that just broke

NOT_YET = "not connected yet"

OnConnect = Callable[[Bus], Awaitable[None]]


@asynccontextmanager
async def connect(
    endpoint: SecretUrl | str,
    client_id: str,
    will: Message | None = None,
    on_connect: OnConnect | None = None,
    tls: Tls | None = None,
) -> AsyncIterator["MqttBus"]:
    """Keep a connection to a broker for the duration of the context.

    A broker that is absent at the start is no error: the bus retries with jittered backoff from 0.5 to 4 s.

    Args:
        endpoint: mqtt://[user:password@]host[:1883] or mqtts://host[:8883].
        client_id: Unique at the broker; two clients with one id take each other's connection.
        will: The broker publishes it when this client vanishes; this client publishes it when the context ends.
        on_connect: Awaited after every connect. Publish retained state here: a restarted broker may have forgotten it.
        tls: The own identity for mqtts; None trusts the system's authorities and shows no certificate.

    Raises:
        ConfigError: endpoint is not an MQTT address.
    """
    bus = MqttBus(SecretUrl.of(endpoint), client_id, will, on_connect, tls)
    runner = asyncio.create_task(bus.run(), name=f"mqtt.{client_id}")
    runner.add_done_callback(_report_crash)
    try:
        yield bus
    finally:
        bus.closing = True
        await bus.publish_will()
        # Python 3.11 loses a cancellation that meets a wait_for (aiomqtt has some) that has just ended: cancel until it ends.
        while not runner.done():
            runner.cancel()
            await asyncio.wait({runner}, timeout=0.2)
        bus.end_subscriptions()


def _report_crash(runner: "asyncio.Task[None]") -> None:
    if not runner.cancelled() and (error := runner.exception()) is not None:
        log.critical("mqtt.crashed", task=runner.get_name(), exc_info=error)


class MqttBus:
    """The Bus of `connect`.

    `error` is the reason for being disconnected, empty while connected. `refusal` is the last message that the broker refused,
    with its reason, empty once the topic is taken again; `refused` counts them.
    """

    def __init__(
        self, endpoint: SecretUrl, client_id: str, will: Message | None, on_connect: OnConnect | None, tls: Tls | None = None
    ) -> None:
        self.endpoint, self.client_id = str(endpoint), client_id
        self.error = NOT_YET
        self.closing = False
        self.refused, self.refusal, self._refused_topic = 0, "", ""
        self._client_of = client_factory(endpoint, client_id, will, tls)
        self._will, self._on_connect = will, on_connect
        self._client: Client | None = None
        self._writing = asyncio.Lock()
        self._unacked = asyncio.Semaphore(MAX_UNACKED)
        self._deadlines: set[asyncio.Timeout] = set()
        self._subscriptions: weakref.WeakSet[Subscription] = weakref.WeakSet()  # a part that failed drops its own
        self._unsent: list[Subscription] = []
        self._requested = asyncio.Event()
        self._clash = ClashDetector(functools.partial(_answers, client_factory(endpoint, f"{client_id}-probe", None, tls)))
        self._reason_given = False
        self.unreadable = 0  # messages that MQTT's own rules forbid
        self._guard = Guard("mqtt", self._count_unreadable)

    @property
    def attempted(self) -> bool:
        """Whether the first attempt to connect has ended."""
        return self.error != NOT_YET

    @property
    def connected(self) -> bool:
        return self._client is not None

    async def publish(self, message: Message) -> None:
        """Hand the message to the socket (QoS 0) or to the broker (QoS 1). Never queues behind a dead connection.

        A retained message that the broker refuses is counted, logged and shown as `refusal`: those after it still go.

        Raises:
            BrokerUnavailableError: not connected, the connection broke meanwhile, or nothing was taken for 5 s.
            MessageRefusedError: the message is over the broker's packet limit, or its PUBACK refuses it.
        """
        try:
            await self._publish(message)
        except MessageRefusedError as error:
            self._count_refusal(error)
            if not message.retain:
                raise
        else:
            if self.refusal and message.topic == self._refused_topic:
                self.refusal = ""

    def _count_refusal(self, error: MessageRefusedError) -> None:
        self.refused += 1
        if str(error) != self.refusal:
            log.error("mqtt.message_refused", client_id=self.client_id, topic=error.topic, reason=error.reason)
        self.refusal, self._refused_topic = str(error), error.topic

    @property
    def max_payload_bytes(self) -> int:
        """The largest payload that the broker's packet limit leaves room for; 0 where there is no limit."""
        limit = self._client.max_packet_bytes if self._client is not None else 0
        return max(1, limit - HEAD_BYTES) if limit else 0

    async def _publish(self, message: Message) -> None:
        async with self._writing if message.qos == 0 else self._unacked:
            client = self._client
            if client is None:
                raise BrokerUnavailableError(self.endpoint, self.error)
            if 0 < self.max_payload_bytes < len(message.payload):
                reason = f"it takes packets of at most {client.max_packet_bytes:,} bytes, and this has {len(message.payload):,}"
                raise MessageRefusedError(self.endpoint, message.topic, reason)
            try:
                async with self._deadline():
                    await client.publish(
                        message.topic,
                        message.payload,
                        message.qos,
                        message.retain,
                        to_properties(message),
                        timeout=math.inf,
                    )
            except TimeoutError as error:
                if self._client is client and client._client.want_write():
                    cut(client)  # half a packet is in the pipe: nothing else can be sent on this connection
                raise BrokerUnavailableError(self.endpoint, self.error or f"no answer for {WRITE_TIMEOUT_S:g} s") from error
            except RefusedError as error:
                raise MessageRefusedError(self.endpoint, message.topic, str(error)) from error
            except aiomqtt.MqttError as error:
                raise BrokerUnavailableError(self.endpoint, str(error)) from error

    @contextmanager
    def _expiring(self, deadline: asyncio.Timeout) -> Iterator[None]:
        self._deadlines.add(deadline)
        try:
            yield
        finally:
            self._deadlines.discard(deadline)

    @asynccontextmanager
    async def _deadline(self) -> AsyncIterator[None]:
        """A timeout that a lost connection ends early: paho does not report a message that was lost with it."""
        async with asyncio.timeout(WRITE_TIMEOUT_S) as deadline:
            with self._expiring(deadline):
                yield

    def subscribe(self, topic_filters: Sequence[str], qos: int = 0, depth: int = 64) -> Subscription:
        """Subscribe across reconnects. A reader slower than the broker loses the oldest of `depth` messages."""
        subscription = Subscription(topic_filters, qos, depth, self._subscriptions.discard)
        self._subscriptions.add(subscription)
        self._unsent.append(subscription)
        self._requested.set()
        return subscription

    def _count_unreadable(self, _: Exception) -> None:
        self.unreadable += 1

    def end_subscriptions(self) -> None:
        for subscription in list(self._subscriptions):
            subscription.end()

    async def publish_will(self) -> None:
        if self._will is not None and self.connected:
            with suppress(BrokerUnavailableError, TimeoutError):
                async with asyncio.timeout(2):
                    await self.publish(self._will)

    async def run(self) -> None:
        """Connect and reconnect, until cancelled."""
        try:
            await keep_connected(self._session, BrokerUnavailableError, self._wait, self._on_lost)
        finally:
            self._client = None

    def _wait(self, error: Exception, failures: int) -> float:
        return self._clash.wait_s() if isinstance(error, SessionTakenOverError) else BACKOFF(error, failures)

    def _on_lost(self, error: Exception, wait_s: float, failures: int) -> None:
        report = log.error if isinstance(error, SessionTakenOverError) else log.warning
        report("mqtt.unavailable", client_id=self.client_id, error=str(error), again_in_s=round(wait_s, 1), attempt=failures)

    async def _session(self) -> None:
        """Run one connection until its loss. Return after a stable one, raise after a short one."""
        if self.closing:  # a cancellation was lost
            raise asyncio.CancelledError
        clock = asyncio.get_running_loop().time
        client = self._client_of(functools.partial(Router, self._deliver))
        try:
            await client.__aenter__()
        except BaseException as error:
            cut(client)
            if not isinstance(error, aiomqtt.MqttError):
                raise
            self.error = str(error)
            self._clash.connect_failed()
            raise BrokerUnavailableError(self.endpoint, self.error) from error
        since = clock()
        self._client, self.error, self._reason_given = client, "", False
        log.info("mqtt.connected", client_id=self.client_id, endpoint=self.endpoint)
        lost: BrokerUnavailableError = BrokerUnavailableError(self.endpoint, "the session ended")
        try:
            await until_first_ends(f"mqtt.{self.client_id}", watch=self._watch(client), attend=self._attend(client))
        except BrokerUnavailableError as error:
            self._detach()
            lost = await self._judge(error, clock() - since)
        finally:
            await self._close(client)
        self.error = lost.reason or str(lost)
        if isinstance(lost, SessionTakenOverError) or clock() - since < STABLE_S:
            raise lost
        log.warning("mqtt.lost", client_id=self.client_id, endpoint=self.endpoint, error=self.error)

    async def _judge(self, lost: BrokerUnavailableError, lasted_s: float) -> BrokerUnavailableError:
        """Tell a client-id clash from a lost connection."""
        taken_over = isinstance(lost, SessionTakenOverError)
        clash = await self._clash.ended(lasted_s, taken_over=taken_over, reason_given=self._reason_given)
        return SessionTakenOverError(self.endpoint, self.client_id) if clash else lost

    def _detach(self) -> None:
        """Let publishers fail at once."""
        self._client = None
        for deadline in list(self._deadlines):
            with suppress(RuntimeError):  # it has just ended by itself
                deadline.reschedule(0)

    async def _close(self, client: Client) -> None:
        self._detach()
        try:
            await client.__aexit__(None, None, None)
        except aiomqtt.MqttError:
            log.debug("mqtt.unclean", client_id=self.client_id)
        finally:
            cut(client)

    async def _watch(self, client: Client) -> None:
        """Wait for the end of the connection. Messages go through Router."""
        try:
            async for _ in client.messages:
                pass
        except aiomqtt.MqttError as error:
            code = getattr(error.__cause__, "rc", None)
            if isinstance(code, ReasonCode):
                if code.value == SESSION_TAKEN_OVER:
                    raise SessionTakenOverError(self.endpoint, self.client_id) from error
                self._reason_given = code.value > UNSPECIFIED
            raise BrokerUnavailableError(self.endpoint, str(error.__cause__ or error)) from error

    async def _attend(self, client: Client) -> None:
        """Renew every subscription, call on_connect, then add new subscriptions as they come."""
        self._unsent = list(self._subscriptions)
        await self._send_subscriptions(client)
        if self._on_connect is not None:
            try:
                await self._on_connect(self)
            except DavyError as error:
                raise BrokerUnavailableError(self.endpoint, str(error)) from error
        while True:
            await self._requested.wait()
            await self._send_subscriptions(client)

    async def _send_subscriptions(self, client: Client) -> None:
        self._requested.clear()
        while self._unsent:
            subscription = self._unsent.pop(0)
            requested = [(each, SubscribeOptions(qos=subscription.qos)) for each in subscription.topic_filters]
            try:
                codes = await client.subscribe(requested)
            except aiomqtt.MqttError as error:
                raise BrokerUnavailableError(self.endpoint, str(error)) from error
            for topic_filter, code in zip(subscription.topic_filters, codes, strict=False):
                if isinstance(code, ReasonCode) and code.is_failure:
                    log.error("mqtt.refused", client_id=self.client_id, topic_filter=topic_filter, reason=str(code))

    def _deliver(self, received: aiomqtt.Message) -> None:
        with self._guard.message(topic=received.topic):
            self._distribute(received)

    def _distribute(self, received: aiomqtt.Message) -> None:
        message = from_aiomqtt(received)
        for subscription in list(self._subscriptions):
            if any(received.topic.matches(each) for each in subscription.topic_filters):
                subscription.offer(message)


def _ignore(received: aiomqtt.Message) -> None:
    """Take no message."""


async def _answers(make_client: Callable[[Callable[..., Router]], Client]) -> bool:
    """Return whether the broker accepts an MQTT connection at this moment."""
    client = make_client(functools.partial(Router, _ignore))
    try:
        await client.__aenter__()
        await client.__aexit__(None, None, None)
    except aiomqtt.MqttError:
        return False
    finally:
        cut(client)
    return True
