"""Command-line options that several programs share, and the choice of the site's file."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from davy.site import SiteConfig, describe_site_file, find_site_file, load_site
from davy.telemetry import get_logger

log = get_logger(__name__)
ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="Site file. Default: site.yaml, else infra/site.yaml, else the built-in site.")
]
LogStyleOption = Annotated[Literal["json", "console"], typer.Option(help="Format of log lines on stderr.")]

InsecureOption = Annotated[
    bool, typer.Option("--insecure", help="Ask nobody who calls: everybody on this machine is the owner. Loopback only.")
]


def load_chosen_site(given: Path | None) -> SiteConfig:
    """Load the given site file or the default one, and log which one it is.

    Raises:
        ConfigError: the file is missing or invalid.
    """
    path = find_site_file(given)
    site = load_site(path)
    log.info("site.loaded", site=site.site, file=describe_site_file(path))
    return site
