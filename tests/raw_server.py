"""A server on 127.0.0.1 that answers each request with the bytes that a test gives it, in the pieces that it gives."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Sequence
from typing import Self


class RawServer:
    """`answers` are sent one to a request, each in its pieces; then the connection is closed. `paths` were asked
    for."""

    def __init__(self, *answers: Sequence[bytes], tls: ssl.SSLContext | None = None) -> None:
        self.answers, self.tls, self.paths = list(answers), tls, list[str]()
        self._listening = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http{'s' if self.tls else ''}://127.0.0.1:{self._listening.getsockname()[1]}/v1"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):  # it is closed when the test is over
            while True:
                connection, _ = self._listening.accept()
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):  # who asked went away, or does not trust us
            if self.tls:
                connection = self.tls.wrap_socket(connection, server_side=True)
            with connection, connection.makefile("rb") as told:
                self.paths.append(told.readline().split()[1].decode())
                length = 0
                while line := told.readline().strip():
                    name, _, value = line.partition(b":")
                    length = int(value) if name.lower() == b"content-length" else length
                told.read(length)
                for piece in self.answers.pop(0):
                    connection.sendall(piece)
