"""A server on 127.0.0.1 that speaks the chat-completions protocol, and says what a test has written down for it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, Self

Body = Mapping[str, Any]


@dataclass(frozen=True)
class Said:
    """An answer. `calls` are pairs of a tool's name and its arguments, as values or as the raw text of bad JSON.

    `fault` is how it goes wrong: "drop" hangs up half-way, "silence" sends half and then nothing until the test is
    over, "html" is a page, "whole" comes in one piece although a stream was asked for.
    """

    text: str = ""
    calls: tuple[tuple[str, Any], ...] = ()
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    message: str = ""  # of an error
    refusal: str = ""
    usage: Mapping[str, Any] | None = None
    reason: str = ""  # why it ended, if not for the usual reason
    fault: Literal["", "drop", "silence", "html", "whole", "garbage"] = ""
    piece: int = 7  # characters that come at once

    def message_of(self) -> dict[str, Any]:
        calls = [
            {"id": f"c{n}", "type": "function", "function": {"name": name, "arguments": _text(arguments)}}
            for n, (name, arguments) in enumerate(self.calls)
        ]
        return {"role": "assistant", "content": self.text, **({"tool_calls": calls} if calls else {})}

    def chunks(self) -> Iterator[dict[str, Any]]:
        if self.refusal:
            yield _chunk({"refusal": self.refusal})
        for at in range(0, len(self.text), self.piece):
            yield _chunk({"content": self.text[at : at + self.piece]})
        for n, call in enumerate(self.message_of().get("tool_calls", ())):
            function = call["function"]
            yield _chunk(
                {"tool_calls": [{**call, "index": n, "function": {"name": function["name"], "arguments": ""}}]}
            )
            for at in range(0, len(function["arguments"]), self.piece):
                piece = function["arguments"][at : at + self.piece]
                yield _chunk({"tool_calls": [{"index": n, "function": {"arguments": piece}}]})
        yield _chunk({}, self.reason or ("tool_calls" if self.calls else "stop"))
        if self.usage is not None:
            yield {**_chunk({}), "choices": [], "usage": dict(self.usage)}


def _text(arguments: Any) -> str:
    return arguments if isinstance(arguments, str) else json.dumps(arguments)


def _chunk(delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    return {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "scripted", "choices": [choice]}


Next = Said | Callable[[Body], Said]


class ModelServer:
    """`script` holds what is said next; an entry may be a function of the request. `requests` are those that came."""

    def __init__(self, *script: Next, models: tuple[str, ...] = ("scripted",)) -> None:
        self.script, self.models = list(script), models
        self.requests: list[Body] = []
        self.keys: list[str] = []
        self.over = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"owner": self}))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    @property
    def environ(self) -> dict[str, str]:
        """The variables that lead luci here."""
        return {"LUCI_BASE_URL": self.url, "LUCI_MODEL": "scripted", "LUCI_API_KEY": "key-for-tests-only"}

    def heard(self, request: int = -1) -> list[dict[str, Any]]:
        """The messages of a request."""
        return list(self.requests[request]["messages"])

    def told(self, request: int = -1) -> str:
        """What the model was told last, as text."""
        return str(self.heard(request)[-1]["content"])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    owner: ModelServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path.endswith("/models"):
            listed = [{"id": name, "object": "model", "created": 1, "owned_by": "tests"} for name in self.owner.models]
            self._send(200, json.dumps({"object": "list", "data": listed}))
        else:
            self._send(404, "{}")

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.owner.requests.append(body)
        self.owner.keys.append(self.headers.get("Authorization", ""))
        if not self.owner.script:
            self._send(500, json.dumps({"error": {"message": "the script of this test is over"}}))
            return
        following = self.owner.script.pop(0)
        said = following(body) if callable(following) else following
        if said.status != 200:
            self._send(said.status, json.dumps({"error": {"message": said.message}}), headers=said.headers)
        elif said.fault == "html":
            self._send(200, "<html><body>Welcome to nginx!</body></html>", "text/html")
        elif said.fault == "whole":
            choice = {"index": 0, "message": said.message_of(), "finish_reason": "stop"}
            self._send(200, json.dumps({"id": "1", "object": "chat.completion", "created": 1, "choices": [choice]}))
        else:
            self._stream(said)

    def _stream(self, said: Said) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        chunks = list(said.chunks())
        if said.fault:
            chunks = chunks[: len(chunks) // 2]
        for chunk in chunks:
            self._event(json.dumps(chunk))
        if said.fault == "garbage":
            self._event("{this is no JSON")
        if said.fault == "silence":
            self.owner.over.wait()
        if not said.fault:
            self._event("[DONE]")
        self.close_connection = True

    def _event(self, data: str) -> None:
        self.wfile.write(f"data: {data}\n\n".encode())
        self.wfile.flush()

    def _send(
        self, status: int, body: str, kind: str = "application/json", headers: Mapping[str, str] | None = None
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body.encode())))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *args: object) -> None:
        pass

    def handle(self) -> None:
        try:
            super().handle()
        except ConnectionError:  # the client went away, as clients do
            self.close_connection = True
