"""The images that containers are made from: each has a Python, is pulled where it is absent, and asked once."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import re
import signal
import threading
import time
from collections.abc import Callable, Generator, Iterator
from typing import Any

from luci import paths
from luci.envs import files
from luci.envs.interpreters import Interpreter
from luci.errors import EnvError, Interrupted
from luci.events import Event, Working
from luci.values import Value
from luci.walls import engines
from luci.walls.container import LABEL, trouble
from luci.walls.engines import Engine

MINORS = ("3.13", "3.12", "3.11", "3.10", "3.9", "3.14")  # what a base with {python} in its name is tried with
_SILENT_SECONDS = 60  # Podman itself waits without end for a registry that does not answer
ASK = (
    "import json, os, platform, sys, sysconfig;"
    "print(json.dumps(dict(version='.'.join(map(str, sys.version_info[:3])), executable=sys.executable,"
    " implementation=sys.implementation.name, platform=sysconfig.get_platform(), libc=platform.libc_ver(),"
    " path=os.environ.get('PATH', ''))))"
)


class Base(Value):
    """An image that has a Python: `id` is the engine's, `path` PATH inside, `libc` as in ("glibc", "2.36")."""

    id: str
    executable: str
    version: str
    implementation: str
    platform: str
    libc: tuple[str, str]
    path: str

    @property
    def interpreter(self) -> Interpreter:
        return Interpreter(
            path=self.executable,
            version=self.version,
            implementation=self.implementation,
            platform=self.platform,
            sys_platform="linux",
            os_name="posix",
        )

    @property
    def target(self) -> str:
        """The platform as uv names it."""
        machine = self.platform.removeprefix("linux-")
        kind, version = self.libc
        return (
            f"{machine}-manylinux_{version.replace('.', '_')}" if kind == "glibc" else f"{machine}-unknown-linux-musl"
        )


def insist_on_sdk() -> None:
    """Raise EnvError where the Docker SDK is not installed beside luci."""
    if importlib.util.find_spec("docker") is None:
        raise EnvError(
            "Environments in containers need the Docker SDK, which is not installed beside luci.",
            hint="Install luci[docker]; --env venv does without containers.",
        )


@contextlib.contextmanager
def talking(engine: Engine, patience: int = 600) -> Iterator[Any]:  # half of its functions have no types
    """The engine by its SDK, which may be silent for so many seconds. Raises EnvError for what it refuses."""
    insist_on_sdk()
    import docker  # 200 ms, and only what changes images needs it
    from docker.errors import DockerException
    from requests.exceptions import RequestException
    from urllib3.exceptions import HTTPError  # what is read bit by bit is not wrapped by the one above

    class Client(docker.APIClient):
        def send(self, request: Any, **how: Any) -> Any:  # some of its functions would wait without end
            return super().send(request, **{**how, "timeout": how.get("timeout") or patience})

    try:
        with contextlib.closing(Client(base_url=engine.address, timeout=patience)) as client, _ending_in_order():
            yield client
    except (DockerException, RequestException, HTTPError) as error:
        if "Read timed out" in str(error):
            message = f"{engine.says} was silent for {patience} s."
            raise EnvError(message, cause="What it waits for does not answer.", hint="luci doctor") from error
        raise trouble(str(getattr(error, "explanation", "") or error), engine) from error


class _Ended(BaseException):
    """We were told to end."""


@contextlib.contextmanager
def _ending_in_order() -> Iterator[None]:
    """Let what would end us at once do so when what we made in an engine is removed. Only the main thread can."""
    told: list[int] = []

    def end(number: int, _frame: object) -> None:
        told.append(number)
        if len(told) == 1:
            raise _Ended

    heard = [number for number in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(number) == signal.SIG_DFL]
    if threading.current_thread() is not threading.main_thread():
        heard = []
    for number in heard:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in heard:
            signal.signal(number, signal.SIG_DFL)
        if told:
            os.kill(os.getpid(), told[0])


def ready(
    engine: Engine, name: str, stop: Callable[[], bool], *, offline: bool = False
) -> Generator[Event, None, Base]:
    """Return a base, pulled where it is not there. Raises EnvError."""
    if here := at_hand(engine, name):
        return here
    if offline:
        raise EnvError(f"The image {name} is not here, and the network is off.", hint="Run once without --offline.")
    yield from _pulled(engine, name, stop)
    if here := at_hand(engine, name):
        return here
    raise EnvError(f"The image {name} is not there although it was pulled.", hint="luci doctor")


