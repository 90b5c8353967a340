"""A few words of an engine's language, by its socket (the Engine API, also Podman's). It imports nothing of luci's."""

import _socket
import json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SIZE = 1 << 16


def ask(socket: str, method: str, path: str, body: "dict[str, Any] | bytes | None" = None) -> "tuple[int, Any]":
    """Return the status and the answer, as JSON says or as text; `body` goes as JSON, or is a tar. Raises OSError."""
    talk = connected(socket)
    try:
        talk.sendall(request(method, path, body))
        return parsed(everything(talk))
    finally:
        talk.close()


def ping(socket: str) -> "tuple[int, str]":
    """Return the status of an engine's answer, and which program it says it is. Raises OSError."""
    talk = connected(socket)
    try:
        talk.sendall(request("GET", "/_ping", None))
        answer = everything(talk)
    finally:
        talk.close()
    head = answer.partition(b"\r\n\r\n")[0].decode("latin-1")
    servers = [line.partition(":")[2].strip() for line in head.split("\r\n") if line.lower().startswith("server:")]
    return parsed(answer)[0], "".join(servers[:1])


def connected(socket: str) -> "_socket.socket":
    talk = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
    talk.connect(socket)
    return talk


def request(method: str, path: str, body: "dict[str, Any] | bytes | None") -> bytes:
    content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    kind = "x-tar" if isinstance(body, bytes) else "json"
    head = f"{method} {path} HTTP/1.1\r\nHost: luci\r\nConnection: close\r\nContent-Type: application/{kind}\r\n"
    return f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content


def everything(talk: "_socket.socket") -> bytes:
    pieces = []
    while piece := talk.recv(SIZE):
        pieces.append(piece)
    return b"".join(pieces)


def parsed(answer: bytes) -> "tuple[int, Any]":
    head, _, content = answer.partition(b"\r\n\r\n")
    words = head.split(b" ", 2)
    if len(words) < 2 or not words[1].isdigit():
        raise ConnectionError("it does not answer as an engine does")
    if b"transfer-encoding: chunked" in head.lower():
        content = unchunked(content)
    try:
        return int(words[1]), json.loads(content) if content.strip() else None
    except ValueError:
        return int(words[1]), content.decode("utf-8", "replace")


def unchunked(content: bytes) -> bytes:
    pieces = []
    while content:
        size_text, _, content = content.partition(b"\r\n")
        size = int(size_text.split(b";")[0] or b"0", 16)
        if not size:
            break
        pieces.append(content[:size])
        content = content[size + 2 :]
    return b"".join(pieces)
