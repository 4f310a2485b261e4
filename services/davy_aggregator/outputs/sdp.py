"""Session descriptions (RFC 8866) of offers and answers, changed before they are used."""

from collections.abc import Sequence

from davy_aggregator.outputs.errors import InvalidOfferError

MAX_OFFER_BYTES = 64_000


def without_candidates(offer: str) -> str:
    """Return an offer without the addresses that it names.

    The viewer's own checks show where it is (peer-reflexive candidates, RFC 8445): nobody makes this server send packets to an
    address that has not asked, and no name has to be looked up.

    Raises:
        InvalidOfferError: it is no offer of video.
    """
    lines = offer.splitlines()
    if not lines or lines[0].strip() != "v=0":
        raise InvalidOfferError("it does not begin with v=0")
    if sum(line.startswith("m=video") for line in lines) != 1:
        raise InvalidOfferError("it must have one section of video, and may have others")
    kept = [line for line in lines if not line.startswith(("a=candidate:", "a=end-of-candidates"))]
    return "\r\n".join(kept) + "\r\n"


def with_addresses(answer: str, announced: Sequence[str]) -> str:
    """Return an answer whose host candidates have the announced addresses, such as those before a translation of addresses."""
    if not announced:
        return answer
    lines: list[str] = []
    for line in answer.splitlines():
        fields = line.split(" ")
        if not (line.startswith("a=candidate:") and "host" in fields):
            lines.append(line)
            continue
        for place, address in enumerate(announced):
            head = f"{fields[0]}{place}"  # another foundation for each address
            one = " ".join([head, *fields[1:4], address, *fields[5:]])
            if one not in lines:
                lines.append(one)
    return "\r\n".join(lines) + "\r\n"
