"""Environments in a container engine, Docker's or Podman's: an image for each, of a base and one layer of packages.

uv resolves and downloads on this machine, for the image's Python and platform. So the person's index, its passwords and
uv's cache are used as for every other kind, and nothing of them comes into an image; the engine needs no network, and
no code of a package runs before its script does. A copy of the layer stays in the environment's folder, by links into
uv's cache: it is what `tree`, `why`, `verify` and `export` read, and what the image is made from again where it is
gone.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import sys
import tarfile
import tempfile
from collections.abc import Callable, Generator, Iterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from luci import paths
from luci.envs import files, installer, venvs
from luci.envs.interpreters import Interpreter
from luci.envs.sources import Sources
from luci.envs.spec import EnvSpec, label_for
from luci.envs.terms import Terms
from luci.errors import EnvError, Interrupted
from luci.events import Event, Working
from luci.values import Value, replace
from luci.walls import engines
from luci.walls.container import LABEL, Image, bind, sweep, trouble, ulimits
from luci.walls.engines import Engine

if TYPE_CHECKING:
    from luci.envs.backends import Ability

PREFIX = PurePosixPath("/opt/luci/env")  # where an environment lies in its image
RECORD = "image.json"
MINORS = ("3.13", "3.12", "3.11", "3.10", "3.9", "3.14")  # what a base with {python} in its name is tried with
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


class Containers(Value):
    """The kinds `docker` and `podman`: see luci.envs.backends."""

    engine: str
    can: frozenset[Ability] = frozenset(("requirements", "pep723", "environment.yml", "dockerfile", "shell"))

    @contextlib.contextmanager
    def making(self, folder: Path, python: Interpreter) -> Iterator[None]:
        folder.mkdir(parents=True)
        yield

    def install(
        self, spec: EnvSpec, folder: Path, sources: Sources, terms: Terms, stop: Callable[[], bool]
    ) -> Iterator[Event]:
        engine = engines.find(self.engine)
        sweep(engine)
        base = yield from ready(engine, spec.base, stop, offline=terms.offline)
        yield from fill(spec, folder, base, sources, terms, stop)
        yield Working("compiling", "what was installed")
        compile_all(engine, base, folder)
        yield from made(engine, base, spec, folder)

    def python(self, folder: Path, asked: Interpreter) -> tuple[str, str]:
        told = files.read_json(folder / RECORD)
        return str(folder / RECORD), str(told["version"])

    def witness(self, folder: Path) -> Path:
        return folder / "pyvenv.cfg"

    def starts_with(self, folder: Path) -> Path:
        return folder  # its Python is in the image

    def installed(self, folder: Path) -> dict[str, str]:
        return venvs.installed(folder)

    def needs(self, folder: Path) -> dict[str, list[str]]:
        return {}

    def brought(self, folder: Path) -> frozenset[str]:
        return frozenset()

    def faults(self, folder: Path) -> list[str]:
        try:
            engine = engines.find(self.engine)
        except EnvError as error:
            return [f"its image cannot be looked at: {error.message}"]
        return [] if is_there(engine, folder) else ["its image is gone"]

    def elsewhere(self, folder: Path) -> tuple[str, int]:
        told = files.read_json(folder / RECORD)
        return str(told.get("name", "")), int(told.get("bytes", 0))


def insist_on_sdk() -> None:
    """Raise EnvError where the Docker SDK is not installed beside luci."""
    if importlib.util.find_spec("docker") is None:
        raise EnvError(
            "Environments in containers need the Docker SDK, which is not installed beside luci.",
            hint="Install luci[docker]; --env venv does without containers.",
        )


@contextlib.contextmanager
def talking(engine: Engine) -> Iterator[Any]:  # half of its functions have no types
    """The engine by its SDK. Raises EnvError for what it refuses."""
    insist_on_sdk()
    import docker  # 200 ms, and only what changes images needs it
    from docker.errors import DockerException
    from requests.exceptions import RequestException

    client = docker.APIClient(base_url=engine.address, timeout=600)
    try:
        yield client
    except (DockerException, RequestException) as error:
        raise trouble(str(getattr(error, "explanation", "") or error), engine) from error
    finally:
        client.close()


# -- the base


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
        import json

        code, said = _inside(engine, told["Id"], ["python3", "-I", "-c", ASK])
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
        with talking(engine) as client:
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
            cause=error.cause or error.message,
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


def _inside(engine: Engine, image: str, command: list[str], mounts: tuple[dict[str, Any], ...] = ()) -> tuple[int, str]:
    """Run a command of luci's own in a container; return its exit code and what it said."""
    with talking(engine) as client:
        host = {
            "NetworkMode": "none",
            "Mounts": list(mounts),
            "CapDrop": ["ALL"],
            "SecurityOpt": ["no-new-privileges"],
            "ReadonlyRootfs": True,
            "Ulimits": ulimits() if engine.podman else [],
        }
        if engine.podman and engine.rootless:
            host["UsernsMode"] = "keep-id"
        user = "0:0" if engine.rootless and not engine.podman else f"{os.getuid()}:{os.getgid()}"
        made = client.create_container_from_config(
            {"Image": image, "Entrypoint": command[:1], "Cmd": command[1:], "User": user, "HostConfig": host,
             "WorkingDir": "/", "Labels": {LABEL: "run", f"{LABEL}.pid": str(os.getpid())}}
        )  # fmt: skip
        try:
            client.start(made["Id"])
            code = int(client.wait(made["Id"])["StatusCode"])
            said = client.logs(made["Id"]).decode("utf-8", "replace").strip()
        finally:
            client.remove_container(made["Id"], force=True, v=True)
    return code, said


