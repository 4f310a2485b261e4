"""A camera's response to an HTTP request."""

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


class HttpResponse:
    """The response to GET, with the user and password of the URL (Basic or Digest).

    Raises:
        CameraUnavailableError: no response within timeout_s, an error status, or a rejected certificate.
        InvalidSourceError: the URL or a redirect is not allowed.
        http.client.HTTPException: the response is not HTTP.
    """

    def __init__(self, url: str, options: SourceOptions) -> None:
        timeout_s = options.timeout_s
        self.source, self._timeout_s = redact(url), timeout_s
        self.set_deadline(timeout_s)
        try:
            self._response: http.client.HTTPResponse = _opener(url, options).open(_request(url), timeout=timeout_s)
        except http.client.HTTPException:
            raise
        except (OSError, ValueError) as error:  # urllib raises OSErrors; its digest authentication raises ValueError
            if isinstance(error, urllib.error.HTTPError):
                error.close()
            raise CameraUnavailableError(self.source, self.reason(error)) from error
        headers = self._response.headers
        self.content_type = headers.get_content_type() if headers["Content-Type"] else ""
        self.boundary = str(headers.get_param("boundary") or "").encode()
        self.has_length = headers["Content-Length"] is not None
        redirected = self._response.geturl() != _request(url).full_url
        self.redirected_to = Source.parse(self._response.geturl()) if redirected else None

    def set_deadline(self, seconds: float) -> None:
        """Limit the duration of the next reads, even if bytes arrive slowly."""
        self._deadline_s = time.monotonic() + seconds

    def read(self, limit: int) -> bytes:
        """Return the received bytes, at most limit; empty at the end.

        Raises:
            OSError, http.client.HTTPException: the connection broke, or nothing arrived within the timeout.
        """
        if time.monotonic() > self._deadline_s:
            raise TimeoutError
        return self._response.read1(limit)

    def close(self) -> None:
        """Close the connection."""
        self._response.close()

    def reason(self, error: Exception) -> str:
        """Describe an error without the URL."""
        if isinstance(error, urllib.error.HTTPError):
            login = ": check user and password" if error.code in (401, 403) else ""
            return f"HTTP status {error.code} {error.reason}{login}"
        cause = error.reason if isinstance(error, urllib.error.URLError) else error
        if isinstance(cause, TimeoutError):
            return f"no answer within {self._timeout_s:g} s"
        if isinstance(cause, ssl.SSLCertVerificationError):
            return reason_of(cause)
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        return "the connection broke" if isinstance(cause, http.client.HTTPException) else str(cause)


class _DigestOnce(urllib.request.HTTPDigestAuthHandler):
    """Send a password once: cameras lock a user out after five failures."""

    def http_error_401(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage
    ) -> "http.client.HTTPResponse | None":
        fp.close()  # urllib does not close the rejected connection
        return super().http_error_401(req, fp, code, msg, headers)

    def retry_http_digest_auth(self, req: urllib.request.Request, auth: str) -> "http.client.HTTPResponse | None":
        return None if req.has_header(self.auth_header) else super().retry_http_digest_auth(req, auth)


class _Basic(urllib.request.HTTPBasicAuthHandler):
    """Skip cameras that require Digest, and keep their response."""

    def http_error_401(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage
    ) -> "http.client.HTTPResponse | None":
        try:
            return super().http_error_401(req, fp, code, msg, headers)
        except ValueError:
            return None


class _Http(urllib.request.HTTPHandler):
    """Connect to allowed addresses only."""

    def __init__(self, policy: SourcePolicy) -> None:
        super().__init__()
        self._policy = policy

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_connection_class(http.client.HTTPConnection, self._policy), req)


class _Https(urllib.request.HTTPSHandler):
    """Connect to allowed addresses only."""

    def __init__(self, options: SourceOptions) -> None:
        self._tls, self._options = camera_context(options.tls, options.ca_file), options
        super().__init__(context=self._tls)

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        secure = pinning(http.client.HTTPSConnection, self._options.tls)
        return self.do_open(_connection_class(secure, self._options.policy), req, context=self._tls)


def _connection_class(base: type[http.client.HTTPConnection], policy: SourcePolicy) -> type[http.client.HTTPConnection]:
    class Connection(base):  # type: ignore[misc, valid-type]  # a parameter
        def __init__(self, host: str, **options: object) -> None:
            super().__init__(host, **options)
            self._create_connection = lambda address, timeout, _: connect(address[0], address[1], timeout, policy)

    return Connection


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follow redirects to allowed sources only."""

    def __init__(self, policy: SourcePolicy) -> None:
        self._policy = policy

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> urllib.request.Request | None:
        self._policy.check(Source.parse(newurl))
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener(url: str, options: SourceOptions) -> urllib.request.OpenerDirector:
    url_parts, policy = urlsplit(url), options.policy
    passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    if url_parts.username is not None:
        root = urlunsplit((url_parts.scheme, url_parts.netloc.rpartition("@")[2], "/", "", ""))
        passwords.add_password(None, root, unquote(url_parts.username), unquote(url_parts.password or ""))
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
    url_parts = urlsplit(url)
    plain = url_parts._replace(
        netloc=url_parts.netloc.rpartition("@")[2],
        path=quote(url_parts.path, _SAFE),
        query=quote(url_parts.query, _SAFE),
        fragment="",
    )
    return urllib.request.Request(urlunsplit(plain), headers={"User-Agent": "Davy", "Accept": "*/*"})
