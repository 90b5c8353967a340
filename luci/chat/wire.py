"""The connection to one endpoint: the pieces of its answers as they come, and cut off the moment nobody listens."""

from __future__ import annotations

import contextlib
import json
import queue
import socket
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from luci.chat.providers import Endpoint
from luci.errors import Interrupted

if TYPE_CHECKING:
    import httpx2
    import openai

_LOOK = 0.05  # seconds between two looks whether we are to stop
_CONNECT = 15.0  # seconds in which a server must take a connection
_END = object()


class NoStream(Exception):
    """What came is not of the protocol."""


class Silence(Exception):
    """Nothing came for too long."""


class Moved(Exception):
    """The endpoint sends on to another address."""


class BrokenOff(Exception):
    """The endpoint says in the middle of an answer that it cannot go on. `code` is an HTTP status, 0 where it is
    none."""

    def __init__(self, message: str, code: int = 0) -> None:
        super().__init__(message)
        self.message, self.code = message, code


class Wire:
    """Speaks to an endpoint by the `openai` client. `patience` is in seconds of silence; a comment that keeps a
    stream alive (OpenRouter's `: OPENROUTER PROCESSING`) is no silence."""

    def __init__(self, endpoint: Endpoint, patience: float) -> None:
        self.endpoint, self.patience = endpoint, patience
        self._client: openai.OpenAI | None = None
        self._sockets: list[socket.socket] = []
        self._heard = 0.0

    def models(self) -> list[str]:
        """Return the models that the endpoint names. Raises what `openai` raises."""
        import openai

        headers: dict[str, Any] = {}
        if self.endpoint.provider == "anthropic":  # its list is no part of what it has for OpenAI's client
            key = self.endpoint.key
            headers = {"x-api-key": key, "anthropic-version": "2023-06-01", "Authorization": openai.Omit()}
        return [model.id for model in self._open().models.list(extra_headers=headers)]

    def pieces(self, request: Mapping[str, Any], stop: Callable[[], bool]) -> Generator[dict[str, Any], None, None]:
        """Yield what comes, read by a thread, so that silence and a stop are noticed. Raises Interrupted, Silence,
        NoStream, BrokenOff, and what `openai` raises."""
        box: queue.Queue[Any] = queue.Queue()
        given_up = threading.Event()
        client = self._open()
        threading.Thread(target=_read, args=(client, request, box, given_up), name="model", daemon=True).start()
        self._heard = time.monotonic()
        try:
            while True:
                if stop():
                    raise Interrupted("Stopped.")
                try:
                    piece = box.get(timeout=_LOOK)
                except queue.Empty:
                    if time.monotonic() - self._heard > self.patience:
                        raise Silence from None
                    continue
                if piece is _END:
                    return
                if isinstance(piece, Exception):
                    raise piece
                yield piece
        except BaseException:
            given_up.set()
            self.hang_up()
            raise

    def hang_up(self) -> None:
        """End the connection at once, also while the thread waits for the first byte: a server that goes on writing
        for nobody is paid for."""
        self._client = None
        for each in self._sockets:
            with contextlib.suppress(OSError):  # it is closed already
                socket.socket.shutdown(each, socket.SHUT_RDWR)
        self._sockets = []

    def _open(self) -> openai.OpenAI:
        if self._client is None:
            import httpx2
            import openai  # half a second, and only a conversation needs it

            self._client = openai.OpenAI(
                base_url=self.endpoint.base_url,
                api_key=self.endpoint.key or "none",
                max_retries=0,  # ours are told, and can be stopped
                timeout=openai.Timeout(self.patience, connect=_CONNECT),
                default_headers={"X-Title": "luci"},
                http_client=openai.DefaultHttpxClient(
                    event_hooks={"request": [self._watch], "response": [self._listen]},
                    trust_env=not self.endpoint.is_here,  # no proxy leads to this machine
                    verify=httpx2.create_ssl_context() if self.endpoint.is_here else True,  # SSL_CERT_FILE holds here
                ),
            )
        return self._client

    def _watch(self, request: httpx2.Request) -> None:
        request.extensions["trace"] = self._traced

    def _traced(self, name: str, told: Mapping[str, Any]) -> None:
        if name.endswith(("connect_tcp.complete", "start_tls.complete")) and told.get("return_value"):
            opened = told["return_value"].get_extra_info("socket")
            if opened is not None:
                self._sockets.append(opened)

    def _listen(self, response: httpx2.Response) -> None:
        if response.status_code in (301, 302, 303) and response.request.method == "POST":
            raise Moved(response.headers.get("location", ""))  # to follow it would be to ask with nothing said
        response.stream = _heard(response.stream, self._hear)  # type: ignore[arg-type]

    def _hear(self) -> None:
        self._heard = time.monotonic()