# -- the layer


def fill(
    spec: EnvSpec, folder: Path, base: Base, sources: Sources, terms: Terms, stop: Callable[[], bool]
) -> Iterator[Event]:
    """Put a virtual environment for the base's Python into `folder`, as it will lie at PREFIX."""
    if installer.find_uv() is None:
        raise EnvError("Only uv can install for another machine.", hint="Install uv beside luci.")
    short = base.interpreter.short
    site = folder / "lib" / f"python{short}" / "site-packages"
    site.mkdir(parents=True)
    (folder / "bin").mkdir()
    for name in ("python", "python3", f"python{short}"):
        (folder / "bin" / name).symlink_to(base.executable)
    home = str(PurePosixPath(base.executable).parent)
    config = f"home = {home}\ninclude-system-site-packages = false\nversion = {base.version}\n"
    (folder / "pyvenv.cfg").write_text(config, encoding="utf-8")
    venvs.furnish(folder)
    more = ("--target", str(site), "--python-version", base.version, "--python-platform", base.target)
    wheels = replace(terms, builds=False)  # what is built here would be for this machine
    yield from installer.install(spec, folder, sources, wheels, stop, more, python=sys.executable)
    _move_commands(site, folder / "bin")
    venvs.add_pip(folder)


def _move_commands(site: Path, target: Path) -> None:
    """Move the commands that uv put beside the packages to where they belong, each for the Python of the image."""
    python = str(PREFIX / "bin" / "python")
    for name in files.listing(site / "bin"):
        place = site / "bin" / name
        text = place.read_bytes()
        first, _, rest = text.partition(b"\n")
        if first.startswith(b"#!") and b"python" in first:
            text = b"#!" + python.encode() + b"\n" + rest
        elif first == b"#!/bin/sh":  # how a long path is written
            text = re.sub(rb"^'''exec' .*? \"\$0\"", b"'''exec' " + python.encode() + b' "$0"', text, flags=re.M)
        place.unlink()
        (target / name).write_bytes(text)
        (target / name).chmod(0o755)
    with contextlib.suppress(OSError):
        (site / "bin").rmdir()


def compile_all(engine: Engine, base: Base, folder: Path) -> None:
    """Compile in the base itself what was installed: in a container that only reads it would be done at each start."""
    python, lib = str(PREFIX / "bin" / "python"), str(PREFIX / "lib")
    command = [python, "-I", "-m", "compileall", "-q", "-j", "0", lib]
    code, said = _inside(engine, base.id, command, (bind(str(folder), write=True, target=str(PREFIX)),))
    if code not in (0, 1):  # 1: a file that is for another Python
        raise EnvError("The Python of the image cannot be started.", cause=said)


