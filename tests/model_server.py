"""A server on 127.0.0.1 that speaks the chat-completions protocol, and says what a test has written down for it."""

from __future__ import annotations

import json
import select
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, Self

from tests.model_dialects import Dialect, piece

Body = Mapping[str, Any]


@dataclass(frozen=True)
class Said:
    """An answer. `calls` are pairs of a tool's name and its arguments, as values or as the raw text of bad JSON.

    `fault` is how it goes wrong: "drop" hangs up half-way, "silence" sends half and then nothing until the test is
    over, "html" is a page, "whole" comes in one piece although a stream was asked for, "error" is an error in the
    middle of a stream, "waits" says nothing at all until the test is over, "lingers" keeps the connection after the
    whole answer. `alive` are comments before the answer,
    ten a second.
    """

    text: str = ""
    calls: tuple[tuple[str, Any], ...] = ()
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    message: str = ""  # of an error
    refusal: str = ""
    thoughts: str = ""  # sent apart from the answer, as the dialect does
    usage: Mapping[str, Any] | None = None
    reason: str = ""  # why it ended, if not for the usual reason
    fault: Literal["", "drop", "silence", "html", "whole", "garbage", "error", "waits", "lingers"] = ""
    error: Mapping[str, Any] = field(default_factory=dict)  # what is said in the middle of a stream
    alive: int = 0
    piece: int = 7  # characters that come at once

    def message_of(self) -> dict[str, Any]:
        calls = [
            {"id": f"c{n}", "type": "function", "function": {"name": name, "arguments": _text(arguments)}}
            for n, (name, arguments) in enumerate(self.calls)
        ]
        return {"role": "assistant", "content": self.text, **({"tool_calls": calls} if calls else {})}

    def chunks(self, body: Body, dialect: Dialect) -> Iterator[dict[str, Any]]:
        if self.refusal:
            yield piece({"refusal": self.refusal})
        for at in range(0, len(self.thoughts), self.piece):
            yield piece(dialect.thought(self.thoughts[at : at + self.piece]))
        for at in range(0, len(self.text), self.piece):
            yield piece({"content": self.text[at : at + self.piece]})
        yield from dialect.calls(self.message_of().get("tool_calls", []), self.piece)
        yield piece({}, self.reason or dialect.reason("tool_calls" if self.calls else "stop"))
        yield from dialect.end(self.usage, body)


def _text(arguments: Any) -> str:
    return arguments if isinstance(arguments, str) else json.dumps(arguments)


Next = Said | Callable[[Body], Said]


class ModelServer:
    """`script` holds what is said next; an entry may be a function of the request. `requests` are those that came."""

    def __init__(self, *script: Next, models: tuple[str, ...] = ("scripted",), dialect: Dialect | None = None) -> None:
        self.script, self.models, self.dialect = list(script), models, dialect or Dialect()
        self.requests: list[Body] = []  # that were taken
        self.refused: list[Body] = []  # by the dialect
        self.keys: list[str] = []
        self.left: list[Body] = []  # whose answers nobody waited for
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
        if self.path == "/v1/models":
            status, told = self.owner.dialect.refuses_models(dict(self.headers)) or (
                200,
                self.owner.dialect.models(self.owner.models),
            )
            self._send(status, json.dumps(told))
        elif (known := self.owner.dialect.tells(self.path)) is not None:
            self._send(200, json.dumps(known))
        else:
            self._send(404, "{}")

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if refusal := self.owner.dialect.refusal(body, dict(self.headers)):
            self.owner.refused.append(body)
            self._send(refusal[0], json.dumps(refusal[1]))
            return
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
        elif said.fault == "waits":
            self._wait(body)
        elif said.fault == "whole" or not body.get("stream"):
            choice = {"index": 0, "message": said.message_of(), "finish_reason": "stop"}
            self._send(200, json.dumps({"id": "1", "object": "chat.completion", "created": 1, "choices": [choice]}))
        else:
            try:
                self._stream(said, body)
            except ConnectionError:
                self.owner.left.append(body)
                raise

    def _wait(self, body: Body) -> None:
        """Say nothing, until the test is over or nobody waits any more."""
        while not self.owner.over.wait(0.02):
            ready, _, _ = select.select([self.connection], [], [], 0)
            if ready and not self.connection.recv(1, socket.MSG_PEEK):
                self.owner.left.append(body)
                break
        self.close_connection = True

    def _stream(self, said: Said, body: Body) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        dialect = self.owner.dialect
        chunks = list(said.chunks(body, dialect))
        if said.fault and said.fault != "lingers":
            chunks = chunks[: len(chunks) // 2]
        for _ in range(said.alive):
            self.wfile.write(b": OPENROUTER PROCESSING\n\n")
            self.wfile.flush()
            self.owner.over.wait(0.1)
        for chunk in chunks:
            self.wfile.write(dialect.before().encode())
            self._event(json.dumps(chunk))
        if said.error:
            self._event(json.dumps(said.error))
        if said.fault == "garbage":
            self._event("{this is no JSON")
        if said.fault in ("silence", "lingers"):
            self._wait(body)
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
