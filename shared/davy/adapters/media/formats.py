"""Allowed container formats of FFmpeg: recordings and streams.

Others are unsafe: the demuxer `tty` renders any text file as a picture, and playlists (concat, HLS, SDP) open other files and
addresses.
"""

_RECORDINGS = (
    "mov,mp4,m4a,3gp,3g2,mj2",
    "matroska,webm",
    "avi",
    "mpegts",
    "mpeg",
    "mpegvideo",
    "m4v",
    "flv",
    "asf",
    "ogg",
    "mxf",
    "dhav",
    "ivf",
    "h264",
    "hevc",
    "av1",
    "obu",
    "mjpeg",
    "yuv4mpegpipe",
    "gif",
    "apng",
)
_PICTURE_SEQUENCES = ("mpjpeg", "jpeg_pipe", "png_pipe")

FILE = {"protocol_whitelist": "file", "format_whitelist": ",".join(_RECORDINGS)}
"""Options to open a file."""

RTSP = {"protocol_whitelist": "rtp,udp,tcp,tls,srtp,http,https", "format_whitelist": "rtsp,sdp,rtp"}
"""Options to open an RTSP stream; the format must be `rtsp`."""

HTTP = {
    "protocol_whitelist": "http,https,tcp,tls",
    "format_whitelist": ",".join((*_RECORDINGS, *_PICTURE_SEQUENCES)),
    "max_redirects": "0",
}
"""Options to open an HTTP stream. The caller follows redirects before, and checks each of them."""
