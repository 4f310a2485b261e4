"""Texts of FFmpeg's errors, with a remedy."""

import errno
import os

import av

STORAGE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)  # errors of the output
_BY_CLASS: tuple[tuple[type[av.FFmpegError], str], ...] = (
    (av.error.InvalidDataError, "its content is damaged, or does not match its suffix"),
    (av.error.EOFError, "it ends before its first picture: the recording or the copy is truncated"),
    (av.error.DecoderNotFoundError, "its codec is not supported: convert it with ffmpeg -i IN -c:v libx264 OUT.mp4"),
    (av.error.DemuxerNotFoundError, "its format is unknown: convert it with ffmpeg -i IN OUT.mp4"),
    (av.error.PatchWelcomeError, "it uses a feature of its codec that FFmpeg does not support"),
    (av.error.ProtocolNotFoundError, "it refers to other files or addresses, which is not allowed"),
    (av.error.ExternalError, "its encoder or decoder failed: try ffmpeg -i IN -c copy OUT.mkv first"),
    (av.error.FileNotFoundError, "no such file"),
    (av.error.MemoryError, "its pictures are larger than the free memory, or its header is damaged"),
)
_BY_NUMBER = {
    errno.EIO: "it cannot be read to its end: it is cut short or damaged, or its disk or network share fails",
    errno.EINVAL: "its streams contradict its header: it is damaged, or try ffmpeg -i IN -c copy OUT.mkv first",
    errno.ERANGE: "a number in its header is out of range: it is damaged",
    errno.EPERM: "it is a list of other files or addresses, which is not allowed",
    errno.EACCES: "permission denied",
    errno.ENOSYS: "it uses a feature that FFmpeg does not support",
}


def reason(error: av.FFmpegError) -> str:
    """Describe why FFmpeg cannot use a file, as a clause about the file ("it ...")."""
    for kind, text in _BY_CLASS:
        if isinstance(error, kind):
            return text
    number = error.errno or 0
    return _BY_NUMBER.get(number) or (
        os.strerror(number).lower() if number in errno.errorcode else error.strerror or str(error)
    )
