"""The company's file: its errors name the line and the remedy."""

import pytest

from davy.domain.errors import ConfigError
from davy_company.config import CompanyConfig

GOOD = "company: north-coal\nsites:\n  north: {aggregator: 'https://north.example:8080', token_file: secrets/north}\n"


@pytest.fixture
def load(tmp_path):
    def read(text: str) -> CompanyConfig:
        (tmp_path / "company.yaml").write_text(text)
        return CompanyConfig.load(tmp_path / "company.yaml")

    return read


def test_files_are_beside_the_companys_file(load, tmp_path):
    site = load(GOOD).sites["north"]
    assert site.token_file == tmp_path / "secrets" / "north"
    assert site.pages == "https://north.example:8080"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("company: north-coal\nsites: {}\n", "company.yaml:2: sites: "),
        (
            GOOD.replace("token_file", "token-file"),
            "company.yaml:3: sites.north.token-file: unknown setting; did you mean 'token_file'?",
        ),
        (GOOD.replace("north:", "North Pit:"), "company.yaml:3: sites.North Pit: "),
        (GOOD.replace("north-coal", "''"), "company.yaml:1: company: "),
        (GOOD.replace("https://", "https://admin:secret@"), "company.yaml:3: sites.north.aggregator: "),
        (GOOD + "  north: {aggregator: 'http://other'}\n", "company.yaml:4: "),
        ("sites: [north]\n", "company.yaml:1: "),
        ("\x07", "company.yaml: not YAML"),
    ],
)
def test_an_invalid_file_is_refused_with_its_line(load, text, said):
    with pytest.raises(ConfigError) as found:
        load(text)
    assert said in str(found.value)
    assert "secret@" not in str(found.value)


def test_an_absent_file_and_an_absent_token_are_said(load, tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        CompanyConfig.load(tmp_path / "nothing.yaml")
    with pytest.raises(ConfigError, match=r"token_file .*secrets/north cannot be read"):
        load(GOOD).sites["north"].connect()
