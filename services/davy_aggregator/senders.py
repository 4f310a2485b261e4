"""Check of the senders of frames, events and samples."""

from collections.abc import Callable

from davy.access.principal import acting
from davy.domain.errors import InvalidInputError, OtherSiteError, UnknownEdgeError
from davy.site import SiteConfig
from davy_aggregator.archive import REPORTER

CheckSender = Callable[[str, str, str], None]
"""Checks site, edge and content ("events") of a message; raises InvalidInputError for an unknown sender."""


def sender_check(site: SiteConfig, accept_unknown: bool) -> CheckSender:
    """Return the check for the edges of one site.

    Args:
        accept_unknown: Accept other edges of the same site, too.
    """

    def check(of_site: str, edge: str, content: str) -> None:
        if of_site != site.site:
            raise OtherSiteError(of_site, site.site, content)
        acting().require_edge(edge)
        if edge == REPORTER:
            raise InvalidInputError(f"{REPORTER!r} is the aggregator's own name: no edge can send {content} under it")
        if edge not in site.edges and not accept_unknown:
            raise UnknownEdgeError(edge, list(site.edges))

    return check
