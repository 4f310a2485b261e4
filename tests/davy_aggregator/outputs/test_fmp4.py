import io

import av
from tests.fixtures.video import VideoSource

from davy_aggregator.outputs.fmp4 import Fragmenter


def test_segments_begin_at_key_frames_and_hold_every_packet():
    packets = list(VideoSource(fps=10).take(61))
    fragmenter = Fragmenter(packets[0])
    segments = [segment for packet in packets if (segment := fragmenter.put(packet))]
    assert [round(segment.duration_s, 1) for segment in segments] == [2.0, 2.0, 2.0]
    with av.open(io.BytesIO(fragmenter.init + b"".join(segment.data for segment in segments))) as file:
        assert len([packet for packet in file.demux(video=0) if packet.size]) == 60
    for segment in segments:  # each plays alone, with the initialisation
        with av.open(io.BytesIO(fragmenter.init + segment.data)) as file:
            assert len(list(file.decode(video=0))) == 20
