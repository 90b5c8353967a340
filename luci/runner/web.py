"""Ask package indexes over HTTP: with the user's certificates, proxies and logins, and a bounded patience."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from luci.config import IndexSettings
from luci.context import never
from luci.envs.sources import Sources, without_credentials
from luci.errors import IndexFailed, Interrupted
from luci.values import Value

if TYPE_CHECKING:
    import requests

# Seconds to wait before the second try, the third, and so on; the last one repeats
RETRY_DELAYS = (0.25, 1.0, 3.0)
PASSING = frozenset({408, 429, 500, 502, 503, 504})  # a server may answer otherwise in a moment
LONGEST_WAIT = 10.0  # seconds; a server that wants to be left alone for longer is not asked again
CHUNK = 1 << 16


class Answer(Value):
    """`url` is where the answer came from after redirects, without credentials. `body` is empty where it was saved."""

    status: int
    url: str
    headers: Mapping[str, str]
    body: bytes


class Unasked(Exception):
    """Only the index can tell, and it was not to be asked."""


class Web:
    """A session a thread. An origin that did not answer at all is not asked again in the life of this object."""

    def __init__(self, sources: Sources, settings: IndexSettings, stop: Callable[[], bool] = never) -> None:
        self._sources = sources
        self._settings = settings
        self._stop = stop
        self._local = threading.local()
        self._silent: dict[str, str] = {}
        self._logins = dict(filter(None, map(_login, (sources.url, *sources.extra_urls, *sources.find_links))))
        self.asked = 0  # requests sent

    def get(self, url: str, headers: Mapping[str, str] | None = None, save: IO[bytes] | None = None) -> Answer:
        """Return the answer, whatever its status, unless it is one that passes; `save` takes a 200's body.

        Raises IndexFailed when offline, when nothing answered, or when a passing fault outlasted all tries.
        """
        if self._settings.offline:
            raise IndexFailed(f"luci is offline, so {_host(url)} was not asked.", hint="Leave out --offline.")
        if _origin(url) in self._silent:
            raise refused(url, self._silent[_origin(url)])
        if getattr(self._local, "hushed", False):
            raise Unasked(url)
        tries = max(1, round(self._settings.tries))
        for left in reversed(range(tries)):
            delay = RETRY_DELAYS[min(tries - left - 1, len(RETRY_DELAYS) - 1)]
            answer = self._try(url, headers or {}, save)
            if isinstance(answer, Answer):
                if answer.status not in PASSING:
                    return answer
                cause = f"it answered {answer.status}"
                delay = max(delay, _wish(answer.headers.get("Retry-After", "")))
                if delay > LONGEST_WAIT:
                    cause += f", and wants to be left alone for {delay:.0f} s"
                    self._silent[_origin(url)] = cause
                    raise refused(url, cause)
            else:
                cause = answer.cause
                if answer.final:
                    raise refused(url, cause)
                if answer.silent and not left:
                    self._silent[_origin(url)] = cause
            if left:
                self._pause(delay)
        raise refused(url, f"{cause}, {tries} times" if tries > 1 else cause)

    @contextmanager
    def hushed(self) -> Iterator[None]:
        """Raise Unasked, in this thread, where something would be asked."""
        self._local.hushed = True
        try:
            yield
        finally:
            self._local.hushed = False

    def _try(self, url: str, headers: Mapping[str, str], save: IO[bytes] | None) -> Answer | _Fault:
        import requests  # 80 ms, and only where something is not in the cache

        self._check_stop()
        self.asked += 1
        trusted = {_host(url), urlsplit(url).hostname} & set(self._sources.trusted_hosts)
        try:
            with self._session().get(
                url,
                headers=dict(headers),
                auth=self._logins.get(_origin(url)),
                timeout=self._settings.timeout_seconds,
                verify=False if trusted else (self._sources.cert or None),
                cert=self._sources.client_cert or None,
                proxies={"http": self._sources.proxy, "https": self._sources.proxy} if self._sources.proxy else None,
                stream=True,
            ) as response:
                ignored = "Range" in headers and response.status_code == 200  # the whole file was not asked for
                body = b"" if ignored else self._body(response, save if response.status_code == 200 else None)
                return Answer(response.status_code, without_credentials(response.url), response.headers, body)
        except (requests.Timeout, TimeoutError):
            return _Fault(f"no answer within {self._settings.timeout_seconds:g} s", silent=True)
        except requests.exceptions.SSLError as error:
            return _Fault(f"its certificate was not accepted ({_innermost(error)})", final=True)
        except requests.exceptions.ProxyError as error:
            return _Fault(f"the proxy did not let it through ({_innermost(error)})", silent=True)
        except requests.exceptions.ChunkedEncodingError:
            return _Fault("the answer broke off")
        except requests.ConnectionError as error:
            root = _root(error)
            if isinstance(root, TimeoutError):  # in the middle of the answer
                return _Fault(f"no answer within {self._settings.timeout_seconds:g} s", silent=True)
            if isinstance(root, ConnectionResetError | BrokenPipeError):
                return _Fault("it hung up", silent=True)
            return _Fault(f"it could not be reached ({_innermost(error)})", silent=True)
        except requests.TooManyRedirects:
            return _Fault("it redirects in a circle", final=True)
        except requests.exceptions.ContentDecodingError:
            return _Fault("the answer is garbled")
        except (requests.RequestException, OSError) as error:  # OSError: the certificate file is missing
            return _Fault(type(error).__name__, final=True)

    def _body(self, response: requests.Response, save: IO[bytes] | None) -> bytes:
        if save is not None:
            save.seek(0)
            save.truncate()
        body = bytearray()
        deadline = time.monotonic() + 8 * self._settings.timeout_seconds
        for chunk in response.iter_content(CHUNK):
            self._check_stop()
            if save is not None:
                save.write(chunk)
                continue
            body += chunk
            if time.monotonic() > deadline:  # a page that comes a byte a second
                raise TimeoutError
        return bytes(body)

    def _session(self) -> requests.Session:
        if not hasattr(self._local, "session"):
            import requests
            import urllib3

            import luci

            if self._sources.trusted_hosts:  # the person said so; a warning a request would bury the script's words
                urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
            self._local.session = requests.Session()
            self._local.session.headers["User-Agent"] = f"luci/{luci.__version__}"
        session: requests.Session = self._local.session
        return session

    def _pause(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._check_stop()
            time.sleep(min(left, 0.05))

    def _check_stop(self) -> None:
        if self._stop():
            raise Interrupted("Stopped while asking the package index.")


class _Fault(Value):
    cause: str
    final: bool = False  # trying again would not help
    silent: bool = False  # the host itself did not answer


def refused(url: str, cause: str) -> IndexFailed:
    return IndexFailed(
        f"The package index at {_host(url)} failed.",
        cause=f"{without_credentials(url)}: {cause}",
        hint="Check the network and the index settings of luci, uv or pip.",
    )


def _host(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]


def _origin(url: str) -> str:
    return f"{urlsplit(url).scheme}://{_host(url)}"


def _login(url: str) -> tuple[str, tuple[str, str]] | None:
    parts = urlsplit(url)
    if parts.username is None:
        return None
    return _origin(url), (unquote(parts.username), unquote(parts.password or ""))


def _wish(retry_after: str) -> float:
    """Return the seconds that a Retry-After asks for (RFC 9110: a number of them, or a date); 0 for none."""
    from email.utils import parsedate_to_datetime

    with suppress(ValueError, TypeError, OverflowError):
        if not retry_after[:1].isalpha():
            return float(retry_after)
        return parsedate_to_datetime(retry_after).timestamp() - time.time()
    return 0.0


def _innermost(error: BaseException) -> str:
    """Return the first cause's own words. The outer ones repeat the URL."""
    root = _root(error)
    return getattr(root, "strerror", None) or type(root).__name__


def _root(error: BaseException) -> BaseException:
    while True:
        causes = (getattr(error, "reason", None), error.__cause__, *error.args)
        inner = next((each for each in causes if isinstance(each, BaseException)), None)
        if inner is None:
            return error
        error = inner
