"""Writer and reader of the frame cache. The live path never waits for it: it may be slow or unreachable."""

import asyncio
from contextlib import aclosing

from davy.adapters.storage.frame_cache import FrameCache
from davy.domain.errors import StoreUnavailableError
from davy.streams.guard import CountRefused, Guard
from davy.streams.tasks import until_first_ends
from davy_aggregator.health import Health
from davy_aggregator.live import LiveFrames

NAME = "store"
CHECK_EVERY_S = 2.0


async def run_frame_cache(
    store: FrameCache, live: LiveFrames, health: Health, max_fps: float, count_refused: CountRefused
) -> None:
    """Restore, write and follow frames until cancelled; reconnect to the cache when it is unreachable."""
    guard = Guard(NAME, count_refused)
    while True:
        try:
            await store.check()
            await _restore(store, live, guard)
            health.set(NAME)
            await until_first_ends(
                NAME, write=_write(store, live, max_fps), follow=_follow(store, live, guard), check=_check(store)
            )
        except StoreUnavailableError as error:
            health.set(NAME, str(error))
        await store.wait_until_up()


async def _restore(store: FrameCache, live: LiveFrames, guard: Guard) -> None:
    """Load the last frame of each camera, so that a restarted aggregator shows it with its true age."""
    for camera in live.cameras:
        if live.newest(camera) is None and (frame := await store.get(camera)):
            with guard.message(camera=camera):
                live.put(frame, NAME)


async def _write(store: FrameCache, live: LiveFrames, max_fps: float) -> None:
    with live.watch(NAME, max_fps=max_fps) as watcher:
        watcher.asks = False
        while True:
            newest = await watcher.take()
            if newest.via != NAME:
                await store.put(newest.frame)


async def _follow(store: FrameCache, live: LiveFrames, guard: Guard) -> None:
    async with aclosing(store.follow(live.cameras)) as frames:
        async for frame in frames:
            with guard.message(camera=frame.camera):
                live.put(frame, NAME)


async def _check(store: FrameCache) -> None:
    while True:  # notices the loss even while no camera sends
        await asyncio.sleep(CHECK_EVERY_S)
        await store.check()
