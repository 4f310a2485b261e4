"""Container formats that FFmpeg may open: recordings and streams, and nothing that renders text or leads elsewhere.

Without these lists FFmpeg guesses among hundreds of demuxers: `tty` renders any text file as a picture, and playlists (concat,
HLS, SDP) open what they name.
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
_PICTURES_IN_A_ROW = ("mpjpeg", "jpeg_pipe", "png_pipe")

FILE = {"protocol_whitelist": "file", "format_whitelist": ",".join(_RECORDINGS)}
"""Options to open a file."""

RTSP = {"protocol_whitelist": "rtp,udp,tcp,tls,srtp,http,https", "format_whitelist": "rtsp,sdp,rtp"}
"""Options to open an RTSP stream; `rtsp` has to be named as the format."""

HTTP = {
    "protocol_whitelist": "http,https,tcp,tls",
    "format_whitelist": ",".join((*_RECORDINGS, *_PICTURES_IN_A_ROW)),
    "max_redirects": "0",
}
"""Options to open an HTTP stream: redirects are followed before, where each step is checked."""
