"""Files of an object storage, copied to a folder."""

from collections.abc import Callable, Collection
from pathlib import Path, PurePosixPath

import fsspec

from davy.atomic import write_atomic
from davy.domain.errors import ConfigError, UnavailableError
from davy.domain.extras import install_command
from davy.domain.secret_url import SecretUrl


def fetch(url: SecretUrl | str, folder: Path, suffixes: Collection[str], tick: Callable[[int, int], None]) -> int:
    """Copy the files below a URL to a folder, with their sub-folders. One of the same size that is there is kept.

    Killed and started again, it goes on: a file appears complete or not at all. Nothing is deleted.

    Args:
        url: s3://bucket/pictures (needs s3fs), or another URL of fsspec.
        folder: Made where it is missing.
        suffixes: In lower case, as ".jpg".
        tick: Called with the files handled so far and their total.

    Returns:
        The number of files copied.

    Raises:
        ConfigError: No installed file system opens the URL, or there is no such file.
        UnavailableError: The storage fails.
    """
    secret = SecretUrl.of(url)
    try:
        storage, root = fsspec.core.url_to_fs(secret.get_secret_value())
    except (ImportError, ValueError) as error:
        raise ConfigError(f"{secret}: {error}; for S3: {install_command('s3')}") from error
    try:
        found = storage.find(root, detail=True)
        files = {path: int(each["size"]) for path, each in found.items() if PurePosixPath(path).suffix.lower() in suffixes}
        if not files:
            raise ConfigError(f"{secret} holds no file of {', '.join(sorted(suffixes))}, also in sub-folders")
        copied = 0
        for number, (path, size) in enumerate(sorted(files.items())):
            target = _below(folder, PurePosixPath(path).relative_to(root.rstrip("/")))
            if not target.is_file() or target.stat().st_size != size:
                target.parent.mkdir(parents=True, exist_ok=True)
                write_atomic(target, storage.cat_file(path))
                copied += 1
            tick(number + 1, len(files))
    except OSError as error:  # botocore's errors come as OSError through s3fs
        raise UnavailableError(f"{secret}: {error}") from error
    return copied


def _below(folder: Path, name: PurePosixPath) -> Path:
    """The path of a name in a folder; an object may be called "../../etc/passwd"."""
    if ".." in name.parts or name.is_absolute():
        raise ConfigError(f"{name} is no name of a file: it leaves the folder")
    return folder / name
