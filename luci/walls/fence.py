"""Put a wall up around one run, and take it away: a command becomes a command, and what ended it is told afterwards."""

from __future__ import annotations

import contextlib
import errno
import marshal
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from luci.errors import EnvError
from luci.values import Value, replace
from luci.walls import groups, syscalls, verdicts
from luci.walls.asked import private_bytes, shown
from luci.walls.groups import Group
from luci.walls.ladder import Wall
from luci.walls.places import Ground, Opened, opened

# as a module it is compiled once, which as a script it would be each time
_CONFINE = (
    f"import sys; sys.path.append({str(Path(__file__).parent)!r}); import confine; sys.exit(confine.main(sys.argv[1]))"
)
# The same for a command that itself ends with its parent and takes all it started with it, as bubblewrap does: join the
# groups, outlive signals, hand over the filter. Python would take 25 ms for it. What goes wrong is written to $1.
_JOIN = """\
luci_failed=$1 luci_filter=$2 luci_file=$3 luci_groups=$4
shift 4
trap '' HUP INT QUIT TERM
[ "$luci_file" = 0 ] || ulimit -f "$luci_file" 2>"$luci_failed" || exit 125
while [ "$luci_groups" -gt 0 ]; do
  { echo 0 >"$1"; } 2>"$luci_failed" || exit 125
  shift
  luci_groups=$((luci_groups - 1))
done
[ "$PPID" = "$1" ] && shift && exec "$@" 9<"$luci_filter"
exit 125
"""
_HANDED = "9"  # the descriptor of the filter there
# what a program needs to know of where it runs; all else may be a secret
USUAL = {
    *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "TERM", "COLORTERM", "LANG", "LANGUAGE", "TZ", "COLUMNS", "LINES"),
    *("NO_COLOR", "FORCE_COLOR", "VIRTUAL_ENV", "PYTHONPATH", "PYTHONUNBUFFERED", "PYTHONUTF8", "PYTHONIOENCODING"),
    *("PYTHONDONTWRITEBYTECODE", "PYTHONHASHSEED", "MPLBACKEND", "CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS"),
    *(
        "SOURCE_DATE_EPOCH",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "CONDA_PREFIX",
        "CONDA_DEFAULT_ENV",
        "CONDA_SHLVL",
        "LUCI_RUN",
        "LUCI_TREE",
        "LUCI_FIGURES",
    ),
}
# what the linker and shells load or run by themselves, and so in what stands outside the wall too
LOADED = ("LD_PRELOAD", "LD_AUDIT", "GCONV_PATH", "BASH_ENV", "ENV", "SHELLOPTS", "BASHOPTS", "PS4")


