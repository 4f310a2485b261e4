import pytest

from davy_aggregator.outputs.errors import InvalidOfferError
from davy_aggregator.outputs.sdp import with_addresses, without_candidates

CANDIDATES = "a=candidate:1 1 udp 9 192.0.2.7 4000 typ host\r\na=end-of-candidates\r\n"
OFFER = f"v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n{CANDIDATES}a=mid:0\r\n"
ANSWER = "v=0\r\na=candidate:ab 1 udp 2130706431 172.17.0.2 40001 typ host\r\na=mid:0\r\n"


def test_no_address_of_an_offer_is_used():
    assert without_candidates(OFFER) == "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\n"


@pytest.mark.parametrize("offer", ["", "m=video 9 x 96", "v=0\r\nm=audio 9 x 0", OFFER + "m=video 9 x 96"])
def test_an_offer_without_one_section_of_video_is_refused(offer):
    with pytest.raises(InvalidOfferError):
        without_candidates(offer)


def test_announced_addresses_replace_the_server_s_own():
    assert with_addresses(ANSWER, []) == ANSWER
    assert with_addresses(ANSWER, ["10.0.0.5", "10.1.0.5"]).splitlines()[1:3] == [
        "a=candidate:ab0 1 udp 2130706431 10.0.0.5 40001 typ host",
        "a=candidate:ab1 1 udp 2130706431 10.1.0.5 40001 typ host",
    ]
