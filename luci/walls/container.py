"""A container as a wall: a command becomes one that runs in an engine's container, where only what was opened is open.

What is not opened is not there. The root is read-only, no capability is left, nothing gains one, and the user inside is
the person outside, so that what is written is theirs.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import marshal
import os
import shutil
import stat
import sys
import tarfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from luci.errors import EnvError
from luci.values import Value, replace
from luci.walls import engines, process_one, syscalls, verdicts, words
from luci.walls.asked import private_bytes
from luci.walls.engines import Engine
from luci.walls.fence import LOADED, USUAL
from luci.walls.ladder import Wall
from luci.walls.places import IN_A_PROJECT, SYSTEM, Ground, Opened, opened, parted, system_keys

LABEL = "luci"
_LUCI = str(Path(__file__).parents[2])
_ATTACH = f"import sys; sys.path.append({_LUCI!r}); from luci.walls import attach; sys.exit(attach.main(sys.argv[1]))"
_COUNTED = "counted"
# what tells of this machine, where the image is another
_OF_HERE = {"PATH", "HOME", "SHELL", "USER", "LOGNAME", "SSL_CERT_FILE", "SSL_CERT_DIR", "VIRTUAL_ENV"}


class Image(Value):
    """What a container is made from. `path` is PATH inside; empty where all programs are this machine's."""

    id: str
    path: str = ""


