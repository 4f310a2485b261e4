import av

from davy_bench.speed.video import SECONDS, write_drifting_streams, write_stream


def test_the_stream_is_h264_of_the_size_and_rate_with_a_key_frame_a_second(tmp_path):
    path = write_stream(tmp_path / "camera.mp4", (160, 120), 5)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.width, stream.height, stream.average_rate) == ("h264", 160, 120, 5)
        keys = [frame.key_frame for frame in container.decode(stream)]
    assert len(keys) == 5 * SECONDS
    assert sum(keys) >= SECONDS


def test_drifting_streams_have_a_rate_each(tmp_path):
    paths = write_drifting_streams(tmp_path, (160, 120), 10, 3)
    rates = []
    for path in paths:
        with av.open(str(path)) as container:
            rates.append(float(container.streams.video[0].average_rate))
    assert [round(rate, 2) for rate in rates] == [10.0, 9.9, 9.8]
