"""Which edges may send."""

from collections.abc import Callable

from davy.domain.errors import InvalidInputError, OtherSiteError, UnknownEdgeError
from davy.site import SiteConfig

CheckSender = Callable[[str, str, str], None]
"""Takes the site and the edge of a message, and what it carries ("events"). Raises InvalidInputError for a stranger's."""


def sender_check(site: SiteConfig, accept_unknown: bool, own_name: str) -> CheckSender:
    """Return the check for the edges of one site.

    Args:
        accept_unknown: Accept other edges of the same site, too.
        own_name: The name under which the aggregator itself reports.
    """

    def check(of_site: str, edge: str, what: str) -> None:
        if of_site != site.site:
            raise OtherSiteError(of_site, site.site, what)
        if edge == own_name:
            raise InvalidInputError(f"{own_name!r} is the aggregator's own name: no edge can send {what} under it")
        if edge not in site.edges and not accept_unknown:
            raise UnknownEdgeError(edge, list(site.edges))

    return check