class Box(Value):
    """A container that a run will be in: for those who run it, as a luci.walls.fence.Fence."""

    wall: Wall
    engine: Engine
    image: Image
    folder: Path
    reports: Path
    opened: Opened
    ground: Ground
    network: str
    python: str  # any, for what is process 1
    needs_words: bool = False
    mounts: tuple[dict[str, Any], ...] = ()

    @property
    def is_plain(self) -> bool:
        """Whether the next run would be held as this one, as long as the settings stay: nothing is limited, and nothing
        is closed within what is opened, which would depend on what lies there by then."""
        hidden = (*self.opened.closed, *self.opened.kept, *self.opened.masked)
        inside = any(_is_below(path, dict(self.opened.paths)) for path in hidden)
        return not (inside or self.wall.asked.limits.told())

    @property
    def guarded(self) -> dict[str, bool]:
        """Return what is only read in a folder that may be written to, and whether it is there by now."""
        return {place: os.path.lexists(place) for path in self.opened.writable for place in in_a_project(path)}

    @property
    def name(self) -> str:
        return f"luci-{self.folder.name.removesuffix('.wall')}-{os.getpid()}".replace(".", "-")

    def command(self, argv: tuple[str, ...], *, led: bool = False) -> tuple[str, ...]:
        """Return the command that runs `argv` in the container. Call it right before that: it notes who we are."""
        file = self.folder / "wall"
        file.write_bytes(marshal.dumps(self.told(list(argv))))
        return (sys.executable, "-I", "-S", "-c", _ATTACH, str(file))

    def told(self, argv: list[str]) -> dict[str, Any]:
        return {
            "socket": self.engine.socket,
            "name": self.name,
            "parent": os.getpid(),
            "path": self.image.path,
            "own": ["LUCI_TREE"],
            "create": self._create(argv),
        }

    def environ(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Return the variables that are seen inside."""
        seen = {name: value for name, value in environ.items() if name in self.chosen or name.startswith("LC_")}
        return {**seen, **self.fixed}

    @property
    def chosen(self) -> set[str]:
        """The names of the variables that are passed on."""
        here = _OF_HERE if self.image.path else set()
        activated = () if self.image.path else self.ground.variables
        return {*(USUAL - here), *activated, *self.wall.asked.reach.variables} - set(LOADED)

    @property
    def fixed(self) -> dict[str, str]:
        """The variables that are what they are inside."""
        private = {"TMPDIR": "/tmp", "XDG_CACHE_HOME": "/tmp/.cache", "XDG_CONFIG_HOME": "/tmp/.config"}
        return {**private, "HOME": "/tmp"} if self.image.path else private

    @property
    def fillable(self) -> tuple[str, ...]:
        """The folders on the disk that a run may write to."""
        return (*self.opened.writable, str(self.reports))

    def leader(self) -> int:
        """Return the process that all of the run descend from; 0 where the engine does not tell."""
        with contextlib.suppress(OSError):
            status, told = self.engine.ask("GET", f"/containers/{self.name}/json")
            return int(told["State"]["Pid"]) if status == 200 else 0
        return 0

    def verdict(self, exit_code: int, *, seconds: float = 0, said: str = "") -> list[str]:
        """Return which limits were hit. Raises EnvError where there was no container."""
        failed = self.folder / "wall.failed"
        if failed.exists():
            raise trouble(failed.read_text(encoding="utf-8", errors="replace"), self.engine)
        limits = self.wall.asked.limits
        try:
            ended = json.loads((self.folder / "wall.ended").read_bytes())
        except (OSError, ValueError):
            return []
        figures = self._figures()
        found = []
        if ended.get("oom"):
            peak = figures.get("memory.max_usage_in_bytes", 0) or figures.get("memory.peak", 0)
            found.append(verdicts.memory(limits, peak) if limits.memory else "It was ended for want of memory.")
        if limits.pids and figures.get("max"):
            found.append(verdicts.processes(limits))
        held_back = figures.get("throttled_time", 0) / 1e9 or figures.get("throttled_usec", 0) / 1e6
        return [*found, *verdicts.cpus(limits, held_back, seconds)]

    def _figures(self) -> dict[str, int]:
        """Return what the kernel counted, as process 1 of the container read it: the script may have altered that."""
        place = self.reports / _COUNTED
        try:
            said = place.read_text(encoding="ascii")[:10_000].split() if stat.S_ISREG(os.lstat(place).st_mode) else []
        except (OSError, ValueError):
            return {}
        return {name: int(count) for name, count in itertools.pairwise(said) if count.isdecimal()}

    def _create(self, argv: list[str]) -> dict[str, Any]:
        limits = self.wall.asked.limits
        tmpfs = {"/tmp": f"rw,nosuid,nodev,size={private_bytes(self.wall.asked)},mode=1777"}
        tmpfs |= dict.fromkeys(closed_folders(self.opened), "ro,size=4096,mode=0500")
        counted = str(self.reports / _COUNTED) if limits.told() else ""
        user = "0:0" if self.engine.rootless else f"{os.getuid()}:{os.getgid()}"
        host: dict[str, Any] = {
            "Mounts": [*self.mounts, *mounts(self.opened), bind(str(self.reports), write=True)],
            "Tmpfs": tmpfs,
            "ReadonlyRootfs": True,
            "CapDrop": ["ALL"],
            "SecurityOpt": ["no-new-privileges", *_unlabelled()],
            "NetworkMode": self.network,
            "IpcMode": "private",
            "LogConfig": {"Type": "none"},
            "Memory": limits.memory,
            "MemorySwap": limits.memory,
            "NanoCpus": int(limits.cpus * 1e9),
            "PidsLimit": limits.pids + 1 if limits.pids else 0,  # the first is ours
        }
        insist_on_names(self.engine, host["Mounts"])
        file = [{"Name": "fsize", "Soft": limits.disk, "Hard": limits.disk}] if limits.disk else []
        host["Ulimits"] = [*(engines.ulimits(self.engine) if self.engine.podman else ()), *file]
        if self.engine.podman:
            host |= {"UsernsMode": "keep-id"} if self.engine.rootless else {}
            user = f"{os.getuid()}:{os.getgid()}"
        return {
            "Image": self.image.id,
            "Entrypoint": [self.python, "-I", "-S", "-c", process_one.CODE],
            "Cmd": [syscalls.program(confines=True, sockets="host").hex(), counted, *argv],
            "WorkingDir": os.getcwd(),
            "User": user,
            "Labels": {LABEL: "run", f"{LABEL}.pid": str(os.getpid())},
            "HostConfig": host,
        }


def _unlabelled() -> list[str]:
    """Where SELinux rules, a container may touch no file that is not labelled for it, and the person's are not."""
    with contextlib.suppress(OSError), open("/sys/fs/selinux/enforce", encoding="ascii") as file:
        return ["label=disable"] if file.read().strip() == "1" else []
    return []


def bind(path: str, *, write: bool = False, target: str = "") -> dict[str, Any]:
    return {"Type": "bind", "Source": path, "Target": target or path, "ReadOnly": not write}


def insist_on_names(engine: Engine, places: Iterable[dict[str, Any]]) -> None:
    """Raise EnvError for a path that an engine would take for two."""
    if engine.podman and (wrong := [place["Source"] for place in places if set(":,") & set(place["Source"])]):
        raise EnvError(
            f"{engine.says} cannot mount {wrong[0]}: there is a colon or a comma in its name.",
            hint="Rename it, or choose --env docker or venv.",
        )


def mounts(opened: Opened) -> list[dict[str, Any]]:
    """Return what opens the paths, each with what stays closed in it closed again."""
    found: dict[str, dict[str, Any]] = {}
    for path, mode in opened.paths:
        if mode == "read":
            found[path] = bind(path)
        else:
            for piece, how in parted(path, mode, opened.closed, opened.kept):
                found[piece] = bind(piece, write=how == "write")
    hidden = (*opened.closed, *opened.masked)
    within = [path for path in hidden if _is_below(path, found) and os.path.isfile(path)]
    found |= {path: bind("/dev/null", target=path) for path in within}
    found |= {path: bind(path) for path in opened.in_projects if _is_below(path, found)}
    read_only = [path for path, mount in found.items() if mount["ReadOnly"] and mount["Source"] == path]
    for path in read_only:  # a disk below one that is only read is read-only by itself
        found |= {below: bind(below) for below in _disks_below(path) if below not in found}
    return list(found.values())


def closed_folders(opened: Opened) -> list[str]:
    """Return the folders in what is opened that are covered by an empty one."""
    seen = {path: None for path, _ in opened.paths}
    return [
        path for path in opened.closed if _is_below(path, seen) and os.path.isdir(path) and not os.path.islink(path)
    ]


def in_a_project(folder: str) -> list[str]:
    return [f"{folder}/{name}" for name in IN_A_PROJECT]


def _is_below(path: str, folders: Iterable[str]) -> bool:
    return any(path.startswith(f"{folder}/") for folder in folders)


def _disks_below(path: str) -> list[str]:
    with contextlib.suppress(OSError), open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as file:
        return [place for line in file if (place := line.split(" ")[4]).startswith(f"{path}/")]
    return []


@contextlib.contextmanager
def around(
    wall: Wall, engine: Engine, image: Image, ground: Ground, folder: Path, python: str, network: str = ""
) -> Iterator[Box]:
    """Get ready for one run in a container; `folder` is a new one for it alone, `python` is one inside."""
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        box = ready(wall, engine, image, ground, folder, python, network)
        stack.callback(_gone_for_certain, box)
        yield box


def ready(
    wall: Wall, engine: Engine, image: Image, ground: Ground, folder: Path, python: str, network: str = ""
) -> Box:
    """Make the folder for a container, and return what it will be. Raises Refused or UsageError."""
    reports = folder / "reports"
    reports.mkdir(parents=True)
    chosen = (network or "host") if wall.asked.reach.network else "none"
    if chosen not in ("none", "host") and not engine.podman and engine.ask("GET", f"/networks/{chosen}")[0] == 404:
        raise trouble(f"There is no network {chosen}.", engine)  # it would start, and have none
    return Box(wall, engine, image, folder, reports, opened(wall.asked.reach, ground), ground, chosen, python)


@contextlib.contextmanager
def of_this_machine(wall: Wall, ground: Ground, folder: Path) -> Iterator[Box]:
    """Get ready for one run in a container that has this machine's programs, so that an environment made here works in
    it, and no image is needed but an empty one."""
    engine = engines.any_of_them()
    system = [path for path in SYSTEM if os.path.isdir(path) and not os.path.islink(path)]
    closed = tuple(path for path in system_keys() if os.path.isfile(path))
    with around(wall, engine, Image(_empty(engine)), ground, folder, str(ground.python)) as box:
        needed = [str(path) for path in ground.needed]
        keys = [bind("/dev/null", target=path) for path in closed]
        yield replace(box, mounts=(*map(bind, [*system, *needed]), *keys))


def _empty(engine: Engine) -> str:
    """Return the image that holds nothing but the links in this machine's root, made where it is not there."""
    links = [(path, os.readlink(path)) for path in SYSTEM if os.path.islink(path)]
    name = f"luci/empty:{zlib.crc32(repr(links).encode()):08x}"
    if engine.ask("GET", f"/images/{name}/json")[0] == 200:
        return name
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as tar:
        for path, target in links:
            info = tarfile.TarInfo(path.lstrip("/"))
            info.type, info.linkname = tarfile.SYMTYPE, target
            tar.addfile(info)
        for path in ("tmp", "proc", "dev", "sys"):
            info = tarfile.TarInfo(path)
            info.type, info.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(info)
    query = f"fromSrc=-&repo={name}&changes=LABEL%20{LABEL}=empty"
    status, told = words.ask(engine.socket, "POST", f"/images/create?{query}", content.getvalue())
    if status != 200 or "error" in str(told):
        raise trouble(str(told), engine)
    return name


def _gone_for_certain(box: Box) -> None:
    """Remove the container where whoever was to do that was killed."""
    if (box.folder / "wall").exists() and not (box.folder / "wall.ended").exists():
        with contextlib.suppress(OSError):
            box.engine.ask("DELETE", f"/containers/{box.name}?force=1&v=1")


def sweep(engine: Engine) -> None:
    """Remove the containers of a luci that was killed, and whose helper was killed with it."""
    told = json.dumps({"label": [f"{LABEL}=run"]}).replace('"', "%22").replace(" ", "")
    with contextlib.suppress(OSError):
        status, found = engine.ask("GET", f"/containers/json?all=1&filters={told}")
        for container in found if status == 200 and isinstance(found, list) else ():
            pid = (container.get("Labels") or {}).get(f"{LABEL}.pid", "")
            if pid.isdecimal() and not os.path.exists(f"/proc/{pid}"):
                engine.ask("DELETE", f"/containers/{container['Id']}?force=1&v=1")


def trouble(said: str, engine: Engine) -> EnvError:
    """Return what the words of an engine mean, and what to do about it."""
    for sign, message, hint in (
        (
            "does not answer any more",
            f"{engine.says} ended while the script ran.",
            "Start it, and run the script again.",
        ),
        ("o such image", "The image is gone.", "`luci env rebuild` makes it again."),
        (
            "no space left",
            f"The disk of {engine.says} is full.",
            f"`{'podman' if engine.podman else 'docker'} system prune` and `luci env prune` free some.",
        ),
        (
            "connect: permission denied",
            f"{engine.says} does not let you in.",
            "Join the group that may use its socket.",
        ),
        ("network", "The network that was asked for cannot be had in a container.", "[containers] network names one."),
    ):
        if sign in said:
            return EnvError(message, cause=said, hint=hint)
    return EnvError(f"{engine.says} could not start the container.", cause=said, hint="luci doctor")
