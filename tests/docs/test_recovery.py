"""The page on backup and recovery, run as it stands: a site is backed up at work, lost, restored, and gets a new authority."""

import os
import re
import shutil
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from tests.conftest import pick_port
from tests.docs.commands import BLOCK, RECOVERY, ROOT
from tests.docs.conftest import environment
from tests.fixtures.packages import good_package, trust
from tests.fixtures.postgres import running_postgres

PAGE = (ROOT / "docs" / "how-to" / RECOVERY).read_text(encoding="utf-8")
PASSWORD = "a long password"
pytestmark = [
    pytest.mark.system,
    pytest.mark.timeout(400),
    pytest.mark.skipif(shutil.which("sqlite3") is None, reason="needs sqlite3"),
]


def blocks(title: str) -> list[str]:
    """The blocks of commands of a section, up to the next heading."""
    section = re.split(r"^##+ ", PAGE, flags=re.MULTILINE)
    (text,) = [each for each in section if each.startswith(f"{title}\n")]
    return BLOCK.findall(text)


def script(title: str) -> str:
    """All commands of a section."""
    return "".join(blocks(title))


class Desk:
    """A folder with the commands of this checkout."""

    def __init__(self, folder: Path, tools: Path) -> None:
        self.folder = folder
        self.env = environment(PATH=f"{tools}:{os.environ['PATH']}")

    def run(self, commands: str, **options: str) -> str:
        """Run commands as a person types them; the first that fails ends them."""
        shell = ["bash", "-e", "-o", "pipefail", "-c", commands]
        done = subprocess.run(shell, cwd=self.folder, env=self.env, text=True, capture_output=True, timeout=120, **options)
        assert done.returncode == 0, f"{commands}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    @contextmanager
    def aggregator(self) -> Iterator[str]:
        """A closed aggregator with the identity of this folder; its address."""
        port = pick_port()
        more = {"DAVY_TLS_FOLDER": "identities/aggregator-main", "DAVY_AGGREGATOR_ACCESS": "closed"}
        more |= {"DAVY_AGGREGATOR_AUTHORITY": "authority", "DAVY_ANALYSIS_ENABLED": "false"}
        words = [sys.executable, "-m", "davy", "aggregator", "--port", str(port), "--grpc-port", "0"]
        words += ["--config", "site.yaml", "--data", "data/aggregator"]
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(words, cwd=self.folder, env=self.env | more, stdout=log, stderr=log)
            try:
                address = f"https://localhost:{port}"
                deadline = time.monotonic() + 60
                while not self.ready(address):
                    assert process.poll() is None and time.monotonic() < deadline, (self.folder / "log").read_text()
                    time.sleep(0.2)
                yield address
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait(30)

    def client(self, address: str) -> httpx.Client:
        """A client that trusts the authority of this folder."""
        context = ssl.create_default_context(cafile=str(self.folder / "authority" / "ca.pem"))
        return httpx.Client(base_url=address, verify=context, trust_env=False, timeout=20)

    def ready(self, address: str) -> bool:
        try:
            with self.client(address) as client:
                return client.get("/healthz").status_code == 200
        except httpx.TransportError:
            return False

    def sign_in(self, client: httpx.Client) -> None:
        answer = client.post("/v1/session", json={"name": "ada", "password": PASSWORD})
        assert answer.status_code < 300, answer.text


@pytest.mark.slow  # 35 s
def test_a_site_is_backed_up_at_work_lost_restored_and_given_a_new_authority(tmp_path, tools):
    old = Desk(tmp_path / "old", tools)
    old.folder.mkdir()
    shutil.copy(ROOT / "infra" / "site.yaml", old.folder)
    old.run("davy identity init demo\ndavy identity issue aggregator/main --host localhost\ndavy identity issue edge/west")
    old.run("davy users add ada --role admin --data data/aggregator", input=PASSWORD)
    trust().save(old.folder / "data" / "aggregator" / "keys" / "trust.json")
    with old.aggregator() as address, old.client(address) as client:
        old.sign_in(client)
        assert client.post("/v1/models", content=good_package().data).status_code == 201
        copied = old.run(script("Back up"))  # at work
    assert "ok" in copied
    assert '"signature"' in copied  # of the newest checkpoint

    new = Desk(tmp_path / "new", tools)
    new.folder.mkdir()
    shutil.copytree(old.folder / "backup", new.folder / "backup")
    restored = new.run(script("Restore on a new machine").replace("aggregator.mine.example", "localhost"))
    assert "ada" in restored
    assert good_package().id[:12] in restored
    assert "davy://demo/edge/west" in restored
    with new.aggregator() as address, new.client(address) as client:
        new.sign_in(client)
        assert [model["id"] for model in client.get("/v1/models").json()["models"]] == [good_package().id]
        operations = [row["operation"] for row in client.get("/v1/journal").json()["entries"]]
        assert "POST /v1/models" in operations  # of the lost machine
    new.run("davy journal verify --data data/aggregator")

    shutil.rmtree(new.folder / "authority")
    assert "davy://demo/edge/west" in new.run(script("The authority's key is lost"))

    before = (new.folder / "authority" / "ca.pem").read_bytes()
    new.run(script("The authority's key has leaked").replace("aggregator.mine.example", "localhost"))
    assert (new.folder / "authority" / "ca.pem").read_bytes() != before
    with new.aggregator() as address:
        assert new.ready(address)  # by the new authority
        new.run(f"davy identity enroll --bundle west.tar --folder west\n{session('west', address)}")
        stolen = subprocess.run(
            ["bash", "-c", session(str(old.folder / "identities" / "edge-west"), address)],
            cwd=new.folder,
            env=new.env,
            capture_output=True,
            timeout=60,
        )
        assert stolen.returncode != 0  # the certificate of the old authority


def session(folder: str, address: str) -> str:
    """Ask for the caller with the certificate in a folder; fails if the server refuses the certificate."""
    files = f"--cert {folder}/cert.pem --key {folder}/key.pem --cacert authority/ca.pem"
    return f"curl --silent --show-error --fail --noproxy '*' {files} {address}/v1/session"


@pytest.mark.skipif(shutil.which("pg_dump") is None, reason="needs PostgreSQL's client")
@pytest.mark.slow  # 20 s of pg_dump
def test_a_postgresql_database_is_dumped_and_restored(tmp_path, tools):
    desk = Desk(tmp_path, tools)
    (tmp_path / "backup").mkdir()
    dump, restore = blocks("PostgreSQL")
    with running_postgres() as postgres:
        desk.env["DAVY_AGGREGATOR_DATABASE"] = postgres.database()
        desk.run("davy users add ada --role admin", input=PASSWORD)
        desk.run(dump)
        desk.run("davy users add eve --role admin\ndavy users remove ada", input=PASSWORD)
        assert "ada" not in desk.run("davy users list")
        desk.run(restore)
        listed = desk.run("davy users list")
    assert ("ada" in listed, "eve" in listed) == (True, False)
