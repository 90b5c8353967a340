"""Ask a model, and yield its answer as it comes. Any endpoint that speaks the chat-completions protocol will do."""

from __future__ import annotations

import queue
import random
import threading
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from luci.chat.messages import Answer, AskedAgain, Message, Replying, ToolCall, Usage
from luci.chat.providers import Endpoint, newest
from luci.config import ModelSettings
from luci.errors import Interrupted, LuciError
from luci.events import Event
from luci.values import Value

if TYPE_CHECKING:
    import openai

DELAYS = (1.0, 3.0, 8.0, 20.0)  # seconds before the next try, where the endpoint names none
LONGEST_WAIT = 120.0  # seconds: who wants to be left alone for longer is not asked again
_LOOK = 0.05  # seconds between two looks whether we are to stop


class ModelError(LuciError):
    """The model did not answer, or not with what the protocol has."""


class NoTools(ModelError):
    """The endpoint refuses a request because it offers tools."""


class Model:
    """One model of one endpoint."""

    def __init__(self, endpoint: Endpoint, settings: ModelSettings, stop: Callable[[], bool]) -> None:
        self.endpoint, self.settings, self.stop = endpoint, settings, stop
        self._client: openai.OpenAI | None = None
        self._name = "" if endpoint.family else endpoint.model

    @property
    def name(self) -> str:
        """The model's name; where only a family or nothing is named, the endpoint is asked what it offers."""
        if not self._name:
            offered = self.offered()
            best = newest(offered, self.endpoint.family) if self.endpoint.family else next(iter(offered), "")
            self._name = best or self.endpoint.model
        if not self._name:
            raise ModelError(f"{self.endpoint.host} offers no model.", hint="Name one: luci config model.name NAME")
        return self._name

    def offered(self) -> list[str]:
        """Return the models that the endpoint names, none where it does not say."""
        import openai

        try:
            return [model.id for model in self._open().models.list()]
        except openai.AuthenticationError as error:
            raise _refused(error, self.endpoint) from error
        except (openai.OpenAIError, ValueError):
            return []

    def answer(
        self, messages: Sequence[Message], tools: Sequence[dict[str, Any]] = (), most: int = 0
    ) -> Generator[Event, None, Answer]:
        """Ask, and return the answer. A passing fault is tried again; an answer that broke off is asked for anew, and
        if it breaks off each time, the longest piece is returned, marked. `most` limits the tokens of the answer.

        Raises ModelError where there is no answer at all.
        """
        request = {
            "model": self.name,
            "messages": [message.as_wire() for message in messages],
            "stream": True,
            "stream_options": {"include_usage": True},
            **({"tools": list(tools)} if tools else {}),
            **({_MOST.get(self.endpoint.provider, "max_tokens"): most} if most else {}),
        }
        longest: Answer | None = None
        tries = max(1, self.settings.tries)
        for left in reversed(range(tries)):
            fault, piece = yield from self._try(request)
            if piece and not fault:
                return piece
            if piece and (longest is None or len(piece.message.text) > len(longest.message.text)):
                longest = piece
            assert fault
            if fault.final or self.stop() or not left:
                if longest and longest.message.text:
                    return longest
                raise fault.error
            delay = fault.wish or DELAYS[min(tries - left - 1, len(DELAYS) - 1)] * (0.8 + 0.4 * random.random())
            if delay > LONGEST_WAIT:
                raise ModelError(
                    fault.error.message, cause=f"It wants to be left alone for {delay:.0f} s.", hint=fault.error.hint
                )
            yield AskedAgain(fault.error.message, delay)
            self._pause(delay)
        raise AssertionError("there is at least one try")

    def _try(self, request: dict[str, Any]) -> Generator[Event, None, tuple[_Fault | None, Answer | None]]:
        """Return the answer, or why there is none; both for an answer that broke off."""
        import openai

        written = _Written()
        try:
            for chunk in self._chunks(request):
                if text := written.take(chunk):
                    yield Replying(text)
        except Interrupted:
            return None, written.answer("it was stopped")
        except openai.APIStatusError as error:
            return _of_status(error, self.endpoint), None
        except (openai.APITimeoutError, _Silence):
            fault = _fault(f"{self.endpoint.host} said nothing for {self.settings.timeout_seconds:g} s.")
            return fault, written.answer("the model fell silent")
        except openai.APIConnectionError as error:
            fault = _fault(f"{self.endpoint.host} cannot be reached.", cause=str(error.__cause__ or error))
            return fault, written.answer("the connection broke off")
        except (openai.APIError, ValueError) as error:  # ValueError: what came is no JSON
            fault = _fault(f"{self.endpoint.host} answered with what is no answer.", cause=str(error)[:300])
            return fault, written.answer("the answer broke off")
        except _NoStream as error:
            return _Fault(ModelError(str(error), hint="Is the address right? Most end in /v1."), final=True), None
        if not written.reason:
            return _fault(f"The answer of {self.endpoint.host} broke off."), written.answer("it broke off")
        return None, written.answer(_WHY_NOT_WHOLE.get(written.reason, ""))

    def _chunks(self, request: dict[str, Any]) -> Iterable[dict[str, Any]]:
        """Yield what comes, read by a thread, so that silence and a stop are noticed. Raises Interrupted."""
        box: queue.Queue[Any] = queue.Queue()
        opened: list[Any] = []
        given_up = threading.Event()

        def read() -> None:
            import openai

            try:
                stream = self._open().chat.completions.create(**request)
                opened.append(stream)
                for chunk in _decoded(stream):
                    if given_up.is_set():
                        break
                    box.put(chunk)
                box.put(_END)
            except (openai.OpenAIError, _NoStream, ValueError) as error:
                box.put(error)
            except Exception as error:  # noqa: BLE001 - whatever the connection raises when it breaks
                broken = openai.APIConnectionError(request=_request_of(opened))
                broken.__cause__ = error
                box.put(broken)

        threading.Thread(target=read, name="model", daemon=True).start()
        heard = time.monotonic()
        try:
            while True:
                if self.stop():
                    raise Interrupted("Stopped.")
                try:
                    chunk = box.get(timeout=_LOOK)
                except queue.Empty:
                    if time.monotonic() - heard > self.settings.timeout_seconds:
                        raise _Silence from None
                    continue
                heard = time.monotonic()
                if chunk is _END:
                    return
                if isinstance(chunk, Exception):
                    raise chunk
                yield chunk
        finally:
            given_up.set()
            for stream in opened:
                threading.Thread(target=stream.close, daemon=True).start()

    def _open(self) -> openai.OpenAI:
        if self._client is None:
            import openai  # half a second, and only a conversation needs it

            self._client = openai.OpenAI(
                base_url=self.endpoint.base_url,
                api_key=self.endpoint.key or "none",
                max_retries=0,  # ours are told, and can be stopped
                timeout=self.settings.timeout_seconds,
                default_headers={"X-Title": "luci"},
            )
        return self._client

    def _pause(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if self.stop():
                raise Interrupted("Stopped.")
            time.sleep(min(left, _LOOK))


_END = object()
_MOST = {"openai": "max_completion_tokens"}  # others know only the older word
_WHY_NOT_WHOLE = {
    "length": "it reached the model's limit of length",
    "content_filter": "the endpoint's filter cut it",
}


class _NoStream(Exception):
    """What came is not of the protocol."""


class _Silence(Exception):
    """Nothing came for too long."""


class _Fault(Value):
    error: ModelError
    final: bool = False  # another try would change nothing
    wish: float = 0.0  # seconds that the endpoint wants to be left alone


def _fault(message: str, cause: str = "") -> _Fault:
    return _Fault(ModelError(message, cause=cause))


def _request_of(opened: list[Any]) -> Any:
    import httpx2

    return opened[0].response.request if opened else httpx2.Request("POST", "http://127.0.0.1/")


def _decoded(stream: Any) -> Iterable[dict[str, Any]]:
    """Yield the chunks of a stream as plain values, also where the endpoint answers in one piece."""
    kind = stream.response.headers.get("content-type", "").partition(";")[0].strip()
    if kind == "application/json":
        import json

        whole = json.loads(stream.response.read())
        if not isinstance(whole, dict) or not isinstance(whole.get("choices"), list):
            raise _NoStream(f"{stream.response.url.host} did not answer as a model does.")
        choices = [{**choice, "delta": choice.get("message") or {}} for choice in whole["choices"]]
        yield {**whole, "choices": choices}
        return
    if kind and kind != "text/event-stream":
        raise _NoStream(f"{stream.response.url.host} answered with {kind}, which is no answer of a model.")
    for chunk in stream:
        yield chunk.model_dump()


@dataclass
class _Written:
    """An answer while it comes in pieces."""

    text: str = ""
    calls: dict[int, list[str]] = field(default_factory=dict)  # position: id, name, arguments
    reason: str = ""
    usage: Usage = field(default_factory=Usage)
    model: str = ""

    def take(self, chunk: dict[str, Any]) -> str:
        """Take a piece in; return what it adds to the text."""
        self.model = chunk.get("model") or self.model
        if told := chunk.get("usage"):
            self.usage = Usage(told.get("prompt_tokens"), told.get("completion_tokens"), told.get("cost"))
        new = ""
        for choice in (chunk.get("choices") or [])[:1]:
            delta = choice.get("delta") or {}
            new = delta.get("content") or delta.get("refusal") or ""
            self.text += new
            for at, piece in enumerate(delta.get("tool_calls") or ()):
                self._take_call(piece, at)
            self.reason = choice.get("finish_reason") or self.reason
        return new

    def _take_call(self, piece: dict[str, Any], at: int) -> None:
        position = piece.get("index")
        call = self.calls.setdefault(at if position is None else position, ["", "", ""])
        function = piece.get("function") or {}
        call[0] = piece.get("id") or call[0]
        call[1] = call[1] or function.get("name") or ""
        call[2] += function.get("arguments") or ""

    def answer(self, why_not_whole: str) -> Answer:
        """Return what there is. Of an answer that is not whole no call is kept: half a call is none."""
        calls = () if why_not_whole else tuple(ToolCall(*call) for _, call in sorted(self.calls.items()))
        named = tuple(
            ToolCall(call.id or f"call-{number}", call.name, call.arguments) for number, call in enumerate(calls)
        )
        message = Message("assistant", self.text, named, whole=not why_not_whole)
        return Answer(message, self.usage, self.model, why_not_whole)


def _of_status(error: openai.APIStatusError, endpoint: Endpoint) -> _Fault:
    code = error.status_code
    if code in (401, 403):
        return _Fault(_refused(error, endpoint), final=True)
    said = _said(error)
    if code == 404:
        hint = "`luci doctor` says which models there are." if endpoint.model else ""
        return _Fault(ModelError(f"{endpoint.host} knows no such thing.", cause=said, hint=hint), final=True)
    if code in (400, 422) and "tool" in said.lower():
        return _Fault(NoTools(f"{endpoint.model} takes no tools.", cause=said), final=True)
    if code == 429 or code >= 500 or code == 408:
        message = f"{endpoint.host} has too much to do." if code == 429 else f"{endpoint.host} answered {code}."
        return _Fault(ModelError(message, cause=said), wish=_wish(error.response.headers.get("retry-after", "")))
    return _Fault(ModelError(f"{endpoint.host} refused the request ({code}).", cause=said), final=True)


def _refused(error: openai.APIStatusError, endpoint: Endpoint) -> ModelError:
    where = endpoint.origin or "the settings"
    return ModelError(
        f"{endpoint.host} does not accept the key.", cause=_said(error), hint=f"The key comes from {where}."
    )


def _said(error: openai.APIStatusError) -> str:
    """Return the endpoint's own words, of a page of HTML none."""
    body = error.body
    if isinstance(body, dict):
        inner = body.get("error", body)
        body = inner.get("message") if isinstance(inner, dict) else inner
    text = str(body or error.message)
    return "" if "<html" in text.lower() else text[:500]


def _wish(header: str) -> float:
    """Return the seconds of a Retry-After; a date is not heeded."""
    try:
        return max(0.0, float(header))
    except ValueError:
        return 0.0
