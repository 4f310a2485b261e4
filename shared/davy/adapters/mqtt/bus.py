"""MQTT 5 over aiomqtt: a connection that comes back by itself and never queues.

paho keeps whatever it cannot send and drops the newest when its queue is full: the opposite of a live plane. So here a
message is handed over only while the connection is up, one at a time (QoS 0), and the kernel's send buffer is kept small.
"""

import asyncio
import functools
import math
import random
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Self

import aiomqtt
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_random_exponential

from davy.adapters.mqtt.client import MAX_UNACKED, Router, client_factory, cut, from_aiomqtt, to_properties
from davy.domain.errors import BrokerUnavailableError, DavyError, SessionTakenOverError
from davy.domain.ports import Bus, Message
from davy.domain.urls import redact
from davy.streams.tasks import until_first_ends
from davy.telemetry import get_logger

log = get_logger(__name__)

WRITE_TIMEOUT_S = 5.0  # 150 kB in 5 s is 240 kbit/s: a link slower than that carries no live picture
STABLE_S = 5.0  # a connection that lasted this long resets the backoff; shorter ones count as failures
# exp_base 1.5, not 2: after 5 s of failures the next wait is below 5 s, so a broker that returns is met within 5 s (F01).
BACKOFF = wait_random_exponential(multiplier=0.5, exp_base=1.5, min=0.5, max=10)
TAKEOVER_WAIT_S = (30.0, 600.0)
SESSION_TAKEN_OVER = 0x8E
# Not every broker sends 0x8E (Mosquitto 2.0.11 and rumqttd just close). Two clients with one id evict each other at every
# reconnect, and a reconnect comes at most 10 s later: so many short connections in a row, none refused between, are that.
EVICTIONS, EVICTED_WITHIN_S = 3, 15.0

OnConnect = Callable[[Bus], Awaitable[None]]


@asynccontextmanager
async def connect(
    endpoint: str, client_id: str, will: Message | None = None, on_connect: OnConnect | None = None
) -> AsyncIterator["MqttBus"]:
    """Keep a connection to a broker for as long as the context lasts.

    No broker at the start is not an error: connecting goes on with jittered backoff from 0.5 to 10 s.

    Args:
        endpoint: mqtt://[user:password@]host[:1883] or mqtts://host[:8883].
        client_id: Unique at the broker; two clients with one id take each other's connection.
        will: Published by the broker when this client vanishes, and by this client when the context ends.
        on_connect: Awaited after every connect, first and later: publish retained state here, for a broker forgets it.

    Raises:
        ConfigError: endpoint is not an MQTT address.
    """
    bus = MqttBus(endpoint, client_id, will, on_connect)
    runner = asyncio.create_task(bus.run(), name=f"mqtt.{client_id}")
    runner.add_done_callback(_report_crash)
    try:
        yield bus
    finally:
        await bus.say_goodbye()
        # Python 3.11 loses a cancellation that meets a wait_for (aiomqtt has some) that has just ended: ask until it is heard.
        while not runner.done():
            runner.cancel()
            await asyncio.wait({runner}, timeout=0.2)
        bus.end_subscriptions()


def _report_crash(runner: "asyncio.Task[None]") -> None:
    if not runner.cancelled() and (error := runner.exception()) is not None:
        log.critical("mqtt.crashed", task=runner.get_name(), exc_info=error)


class Subscription:
    """Messages of some topic filters, the newest `depth` of them; ends when the bus ends or `aclose` is called."""

    def __init__(self, topic_filters: Sequence[str], qos: int, depth: int, forget: Callable[["Subscription"], None]) -> None:
        self.topic_filters, self.qos, self.lost = tuple(topic_filters), qos, 0
        self._waiting: deque[Message] = deque(maxlen=depth)
        self._news = asyncio.Event()
        self._forget: Callable[[Subscription], None] | None = forget

    def offer(self, message: Message) -> None:
        if len(self._waiting) == self._waiting.maxlen:
            self.lost += 1  # the oldest goes: a slow reader sees the newest
        self._waiting.append(message)
        self._news.set()

    def end(self) -> None:
        self._forget = None
        self._news.set()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Message:
        while not self._waiting:
            if self._forget is None:
                raise StopAsyncIteration
            self._news.clear()
            await self._news.wait()
        return self._waiting.popleft()

    async def aclose(self) -> None:
        if self._forget is not None:
            self._forget(self)
            self.end()


