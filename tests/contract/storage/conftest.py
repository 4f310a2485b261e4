import pytest
from tests.fixtures.postgres import running_postgres

from davy.adapters.storage.opening import open_database


@pytest.fixture(scope="session")
def postgres():
    with running_postgres() as server:
        yield server


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.system)])
def url(request, tmp_path):
    """An empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'davy.db'}"
    return request.getfixturevalue("postgres").database()


@pytest.fixture
def database(url, tmp_path):
    opened = open_database(tmp_path, url)
    yield opened
    opened.close()


@pytest.fixture
def reopen(url, tmp_path):
    """Opens the same database again, as another process would."""
    opened = []

    def reopen():
        opened.append(open_database(tmp_path, url))
        return opened[-1]

    yield reopen
    for each in opened:
        each.close()
