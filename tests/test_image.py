"""The image's build has every file that it copies."""

from pathlib import Path

ROOT = Path(__file__).parents[1]


def copied() -> list[str]:
    """Sources of the Dockerfile's COPY lines, but those of other stages."""
    lines = (ROOT / "infra" / "Dockerfile").read_text(encoding="utf-8").splitlines()
    words = [line.split() for line in lines if line.startswith("COPY ")]
    return [source for each in words if not each[1].startswith("--from") for source in each[1:-1]]


def test_every_copied_file_exists_and_is_sent_to_the_builder():
    sent = {line.removeprefix("!") for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert len(copied()) > 5
    for source in copied():
        assert (ROOT / source).exists(), source
        assert sent & {source, *map(str, Path(source).parents)}, f"{source} is not in .dockerignore's list of what is sent"
