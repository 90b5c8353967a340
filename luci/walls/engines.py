"""Container engines: which socket one answers on, and a few words of its language (the Engine API, also Podman's)."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import socket
import struct
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from luci import paths
from luci.errors import EnvError
from luci.values import Value
from luci.walls import words
from luci.walls.asked import Limits

IDLE_SECONDS = 60  # a service that luci started for Podman ends by itself after that
_STARTING_SECONDS = 10
_OF_PODMAN = "/v4.0.0/libpod/info"
_OF_DOCKER = {"memory": "MemoryLimit", "cpu": "CpuCfsQuota", "pids": "PidsLimit"}


class Engine(Value):
    """An engine that answers. `says` is what it is, `rootless` whether root inside is the person outside."""

    name: str
    socket: str
    says: str = ""
    rootless: bool = False
    podman: bool = False

    @property
    def address(self) -> str:
        return f"unix://{self.socket}"

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> tuple[int, Any]:
        """Return the status and what was answered. Raises OSError."""
        return words.ask(self.socket, method, path, body)


def find(name: str) -> Engine:
    """Return the engine of a kind. Raises EnvError with all that was tried."""
    tried = []
    for origin, address in addresses(name):
        if not address.startswith("unix://"):
            raise EnvError(
                f"The engine that {origin} names is not on this machine: it could not see the script.",
                cause=address,
                hint=f"Unset {origin}, or let it name a socket on this machine (unix:///...).",
            )
        place = address.removeprefix("unix://")
        answered, why_not = _tried(name, place)
        if answered:
            return answered
        tried.append(f"{place} ({origin}): {why_not}")
        if origin in ("DOCKER_HOST", "CONTAINER_HOST"):
            break  # it was named, and no other is meant
    else:
        if name == "podman" and (started := _service()):
            answered, why_not = _tried(name, started)
            if answered:
                return answered
            tried.append(f"{started} (podman system service): {why_not}")
    refused = any("ermission" in line for line in tried)
    what = "lets you in" if refused else "answers"
    raise EnvError(f"No {name.capitalize()} engine {what}.", cause="\n".join(tried), hint=_hint(name, refused))


def any_of_them() -> Engine:
    """Return the engine that answers, Docker's preferred. Raises EnvError."""
    try:
        return find("docker")
    except EnvError as error:
        try:
            return find("podman")
        except EnvError:
            raise error from None


def cannot_limit(engine: Engine, limits: Limits) -> str:
    """Return which limits an engine would leave out without a word, and why; empty where it holds all."""
    wanted = {"memory": limits.memory, "cpu": limits.cpus, "pids": limits.pids}
    if not any(wanted.values()):
        return ""
    if engine.podman:
        host = _info(engine.socket, _OF_PODMAN).get("host", {})
        has = {name: name in host.get("cgroupControllers", wanted) for name in wanted}
        why = f"control groups of {host.get('cgroupVersion', 'this machine')} are not given to it"
    else:
        told = _info(engine.socket, "/info")
        has = {name: told.get(said, True) is not False for name, said in _OF_DOCKER.items()}
        why = "control groups are not given to it"
    lacks = [name for name, figure in wanted.items() if figure and not has[name]]
    return f"{engine.says} limits no {' and no '.join(lacks)} here: {why}" if lacks else ""