def _heard(stream: httpx2.SyncByteStream, hear: Callable[[], None]) -> httpx2.SyncByteStream:
    import httpx2

    class Heard(httpx2.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            for part in stream:
                hear()
                yield part

        def close(self) -> None:
            stream.close()

    return Heard()


def _read(client: openai.OpenAI, request: Mapping[str, Any], box: queue.Queue[Any], given_up: threading.Event) -> None:
    import openai

    opened: Any = None
    try:
        opened = client.chat.completions.create(**request)
        for piece in _decoded(opened):
            if given_up.is_set():
                break
            box.put(piece)
        box.put(_END)
    except openai.APIStatusError as error:
        box.put(error)
    except openai.APIConnectionError as error:
        box.put(error)
    except openai.APIError as error:  # an error in the middle of a stream that began well
        box.put(_broken_off({"error": error.body or {"message": error.message}}))
    except (openai.OpenAIError, NoStream, BrokenOff, ValueError) as error:
        box.put(error)
    except Exception as error:  # noqa: BLE001 - whatever the connection raises when it breaks
        broken = openai.APIConnectionError(request=_request_of(opened))
        broken.__cause__ = error
        box.put(broken)
    finally:
        if given_up.is_set():  # what is still sent is refused, not taken and thrown away
            if response := getattr(opened, "response", None):
                response.close()
            client.close()


def _request_of(opened: Any) -> Any:
    import httpx2

    return opened.response.request if opened else httpx2.Request("POST", "http://127.0.0.1/")


def _decoded(stream: Any) -> Iterable[dict[str, Any]]:
    """Yield the pieces of an answer as plain values, also where it was asked for, or comes, in one piece."""
    if not hasattr(stream, "response"):  # asked for in one piece
        told = stream.model_dump(warnings=False) if hasattr(stream, "model_dump") else None
        yield _whole(told, "The server")
        return
    host = stream.response.url.host
    kind = stream.response.headers.get("content-type", "").partition(";")[0].strip()
    if kind == "application/json":
        yield _whole(json.loads(stream.response.read()), host)
        return
    if kind and kind != "text/event-stream":
        raise NoStream(f"{host} answered with {kind}, which is no answer of a model.")
    for piece in stream:
        told = piece.model_dump(warnings=False) if hasattr(piece, "model_dump") else piece
        if not isinstance(told, dict):
            continue
        if told.get("error") or told.get("object") == "error":
            raise _broken_off(told)
        yield told


def _whole(told: Any, host: str) -> dict[str, Any]:
    if isinstance(told, list) and told:  # so Google's errors come
        told = told[0]
    if isinstance(told, dict) and told.get("error"):
        raise _broken_off(told)
    if not isinstance(told, dict) or not isinstance(told.get("choices"), list):
        raise NoStream(f"{host} did not answer as a model does.")
    return {**told, "choices": [{**choice, "delta": choice.get("message") or {}} for choice in told["choices"]]}


def _broken_off(told: Mapping[str, Any]) -> BrokenOff:
    error = told.get("error") or told
    if not isinstance(error, Mapping):
        return BrokenOff(str(error)[:500])
    code = error.get("code") or error.get("status")
    return BrokenOff(str(error.get("message") or error)[:500], code if isinstance(code, int) else 0)
