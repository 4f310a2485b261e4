import av

from davy_bench.speed.video import SECONDS, write_stream


def test_the_stream_is_h264_of_the_size_and_rate_with_a_key_frame_a_second(tmp_path):
    path = write_stream(tmp_path / "camera.mp4", (160, 120), 5)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.width, stream.height, stream.average_rate) == ("h264", 160, 120, 5)
        keys = [frame.key_frame for frame in container.decode(stream)]
    assert len(keys) == 5 * SECONDS
    assert sum(keys) >= SECONDS
