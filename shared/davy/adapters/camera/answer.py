"""A camera's answer to an HTTP request."""

import http.client
import ssl
import time
import urllib.error
import urllib.request
from http.client import HTTPMessage
from typing import IO
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from davy.adapters.camera.network import connect
from davy.adapters.camera.tls import camera_context, pinning, reason_of
from davy.domain.errors import CameraUnavailableError
from davy.domain.ports import SourceOptions
from davy.domain.source import Source, SourcePolicy
from davy.domain.urls import redact

_SAFE = "%/:=&?~+!$,;'@()*[]"


class Answer:
    """The answer to GET, asked for with the user and password of the URL (Basic or Digest).

    Raises:
        CameraUnavailableError: nobody answers within timeout_s, the answer is an error, or the certificate is refused.
        InvalidSourceError: the URL, or where it redirects to, is not allowed.
        http.client.HTTPException: what answers speaks no HTTP.
    """

    def __init__(self, url: str, options: SourceOptions) -> None:
        timeout_s = options.timeout_s
        self.source, self._timeout_s = redact(url), timeout_s
        self.allow(timeout_s)
        try:
            self._response: http.client.HTTPResponse = _opener(url, options).open(_request(url), timeout=timeout_s)
        except http.client.HTTPException:
            raise
        except (OSError, ValueError) as error:  # urllib's errors are OSErrors; its digest raises ValueError
            if isinstance(error, urllib.error.HTTPError):
                error.close()
            raise CameraUnavailableError(self.source, self.reason(error)) from error
        headers = self._response.headers
        self.kind = headers.get_content_type() if headers["Content-Type"] else ""
        self.boundary = str(headers.get_param("boundary") or "").encode()
        self.has_length = headers["Content-Length"] is not None
        moved = self._response.geturl() != _request(url).full_url
        self.moved_to = Source.parse(self._response.geturl()) if moved else None

    def allow(self, seconds: float) -> None:
        """Give what is read next this time, however its bytes trickle."""
        self._ends_s = time.monotonic() + seconds

    def read(self, limit: int) -> bytes:
        """What has arrived, at most limit bytes; empty at the end.

        Raises:
            OSError, http.client.HTTPException: the connection broke, or nothing came within the timeout.
        """
        if time.monotonic() > self._ends_s:
            raise TimeoutError
        return self._response.read1(limit)

    def close(self) -> None:
        """Let go of the connection."""
        self._response.close()

    def reason(self, error: Exception) -> str:
        """What went wrong, without the URL."""
        if isinstance(error, urllib.error.HTTPError):
            login = ": are the user and the password right?" if error.code in (401, 403) else ""
            return f"it answers {error.code} {error.reason}{login}"
        cause = error.reason if isinstance(error, urllib.error.URLError) else error
        if isinstance(cause, TimeoutError):
            return f"no answer within {self._timeout_s:g} s"
        if isinstance(cause, ssl.SSLCertVerificationError):
            return reason_of(cause)
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        return "the connection broke" if isinstance(cause, http.client.HTTPException) else str(cause)


class _DigestOnce(urllib.request.HTTPDigestAuthHandler):
    """Tries a password once: cameras lock a user out after five wrong ones."""

    def http_error_401(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage
    ) -> "http.client.HTTPResponse | None":
        fp.close()  # urllib leaves the refused connection open
        return super().http_error_401(req, fp, code, msg, headers)

    def retry_http_digest_auth(self, req: urllib.request.Request, auth: str) -> "http.client.HTTPResponse | None":
        return None if req.has_header(self.auth_header) else super().retry_http_digest_auth(req, auth)


class _Basic(urllib.request.HTTPBasicAuthHandler):
    """Leaves a camera alone that asks for Digest: its refusal is told as it is."""

    def http_error_401(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage
    ) -> "http.client.HTTPResponse | None":
        try:
            return super().http_error_401(req, fp, code, msg, headers)
        except ValueError:
            return None


class _Http(urllib.request.HTTPHandler):
    """Connects to allowed addresses only."""

    def __init__(self, policy: SourcePolicy) -> None:
        super().__init__()
        self._policy = policy

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_connection_class(http.client.HTTPConnection, self._policy), req)


class _Https(urllib.request.HTTPSHandler):
    """Connects to allowed addresses only."""

    def __init__(self, options: SourceOptions) -> None:
        self._tls, self._options = camera_context(options.tls, options.ca_file), options
        super().__init__(context=self._tls)

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        secure = pinning(http.client.HTTPSConnection, self._options.tls)
        return self.do_open(_connection_class(secure, self._options.policy), req, context=self._tls)


def _connection_class(base: type[http.client.HTTPConnection], policy: SourcePolicy) -> type[http.client.HTTPConnection]:
    class Connection(base):  # type: ignore[misc, valid-type]  # a class that is given
        def __init__(self, host: str, **options: object) -> None:
            super().__init__(host, **options)
            self._create_connection = lambda address, timeout, _: connect(address[0], address[1], timeout, policy)

    return Connection


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects to allowed sources only."""

    def __init__(self, policy: SourcePolicy) -> None:
        self._policy = policy

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> urllib.request.Request | None:
        self._policy.check(Source.parse(newurl))
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener(url: str, options: SourceOptions) -> urllib.request.OpenerDirector:
    parts, policy = urlsplit(url), options.policy
    passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    if parts.username is not None:
        where = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], "/", "", ""))
        passwords.add_password(None, where, unquote(parts.username), unquote(parts.password or ""))
    opener = urllib.request.OpenerDirector()
    for handler in (
        _Http(policy),
        _Https(options),
        urllib.request.HTTPDefaultErrorHandler(),
        _Redirects(policy),
        urllib.request.HTTPErrorProcessor(),
        _DigestOnce(passwords),
        _Basic(passwords),
    ):
        opener.add_handler(handler)
    return opener


def _request(url: str) -> urllib.request.Request:
    parts = urlsplit(url)
    plain = parts._replace(
        netloc=parts.netloc.rpartition("@")[2], path=quote(parts.path, _SAFE), query=quote(parts.query, _SAFE), fragment=""
    )
    return urllib.request.Request(urlunsplit(plain), headers={"User-Agent": "Davy", "Accept": "*/*"})
