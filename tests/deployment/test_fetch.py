import asyncio

import pytest
from tests.davy_aggregator.conftest import until
from tests.fixtures.package_server import Packages, package_server
from tests.fixtures.packages import good_package, trust

from davy.adapters.grpc import model_client
from davy.adapters.grpc.route import Route
from davy.deployment import fetch as fetching
from davy.deployment.model_folder import ModelFolder
from davy.domain.errors import ModelRefusedError, UnknownModelError
from davy.domain.secret_url import SecretUrl
from davy.twin.model import Target

pytestmark = pytest.mark.system

GOOD = good_package()
TARGET = Target(model=GOOD.id, sha256=GOOD.sha256, size=len(GOOD.data))


@pytest.fixture
def disk(tmp_path) -> ModelFolder:
    trust().save(tmp_path / "trust.json")
    return ModelFolder(tmp_path / "models", tmp_path / "trust.json")


async def get(disk, packages, target=TARGET) -> list[str]:
    reasons: list[str] = []
    async with package_server(packages) as server, model_client.connect(server.endpoint) as client:
        await fetching.fetch(disk, client, target, lambda reason: reasons.append(reason))
    return reasons


async def test_a_broken_download_resumes(disk):
    packages = Packages({GOOD.id: GOOD.data}, chunk=50_000, break_after=200_000)
    reasons = await get(disk, packages)
    assert packages.offsets == list(range(0, len(GOOD.data), 200_000))
    assert reasons
    assert "the link broke" in reasons[0]
    assert disk.admit(TARGET, None).id == GOOD.id


async def test_a_download_resumes_after_a_restart_and_restarts_on_a_damaged_file(disk):
    disk.partial(TARGET).write_bytes(GOOD.data[:100_000])
    packages = Packages({GOOD.id: GOOD.data})
    await get(disk, packages)
    assert packages.offsets == [100_000]
    disk.partial(TARGET).write_bytes(bytes(100_000))  # blocks that were never written before the power went
    await get(disk, packages)
    assert packages.offsets == [100_000, 100_000, 0]
    assert disk.admit(TARGET, None).id == GOOD.id
    disk.partial(TARGET).write_bytes(GOOD.data + b"more")
    await get(disk, packages)
    assert disk.admit(TARGET, None).id == GOOD.id


async def test_more_bytes_than_announced_are_not_taken(disk):
    with pytest.raises(ModelRefusedError, match="announced"):
        await get(disk, Packages({GOOD.id: GOOD.data + bytes(300_000)}))
    assert disk.partial(TARGET).stat().st_size <= TARGET.size


async def test_a_registry_without_the_model_is_not_asked_again_and_again(disk):
    packages = Packages()
    with pytest.raises(UnknownModelError, match="no such model"):
        await get(disk, packages)
    assert len(packages.offsets) == 1


async def test_a_download_goes_on_at_the_next_aggregator_when_its_own_is_left(disk):
    slow, other = Packages({GOOD.id: GOOD.data}, chunk=50_000, hang_after=100_000), Packages({GOOD.id: GOOD.data})
    async with package_server(slow), package_server(other):
        route = Route([slow.endpoint, other.endpoint], fails_over=True)
        if route.endpoint != SecretUrl.of(slow.endpoint):
            route.leave(route.generation, "begin with the slow one")
        async with model_client.connect(route) as client:
            fetched = asyncio.create_task(fetching.fetch(disk, client, TARGET, lambda reason: None))
            await until(lambda: disk.partial(TARGET).exists() and disk.partial(TARGET).stat().st_size == 100_000)
            route.leave(route.generation, "it hangs")
            await fetched
    assert other.offsets == [100_000]
    assert disk.admit(TARGET, None).id == GOOD.id