class Fence(Value):
    """A wall that stands. `command` and `environ` run behind it; what it reports comes into `reports`."""

    wall: Wall
    folder: Path
    reports: Path
    private: Path
    group: Group | None
    opened: Opened | None
    ground: Ground

    def command(self, argv: tuple[str, ...], *, led: bool = False) -> tuple[str, ...]:
        """Return the command that runs `argv` behind the wall. Call it right before that: it notes who we are.

        `led`: another stands between us and it, as who leads a session on a terminal; then who holds it watches us.
        """
        file = self.folder / "wall"
        told = self._told(list(argv))
        limited = told["rlimits"].keys() - {"RLIMIT_FSIZE"}
        if not led and told["own_signals"] and not limited and not told["cpus"]:
            file.write_bytes(told["filter"])
            words = [_HANDED if word == "{filter}" else word for word in told["command"]]
            blocks = -(-told["rlimits"].get("RLIMIT_FSIZE", 0) // 512)
            groups = (str(blocks), str(len(told["join"])), *told["join"])
            return ("/bin/sh", "-c", _JOIN, "sh", f"{file}.failed", str(file), *groups, str(os.getpid()), *words)
        file.write_bytes(marshal.dumps(told))
        return (sys.executable, "-I", "-S", "-c", _CONFINE, str(file))

    def environ(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Return the variables that are seen behind the wall. Limits alone hide none."""
        if self.opened is None:
            return dict(environ)
        chosen = {*USUAL, *self.ground.variables, *self.wall.asked.reach.variables}
        seen = {name: value for name, value in environ.items() if name in chosen or name.startswith("LC_")}
        private = "/tmp" if self.wall.name == "bwrap" else str(self.private)
        for name in LOADED:
            seen.pop(name, None)
        return {
            **seen,
            "TMPDIR": private,
            "XDG_CACHE_HOME": f"{private}/.cache",
            "XDG_CONFIG_HOME": f"{private}/.config",
        }

    @property
    def fillable(self) -> tuple[str, ...]:
        """The folders on the disk that a run may write to; none where it may write to all."""
        if self.opened is None:
            return ()
        private = (str(self.private),) if self.wall.name == "landlock" else ()
        return (*self.opened.writable, str(self.reports), *private)

    def leader(self) -> int:
        """Return the process that all of the run descend from."""
        return os.getpid()

    @property
    def needs_words(self) -> bool:
        """Whether only the last words of a run can tell that it reached a limit: no group counts for it."""
        limits, counted = self.wall.asked.limits, self.wall.machine.controllers
        return bool((limits.memory and "memory" not in counted) or (limits.pids and "pids" not in counted))

    def verdict(self, exit_code: int, *, seconds: float = 0, said: str = "") -> list[str]:
        """Return which limits were hit, with the figures that are known. `seconds` is how long it ran, `said` its last
        words where they were heard."""
        failed = self.folder / "wall.failed"
        if failed.exists() and failed.stat().st_size:
            cause = failed.read_text(encoding="utf-8", errors="replace")
            raise EnvError(f"The wall {self.wall.name} could not be put up.", cause=cause, hint="luci doctor")
        limits = self.wall.asked.limits
        figures = self.group.figures() if self.group else {}
        found = []
        if figures.get("killed"):
            found.append(verdicts.memory(limits, figures.get("peak", 0)))
        elif self.needs_words and exit_code and limits.memory and "MemoryError" in said:
            found.append(f"It reached its memory limit of {shown(limits.memory)} for each process; --memory sets it.")
        if figures.get("refused"):
            found.append(verdicts.processes(limits))
        elif self.needs_words and exit_code and limits.pids and os.strerror(errno.EAGAIN) in said:
            found.append(f"It reached its limit of {limits.pids} processes more than there were; --pids sets it.")
        found += verdicts.cpus(limits, figures.get("held_back", 0) / 1000, seconds)
        if exit_code and self.wall.name == "bwrap" and os.strerror(errno.ENOSPC) in said:
            most = shown(private_bytes(self.wall.asked))
            found.append(f"/tmp and /dev/shm hold {most} each behind bwrap; --writable DIR opens a folder on the disk.")
        return found

    def _told(self, argv: list[str]) -> dict[str, Any]:
        asked, machine = self.wall.asked, self.wall.machine
        folders = self.group.folders if self.group else ()
        limited = {tree.controller for tree in self.group.trees} if self.group else set()
        by_cpus = bool(asked.limits.cpus) and "cpu" not in limited
        told: dict[str, Any] = {
            "command": argv,
            "parent": os.getpid(),
            "join": [str(folder / "cgroup.procs") for folder in folders],
            "no_more": [str(folder / "pids.max") for folder in folders if (folder / "pids.max").exists()],
            "rlimits": self._rlimits(limited),
            "cpus": sorted(os.sched_getaffinity(0))[: int(asked.limits.cpus)] if by_cpus else [],
            "landlock": None,
            "filter": syscalls.program(affinity=True) if by_cpus else b"",
            "alone": by_cpus,
            "powerless": False,
            "own_signals": False,
        }
        if self.opened and self.wall.name == "bwrap":
            from luci.walls import bwrap

            reports, cwd = str(self.reports), os.getcwd()
            command = bwrap.command(machine.bwrap, machine.env, argv, asked, self.ground, self.opened, reports, cwd)
            sockets = "" if asked.reach.network else "host"
            program = syscalls.program(confines=True, sockets=sockets, affinity=by_cpus)
            told |= {"command": command, "filter": program, "own_signals": True}
        elif self.opened:
            from luci.walls import landlock

            private = (str(self.reports), str(self.private))
            rules = landlock.ruleset(machine.landlock, asked, self.ground, self.opened, private)
            sockets = "unix" if asked.reach.network else "none"
            program = syscalls.program(confines=True, sockets=sockets, affinity=by_cpus)
            told |= {"landlock": rules, "filter": program, "alone": True, "powerless": True}
        return told

    def _rlimits(self, limited: set[str]) -> dict[str, int]:
        limits, found = self.wall.asked.limits, {}
        if limits.disk:
            found["RLIMIT_FSIZE"] = _no_more_than(limits.disk)
        if limits.memory and "memory" not in limited:
            found["RLIMIT_AS"] = limits.memory
        if limits.pids and "pids" not in limited and os.getuid() != 0:
            found["RLIMIT_NPROC"] = limits.pids + _tasks_of_ours()
        return found


def _no_more_than(most: int) -> int:
    """Return how large a file may be: what we ourselves are held to may be less."""
    import resource

    ours = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    return most if ours == resource.RLIM_INFINITY else min(most, ours)


@contextlib.contextmanager
def around(wall: Wall, ground: Ground, folder: Path) -> Iterator[Fence]:
    """Put the wall up; `folder` is a new one for it alone. Raises Refused, UsageError or EnvError."""
    with contextlib.ExitStack() as stack:
        reports = folder / "reports"
        reports.mkdir(parents=True)
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        confines = wall.name in ("bwrap", "landlock")
        private = folder
        if wall.name == "landlock":
            private = Path(os.environ.get("TMPDIR") or "/tmp", f"luci-{os.getpid()}-{os.urandom(8).hex()}")
            private.mkdir(mode=0o700)
            stack.callback(shutil.rmtree, private, ignore_errors=True)
        group = None
        if wall.machine.trees and wall.asked.limits.told():
            limits = wall.asked.limits
            if wall.name == "bwrap" and limits.pids:
                from luci.walls import bwrap

                limits = replace(limits, pids=limits.pids + bwrap.OVERHEAD)
            try:
                group = groups.made(limits, wall.machine.trees)
            except OSError as error:
                raise EnvError("The limits could not be set.", cause=str(error), hint="luci doctor") from error
            stack.callback(group.remove)
        seen = opened(wall.asked.reach, ground) if confines else None
        yield Fence(wall, folder, reports, private, group, seen, ground)


def _tasks_of_ours() -> int:
    """How many threads this user has, which is what the kernel counts against the limit on processes."""
    found = 0
    for name in os.listdir("/proc"):
        if name.isdecimal():
            with contextlib.suppress(OSError):
                if os.stat(f"/proc/{name}").st_uid == os.getuid():
                    found += len(os.listdir(f"/proc/{name}/task"))
    return found