def at_hand(engine: Engine, name: str) -> Base | None:
    """Return a base that the engine has; None where it has none of that name. It is asked once what it is."""
    status, told = engine.ask("GET", f"/images/{name}/json")
    if status == 404 or (status == 500 and "o such image" in str(told)):
        return None
    if status != 200:
        raise trouble(str(told), engine)
    memory = paths.cache() / "images" / f"{re.sub(r'[^0-9a-zA-Z]+', '-', told['Id'])}.json"
    known = files.read_json(memory)
    if not known:
        code, said = inside(engine, told["Id"], ["python3", "-I", "-c", ASK])
        if code:
            raise EnvError(
                f"The image {name} has no Python that starts.", cause=said, hint="[containers] base names another."
            )
        known = json.loads(said)
        files.write_json(memory, known, needed=False)
    return base_of(told["Id"], known)


def base_of(name: str, known: dict[str, Any]) -> Base:
    """Return a base that has answered ASK."""
    libc = (known["libc"][0], known["libc"][1])
    parts = (known["executable"], known["version"], known["implementation"], known["platform"])
    return Base(name, *parts, libc, known["path"])


def _pulled(engine: Engine, name: str, stop: Callable[[], bool]) -> Iterator[Event]:
    yield Working("pulling", name)
    try:
        with talking(engine, _SILENT_SECONDS) as client:
            repository, _, tag = name.rpartition(":") if ":" in name.rpartition("/")[2] else (name, "", "latest")
            layers: dict[str, tuple[int, int]] = {}
            for line in client.pull(repository, tag=tag, stream=True, decode=True):
                if stop():
                    raise Interrupted("Stopped while pulling.")
                if "error" in line:
                    raise EnvError("", cause=str(line["error"]))
                detail = line.get("progressDetail") or {}
                if detail.get("total"):
                    layers[str(line.get("id"))] = (int(detail["current"]), int(detail["total"]))
                    done, whole = (sum(each[at] for each in layers.values()) for at in (0, 1))
                    yield Working("pulling", f"{name} ({done / 1e6:.0f} of {whole / 1e6:.0f} MB)")
    except EnvError as error:
        if "is full" in error.message:
            raise
        raise EnvError(
            f"The image {name} is not here and could not be pulled.",
            cause=f"{error.message} {error.cause}" if "silent" in error.message else error.cause or error.message,
            hint="Load it into the engine, or let [containers] base name one that is there.",
        ) from error


def pythons(engine: Engine, base: str) -> list[Interpreter]:
    """Return the Pythons of a base, those at hand first. With {python} in its name, each it may stand for: of one that
    is not here only the minor version is known."""
    if "{python}" not in base:
        here = at_hand(engine, base)
        return [here.interpreter] if here else [_unseen(minor) for minor in MINORS]
    found = {minor: at_hand(engine, base.replace("{python}", minor)) for minor in MINORS}
    there = [each.interpreter for each in found.values() if each]
    return [*there, *(_unseen(minor) for minor, each in found.items() if each is None)]


def _unseen(minor: str) -> Interpreter:
    return Interpreter("", minor, "cpython", f"linux-{os.uname().machine}", "linux", "posix")


def _code(client: Any, container: str) -> int:
    """Return the exit code of a container that said its last word: Podman is slow to tell who waits for it."""
    for _ in range(20):
        state = client.inspect_container(container)["State"]
        if state["Status"] in ("exited", "stopped"):
            return int(state["ExitCode"])
        time.sleep(0.01)
    return int(client.wait(container)["StatusCode"])


def inside(engine: Engine, image: str, command: list[str], mounts: tuple[dict[str, Any], ...] = ()) -> tuple[int, str]:
    """Run a command of luci's own in a container; return its exit code and what it said."""
    with talking(engine) as client:
        host = {
            "NetworkMode": "none",
            "Mounts": list(mounts),
            "CapDrop": ["ALL"],
            "SecurityOpt": ["no-new-privileges"],
            "ReadonlyRootfs": True,
            "Ulimits": engines.ulimits(engine) if engine.podman else [],
        }
        if engine.podman and engine.rootless:
            host["UsernsMode"] = "keep-id"
        user = "0:0" if engine.rootless and not engine.podman else f"{os.getuid()}:{os.getgid()}"
        made = client.create_container_from_config(
            {"Image": image, "Entrypoint": command[:1], "Cmd": command[1:], "User": user, "HostConfig": host,
             "WorkingDir": "/", "AttachStdout": True, "AttachStderr": True,
             "Labels": {LABEL: "run", f"{LABEL}.pid": str(os.getpid())}}
        )  # fmt: skip
        try:
            heard = client.attach(made["Id"], stream=True)
            client.start(made["Id"])
            said = b"".join(heard).decode("utf-8", "replace").strip()
            code = _code(client, made["Id"])
        finally:
            client.remove_container(made["Id"], force=True, v=True)
    return code, said
