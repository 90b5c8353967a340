"""Where a container engine is looked for, and what is said where none is."""

from __future__ import annotations

import hashlib
import json
import socket
from pathlib import Path

import pytest

from luci.envs import bases
from luci.errors import EnvError
from luci.walls import attach, container, engines
from tests.engines import SOCKETS, why_not


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "CONTAINER_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    return tmp_path


def test_what_is_named_is_asked_first_and_alone(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [origin for origin, _ in engines.addresses("docker")] == ["rootless", "rootless", "desktop", "the machine's"]
    meta = home / ".docker" / "contexts" / "meta" / hashlib.sha256(b"mine").hexdigest() / "meta.json"
    meta.parent.mkdir(parents=True)
    meta.write_text(json.dumps({"Name": "mine", "Endpoints": {"docker": {"Host": "unix:///mine.sock"}}}))
    (home / ".docker" / "config.json").write_text(json.dumps({"currentContext": "mine"}))
    assert next(engines.addresses("docker")) == ("the docker context", "unix:///mine.sock")
    monkeypatch.setenv("DOCKER_CONTEXT", "default")
    assert next(engines.addresses("docker"))[0] == "rootless"
    monkeypatch.setenv("DOCKER_HOST", "unix:///named.sock")
    assert list(engines.addresses("docker")) == [("DOCKER_HOST", "unix:///named.sock")]


def test_where_none_answers_all_that_was_tried_is_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{home}/none.sock")
    with pytest.raises(EnvError) as failed:
        engines.find("docker")
    assert failed.value.cause == f"{home}/none.sock (DOCKER_HOST): No such file or directory"
    assert "DOCKER_HOST" in failed.value.hint
    monkeypatch.setenv("DOCKER_HOST", "ssh://elsewhere")
    with pytest.raises(EnvError, match="is not on this machine"):
        engines.find("docker")


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("write /x: no space left on device", "The disk of Docker 20 is full."),
        ("No such image: luci/app:1 (404)", "The image is gone."),
        ("network bridge not found (404)", "The network that was asked for cannot be had in a container."),
        ("something else (500)", "Docker 20 could not start the container."),
    ],
)
def test_what_an_engine_refuses_is_told_in_a_line_with_what_to_do(said: str, message: str) -> None:
    error = container.trouble(said, engines.Engine("docker", "/docker.sock", "Docker 20"))
    assert (error.message, error.cause) == (message, said) and error.hint


def test_an_engine_that_falls_silent_is_not_waited_for_without_end(home: Path) -> None:
    place = home / "silent.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(place))
        server.listen()
        engine = engines.Engine("podman", str(place), "Podman 4", podman=True)
        with pytest.raises(EnvError, match=r"Podman 4 was silent for 1 s\."), bases.talking(engine, 1) as client:
            list(client.pull("host/image", stream=True))


def test_a_socket_that_speaks_no_engine_s_language_is_none(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    place = home / "other.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(place))
        server.listen()

        def answer() -> None:
            talk, _ = server.accept()
            with talk:
                talk.recv(1000)
                talk.sendall(b"220 mail.example.org ESMTP\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        monkeypatch.setenv("DOCKER_HOST", f"unix://{place}")
        with pytest.raises(EnvError) as failed:
            engines.find("docker")
        thread.join()
    assert "does not answer as an engine does" in failed.value.cause


@pytest.mark.parametrize("kind", ["docker", "podman"])
def test_an_engine_that_lends_no_streams_is_told_in_its_own_words(kind: str) -> None:
    if no := why_not(kind):
        pytest.skip(no)
    held = attach.Container(SOCKETS[kind].removeprefix("unix://"))
    held.id = "never-made"
    with pytest.raises(attach.Refused, match=r"(?i)^[^{}\r\n]*no such container[^{}\r\n]* \(404\)$"):
        held.attached()