def ulimits(engine: Engine) -> list[dict[str, Any]]:
    """Return limits that a Podman may set: its own, for what it would choose is more than some machines allow. Where
    another process listens for it, what every machine allows."""
    with socket.socket(socket.AF_UNIX) as talk:
        talk.connect(engine.socket)
        pid = struct.unpack("3i", talk.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
    found = {"nofile": (1024, 4096), "nproc": (4096, 4096)}
    with contextlib.suppress(OSError, ValueError):
        if Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip() == "podman":
            lines = Path(f"/proc/{pid}/limits").read_text(encoding="utf-8").splitlines()
            for name, called in (("nofile", "Max open files"), ("nproc", "Max processes")):
                soft, hard, *_ = next(line for line in lines if line.startswith(called)).removeprefix(called).split()
                found[name] = int(soft), int(hard)
    return [{"Name": name, "Soft": soft, "Hard": hard} for name, (soft, hard) in found.items()]


def _hint(name: str, refused: bool) -> str:
    if refused:
        return "Join the group that may use its socket (for Docker: `docker`), or use a rootless engine."
    if name == "docker":
        return "Start it (`systemctl start docker`, or rootless), or let DOCKER_HOST name its socket."
    return "Install Podman, or start `podman system service` and let CONTAINER_HOST name its socket."


def addresses(name: str) -> Iterator[tuple[str, str]]:
    """Yield (who says so, address) of the places where an engine may answer, the first preferred."""
    runtime = os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}"
    home = Path.home()
    if name == "podman":
        if host := os.environ.get("CONTAINER_HOST"):
            yield "CONTAINER_HOST", host
        yield "rootless", f"unix://{runtime}/podman/podman.sock"
        yield "the machine's", "unix:///run/podman/podman.sock"
        return
    if host := os.environ.get("DOCKER_HOST"):
        yield "DOCKER_HOST", host
        return
    if host := _of_context(home / ".docker"):
        yield "the docker context", host
    yield "rootless", f"unix://{runtime}/docker.sock"
    yield "rootless", f"unix://{home}/.docker/run/docker.sock"
    yield "desktop", f"unix://{home}/.docker/desktop/docker.sock"
    yield "the machine's", "unix:///var/run/docker.sock"


def _of_context(folder: Path) -> str:
    """Return the address in the context that the docker command line uses; empty for its default.

    Raises EnvError where the one that is named is not there.
    """
    folder = Path(os.environ.get("DOCKER_CONFIG") or folder)
    name = os.environ.get("DOCKER_CONTEXT") or str(_read(folder / "config.json").get("currentContext", ""))
    if name in ("", "default"):
        return ""
    digest = hashlib.sha256(name.encode()).hexdigest()
    told = _read(folder / "contexts" / "meta" / digest / "meta.json")
    if not told:
        raise EnvError(f"There is no docker context {name!r}.", hint="`docker context ls` shows those there are.")
    return str(told.get("Endpoints", {}).get("docker", {}).get("Host", ""))


def _read(file: Path) -> dict[str, Any]:
    try:
        told = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def _tried(name: str, place: str) -> tuple[Engine | None, str]:
    try:
        status, server = words.ping(place)
    except OSError as error:
        return None, error.strerror or str(error)
    if status != 200:
        return None, f"it answers with {status}"
    program, _, version = server.partition(" ")[0].partition("/")
    podman = program == "Libpod"
    return Engine(name, place, f"{'Podman' if podman else 'Docker'} {version}", _is_rootless(place, podman), podman), ""


def _is_rootless(place: str, podman: bool) -> bool:
    """Whether root inside is the person outside. Podman tells in its own words only."""
    if os.getuid() == 0 or os.stat(place).st_uid != os.getuid():
        return False
    if podman:
        return bool(_info(place, _OF_PODMAN).get("host", {}).get("security", {}).get("rootless"))
    return any("rootless" in str(option) for option in _info(place, "/info").get("SecurityOptions") or ())


def _info(place: str, path: str) -> dict[str, Any]:
    status, told = words.ask(place, "GET", path)
    return told if status == 200 and isinstance(told, dict) else {}


def _service() -> str:
    """Start Podman's service, which ends by itself, where it has none; return its socket. Empty without Podman."""
    program = shutil.which("podman")
    if program is None:
        return ""
    place = paths.state() / "podman.sock"
    if _answers(place):
        return str(place)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.unlink(missing_ok=True)
    command = [program, "system", "service", f"--time={IDLE_SECONDS}", f"unix://{place}"]
    quiet = subprocess.DEVNULL
    child = subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True)
    deadline = time.monotonic() + _STARTING_SECONDS
    while child.poll() is None and time.monotonic() < deadline and not _answers(place):
        time.sleep(0.02)
    return str(place)


def _answers(place: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as talk:
        try:
            talk.connect(str(place))
        except OSError:
            return False
    return True
