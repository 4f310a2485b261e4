"""Files of one folder on a file system or an object storage of fsspec."""

import errno
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import fsspec

from davy.atomic import write_atomic
from davy.domain.errors import ConfigError, DavyError, RegistryUnavailableError, StorageFullError
from davy.domain.extras import install_command
from davy.domain.secret_url import SecretUrl

OBJECT_STORES = {"s3", "s3a", "gs", "gcs", "abfs", "az", "oci"}  # makedirs would create the bucket of a mistyped name
CONNECT_S = 5
ANSWER_S = 20.0  # a storage that says nothing fails, and blocks nobody for ever
SLOWEST = 250_000  # bytes/s: a transfer may take longer by its size
LARGEST = 50_000_000  # bytes of a file whose size is not known before
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class ObjectFiles:
    """Read and write files below a URL. Calls block and may come from any thread.

    Every method raises RegistryUnavailableError if the storage fails.

    Args:
        url: file:///srv/models, s3://bucket/models (needs s3fs), memory://models, ...; a plain path is a folder.

    Raises:
        ConfigError: no installed file system opens the URL.
    """

    def __init__(self, url: SecretUrl | str) -> None:
        secret = SecretUrl.of(url)
        self.url = str(secret)
        try:
            self._fs, self._root = fsspec.core.url_to_fs(url := secret.get_secret_value(), **_options(url))
        except (ImportError, ValueError) as error:
            raise ConfigError(f"registry {self.url}: {error}; for S3: {install_command('s3')}") from error
        protocols = (self._fs.protocol,) if isinstance(self._fs.protocol, str) else tuple(self._fs.protocol)
        self._limited = bool(getattr(self._fs, "async_impl", False))  # those alone have a network behind them, and take a limit
        self._local, self._has_folders = "file" in protocols, not OBJECT_STORES.intersection(protocols)

    def names(self, folder: str, suffix: str) -> list[str]:
        """List the names of a folder with a suffix, without it; an absent folder is empty."""
        with self._translated():
            try:
                self._fs.invalidate_cache()
                paths = self._fs.ls(self._path(folder), detail=False, **self._limit())
            except FileNotFoundError:
                return []
        names = [str(path).rpartition("/")[2] for path in paths]
        return [name.removesuffix(suffix) for name in names if name.endswith(suffix) and not name.startswith(".")]

    def read(self, name: str) -> bytes | None:
        """Read a file; None if it does not exist."""
        with self._translated():
            try:
                data: bytes = self._fs.cat_file(self._path(name), **self._limit(LARGEST))
            except FileNotFoundError:
                return None
            return data

    def read_all(self, folder: str, suffix: str) -> dict[str, bytes]:
        """Read all files of a folder with a suffix, by name without it; unreadable ones are omitted."""
        with self._translated():
            paths = [self._path(f"{folder}/{name}{suffix}") for name in self.names(folder, suffix)]
            found = self._fs.cat(paths, on_error="omit", **self._limit(LARGEST)) if paths else {}
        return {str(path).rpartition("/")[2].removesuffix(suffix): data for path, data in found.items()}

    def read_starts(self, names: Sequence[str], size: int) -> list[bytes]:
        """Read the first bytes of several files together; empty for one that cannot be read."""
        with self._translated():
            paths = [self._path(name) for name in names]
            found = self._fs.cat_ranges(paths, [0] * len(paths), [size] * len(paths), on_error="return") if paths else []
        return [data if isinstance(data, bytes) else b"" for data in found]

    def write(self, name: str, data: bytes) -> None:
        """Write a file atomically.

        Raises:
            StorageFullError: the disk is full.
        """
        path = self._path(name)
        with self._translated():
            if self._local:
                Path(path).parent.mkdir(parents=True, exist_ok=True)
                write_atomic(Path(path), data)
            else:  # an object appears when its upload ends
                if self._has_folders:
                    self._fs.makedirs(path.rpartition("/")[0], exist_ok=True)
                self._fs.pipe_file(path, data, **self._limit(len(data)))

    def remove(self, name: str) -> None:
        """Remove a file if it exists."""
        with self._translated():
            try:
                self._fs.rm_file(self._path(name), **self._limit())
            except FileNotFoundError:
                return

    def size(self, name: str) -> int | None:
        """Size of a file in bytes; None if it does not exist."""
        with self._translated():
            try:
                self._fs.invalidate_cache()
                return int(self._fs.info(self._path(name), **self._limit())["size"])
            except FileNotFoundError:
                return None

    def age(self, name: str) -> timedelta:
        """Time since the last change of a file."""
        with self._translated():
            moment: datetime = self._fs.modified(self._path(name))
        return datetime.now(UTC) - (moment if moment.tzinfo else moment.replace(tzinfo=UTC))

    def _limit(self, size: int = 0) -> dict[str, float]:
        return {"timeout": ANSWER_S + size / SLOWEST} if self._limited else {}

    def _path(self, name: str) -> str:
        return f"{self._root.rstrip('/')}/{name}"

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except DavyError:
            raise
        except OSError as error:
            if error.errno in _FULL:
                raise StorageFullError(self.url, error.strerror or str(error)) from error
            reason = str(error) or ("it does not answer" if isinstance(error, TimeoutError) else type(error).__name__)
            raise RegistryUnavailableError(self.url, reason) from error
        except Exception as error:  # fsspec's storages share no base class of errors
            raise RegistryUnavailableError(self.url, f"{type(error).__name__}: {error}") from error


def _options(url: str) -> dict[str, object]:
    """Options of the client; others than S3's need none."""
    retries = {"max_attempts": 1}  # s3fs tries again by itself
    return {"config_kwargs": {"connect_timeout": CONNECT_S, "retries": retries}} if url.startswith(("s3://", "s3a://")) else {}
