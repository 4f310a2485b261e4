"""FFmpeg's errors in words that say what to do."""

import errno
import os

import av

STORAGE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)  # of the output, never of the file that is read
_BY_CLASS: tuple[tuple[type[av.FFmpegError], str], ...] = (
    (av.error.InvalidDataError, "its content is damaged, or of another kind than its name says"),
    (av.error.EOFError, "it ends before its first picture: the recording or the copy was cut short"),
    (av.error.DecoderNotFoundError, "no decoder reads its codec: convert it with ffmpeg -i IN -c:v libx264 OUT.mp4"),
    (av.error.DemuxerNotFoundError, "its kind of file is unknown: convert it with ffmpeg -i IN OUT.mp4"),
    (av.error.PatchWelcomeError, "it uses a feature of its codec that FFmpeg does not read"),
    (av.error.ProtocolNotFoundError, "it names other files or addresses, which are never followed"),
    (av.error.ExternalError, "its encoder or decoder failed inside: try ffmpeg -i IN -c copy OUT.mkv first"),
    (av.error.FileNotFoundError, "there is no such file"),
    (av.error.MemoryError, "its pictures are larger than the free memory, or its header is damaged"),
)
_BY_NUMBER = {
    errno.EIO: "it cannot be read to its end: it is cut short or damaged, or its disk or share fails",
    errno.EINVAL: "its streams contradict its header: it is damaged, or try ffmpeg -i IN -c copy OUT.mkv first",
    errno.ERANGE: "a number in its header is out of range: it is damaged",
    errno.EPERM: "it is a list of other files or addresses, which are never followed",
    errno.EACCES: "permission denied",
    errno.ENOSYS: "it uses a feature that FFmpeg does not read",
}


def reason(error: av.FFmpegError) -> str:
    """Why FFmpeg cannot use a file, as a clause about the file ("it ...")."""
    for kind, text in _BY_CLASS:
        if isinstance(error, kind):
            return text
    number = error.errno or 0
    return _BY_NUMBER.get(number) or (
        os.strerror(number).lower() if number in errno.errorcode else error.strerror or str(error)
    )