def made(engine: Engine, base: Base, spec: EnvSpec, folder: Path) -> Iterator[Event]:
    """Make the image of what lies in `folder`, and write down which it is."""
    key = folder.parent.name.rpartition("_")[2]
    label = label_for(folder.parent.name.removeprefix("luci_").rpartition("_")[0])
    yield Working("making", f"the image luci/{label}:{key}-{folder.name}")
    with talking(engine) as client, tempfile.TemporaryFile() as layer:
        with tarfile.open(fileobj=layer, mode="w") as tar:
            tar.add(folder, arcname=str(PREFIX).lstrip("/"), filter=_for_everyone)
        layer.seek(0)
        config = {
            "Image": base.id,
            "Labels": {LABEL: "env", f"{LABEL}.key": key, f"{LABEL}.folder": str(folder)},
            "Env": [f"PATH={PREFIX}/bin:{base.path}", f"VIRTUAL_ENV={PREFIX}"],
            "Entrypoint": [],
            "Cmd": [str(PREFIX / "bin" / "python")],
            "HostConfig": {"NetworkMode": "none"},
        }
        container = client.create_container_from_config(config)["Id"]
        try:
            client.put_archive(container, "/", layer)
            image = client.commit(container, repository=f"luci/{label}", tag=f"{key}-{folder.name}")["Id"]
        finally:
            client.remove_container(container, force=True, v=True)
        size = client.inspect_image(image)["Size"] - client.inspect_image(base.id)["Size"]
    told = {"engine": engine.name, "image": image, "name": f"luci/{label}:{key}-{folder.name}", "bytes": max(0, size)}
    rest = {"base": base.id, "version": base.version, "path": f"{PREFIX}/bin:{base.path}"}
    files.write_json(folder / RECORD, {**told, **rest})


def _for_everyone(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    info.mode |= 0o555 if info.isdir() or info.mode & 0o100 else 0o444
    return info


# -- the image


def image_of(folder: Path) -> Image:
    told = files.read_json(folder / RECORD)
    return Image(str(told.get("image", "")), str(told.get("path", "")))


def is_there(engine: Engine, folder: Path) -> bool:
    return bool(engine.ask("GET", f"/images/{image_of(folder).id}/json")[0] == 200)


def made_again(engine: Engine, spec: EnvSpec, folder: Path, stop: Callable[[], bool]) -> Iterator[Event]:
    """Make the image of a published environment where the engine has lost it: nothing is resolved or downloaded."""
    sealed = files.mtime(venvs.site_packages(folder))
    base = yield from ready(engine, spec.base, stop)
    (folder / RECORD).unlink(missing_ok=True)
    yield from made(engine, base, spec, folder)
    os.utime(venvs.site_packages(folder), ns=(sealed, sealed))


def let_go(folder: Path) -> None:
    """Remove the image of an environment that is about to be removed; where its engine does not answer, it stays, and
    is removed with the next."""
    told = files.read_json(folder / RECORD)
    if told.get("engine") not in ("docker", "podman"):
        return
    with contextlib.suppress(EnvError, OSError):
        engine = engines.find(str(told["engine"]))
        engine.ask("DELETE", f"/images/{told['image']}?force=1")
        _let_orphans_go(engine)


def _let_orphans_go(engine: Engine) -> None:
    """Remove the images whose environment is gone."""
    status, found = engine.ask("GET", f"/images/json?filters=%7B%22label%22:[%22{LABEL}=env%22]%7D")
    for image in found if status == 200 and isinstance(found, list) else ():
        place = (image.get("Labels") or {}).get(f"{LABEL}.folder", "")
        root = os.path.dirname(place)
        if place and os.path.isdir(os.path.dirname(root)) and not os.path.exists(place):
            engine.ask("DELETE", f"/images/{image['Id']}?force=1")
