"""Devices that decode video, by FFmpeg's names."""

import io
from functools import cache

import av
from av.codec.hwaccel import HWAccel

from davy.telemetry import get_logger

log = get_logger(__name__)

SOFTWARE = "software"


def device(decoder: str) -> HWAccel | None:
    """Return the device that decodes; None for software, and for a device that this machine lacks, which is logged once.

    Args:
        decoder: "software", or FFmpeg's name of a device, such as "cuda".
    """
    if decoder == SOFTWARE or not _works(decoder):
        return None
    return HWAccel(decoder, allow_software_fallback=True)


@cache
def _works(decoder: str) -> bool:
    """Decode a picture by a device: an absent one may fail only when a stream is opened."""
    try:
        with av.open(io.BytesIO(_picture()), "r", hwaccel=HWAccel(decoder, allow_software_fallback=True)) as container:
            next(container.decode(video=0))
            found = bool(container.streams.video[0].codec_context.is_hwaccel)
    except (ValueError, OSError, av.FFmpegError) as error:
        log.warning("decoder.unusable", decoder=decoder, error=str(error), instead=SOFTWARE)
        return False
    if not found:
        log.warning("decoder.absent", decoder=decoder, instead=SOFTWARE)
    return found


def _picture() -> bytes:
    target = io.BytesIO()
    with av.open(target, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 320, 192, "yuv420p"
        container.mux(stream.encode(av.VideoFrame(320, 192, "yuv420p")))
        container.mux(stream.encode(None))
    return target.getvalue()