class MqttBus:
    """The Bus of `connect`. `fault` says why it is not connected, empty while it is."""

    def __init__(self, endpoint: str, client_id: str, will: Message | None, on_connect: OnConnect | None) -> None:
        self.endpoint, self.client_id = redact(endpoint), client_id
        self.fault = "not connected yet"
        self._client_of = client_factory(endpoint, client_id, will)
        self._will, self._on_connect = will, on_connect
        self._client: aiomqtt.Client | None = None
        self._writing = asyncio.Lock()
        self._unacked = asyncio.Semaphore(MAX_UNACKED)
        self._deadlines: set[asyncio.Timeout] = set()
        self._subscriptions: list[Subscription] = []
        self._unsent: list[Subscription] = []
        self._wanted = asyncio.Event()
        self._takeovers = 0
        self._short_sessions = 0

    @property
    def connected(self) -> bool:
        return self._client is not None

    async def publish(self, message: Message) -> None:
        """Hand the message to the socket (QoS 0) or to the broker (QoS 1). Never queues behind a dead connection.

        Raises:
            BrokerUnavailableError: not connected, the connection broke meanwhile, or nothing was taken for 5 s.
        """
        async with self._writing if message.qos == 0 else self._unacked:
            client = self._client
            if client is None:
                raise BrokerUnavailableError(self.endpoint, self.fault)
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
                raise BrokerUnavailableError(self.endpoint, self.fault or f"no answer for {WRITE_TIMEOUT_S:g} s") from error
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
        """A timeout that a lost connection pulls forward: paho tells nobody that a message was lost with it."""
        async with asyncio.timeout(WRITE_TIMEOUT_S) as deadline:
            with self._expiring(deadline):
                yield

    def subscribe(self, topic_filters: Sequence[str], qos: int = 0, depth: int = 64) -> Subscription:
        """Messages as they come, across reconnects; a reader slower than the broker loses the oldest of `depth`."""
        subscription = Subscription(topic_filters, qos, depth, self._subscriptions.remove)
        self._subscriptions.append(subscription)
        self._unsent.append(subscription)
        self._wanted.set()
        return subscription

    def end_subscriptions(self) -> None:
        for subscription in self._subscriptions:
            subscription.end()

    async def say_goodbye(self) -> None:
        if self._will is not None and self.connected:
            with suppress(BrokerUnavailableError, TimeoutError):
                async with asyncio.timeout(2):
                    await self.publish(self._will)

    async def run(self) -> None:
        """Connect, and connect again, until cancelled."""
        while True:
            try:
                async for attempt in AsyncRetrying(
                    retry=retry_if_exception_type(BrokerUnavailableError), wait=self._wait, before_sleep=self._tell
                ):
                    with attempt:
                        await self._session()
            finally:
                self._client = None
            await asyncio.sleep(random.uniform(0, 0.5))  # 200 edges that lose one broker do not return in one instant

    def _wait(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, SessionTakenOverError):
            shortest, longest = TAKEOVER_WAIT_S
            return min(longest, shortest * 2.0 ** (self._takeovers - 1)) * random.uniform(1, 1.5)
        return BACKOFF(state)

    def _tell(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        report = log.error if isinstance(error, SessionTakenOverError) else log.warning
        wait_s = round(state.next_action.sleep, 1) if state.next_action else 0
        report("mqtt.unavailable", client_id=self.client_id, error=str(error), again_in_s=wait_s, attempt=state.attempt_number)

    async def _session(self) -> None:
        """One connection, from connect to its loss. Returns if it was a stable one, raises if it hardly came up."""
        clock = asyncio.get_running_loop().time
        client = self._client_of(functools.partial(Router, self._deliver))
        try:
            await client.__aenter__()
        except BaseException as error:
            cut(client)
            if not isinstance(error, aiomqtt.MqttError):
                raise
            self.fault, self._short_sessions = str(error), 0
            raise BrokerUnavailableError(self.endpoint, self.fault) from error
        since = clock()
        self._client, self.fault = client, ""
        log.info("mqtt.connected", client_id=self.client_id, endpoint=self.endpoint)
        lost: BaseException = BrokerUnavailableError(self.endpoint, "the session ended")
        try:
            await until_first_ends(f"mqtt.{self.client_id}", watch=self._watch(client), attend=self._attend(client))
        except BrokerUnavailableError as error:
            lost = self._judge(error, clock() - since)
        finally:
            await self._close(client)
        self.fault = getattr(lost, "reason", "") or str(lost)
        if isinstance(lost, SessionTakenOverError) or clock() - since < STABLE_S:
            raise lost
        log.warning("mqtt.lost", client_id=self.client_id, endpoint=self.endpoint, error=self.fault)

    def _judge(self, lost: BaseException, lasted_s: float) -> BaseException:
        """Tell a lost connection from a stolen one."""
        self._short_sessions = self._short_sessions + 1 if lasted_s < EVICTED_WITHIN_S else 0
        if self._short_sessions >= EVICTIONS and not isinstance(lost, SessionTakenOverError):
            lost = SessionTakenOverError(self.endpoint, self.client_id)
        if isinstance(lost, SessionTakenOverError):
            self._takeovers += 1
        elif self._short_sessions == 0:
            self._takeovers = 0
        return lost

    async def _close(self, client: aiomqtt.Client) -> None:
        self._client = None
        for deadline in list(self._deadlines):
            with suppress(RuntimeError):  # it has just ended by itself
                deadline.reschedule(0)
        try:
            await client.__aexit__(None, None, None)
        except aiomqtt.MqttError:
            log.debug("mqtt.unclean", client_id=self.client_id)
        finally:
            cut(client)

    async def _watch(self, client: aiomqtt.Client) -> None:
        """Wait for the end of the connection; messages themselves go through Router."""
        try:
            async for _ in client.messages:
                pass
        except aiomqtt.MqttError as error:
            code = getattr(error.__cause__, "rc", None)
            if isinstance(code, ReasonCode) and code.value == SESSION_TAKEN_OVER:
                raise SessionTakenOverError(self.endpoint, self.client_id) from error
            raise BrokerUnavailableError(self.endpoint, str(error.__cause__ or error)) from error

    async def _attend(self, client: aiomqtt.Client) -> None:
        """Renew every subscription, let the owner publish its retained state, then add subscriptions as they come."""
        self._unsent = list(self._subscriptions)
        await self._send_subscriptions(client)
        if self._on_connect is not None:
            try:
                await self._on_connect(self)
            except DavyError as error:
                raise BrokerUnavailableError(self.endpoint, str(error)) from error
        while True:
            await self._wanted.wait()
            await self._send_subscriptions(client)

    async def _send_subscriptions(self, client: aiomqtt.Client) -> None:
        self._wanted.clear()
        while self._unsent:
            subscription = self._unsent.pop(0)
            wanted = [(each, SubscribeOptions(qos=subscription.qos)) for each in subscription.topic_filters]
            try:
                codes = await client.subscribe(wanted)
            except aiomqtt.MqttError as error:
                raise BrokerUnavailableError(self.endpoint, str(error)) from error
            for topic_filter, code in zip(subscription.topic_filters, codes, strict=False):
                if isinstance(code, ReasonCode) and code.is_failure:
                    log.error("mqtt.refused", client_id=self.client_id, topic_filter=topic_filter, reason=str(code))

    def _deliver(self, received: aiomqtt.Message) -> None:
        message = from_aiomqtt(received)
        for subscription in list(self._subscriptions):
            if any(received.topic.matches(each) for each in subscription.topic_filters):
                subscription.offer(message)
