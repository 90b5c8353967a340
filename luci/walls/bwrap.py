"""bubblewrap: a view of the disk that holds only what was opened, and processes, names and, if asked, a network apart.

What is not opened is not there. The folder for passing files is private and in memory.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator

from luci.walls.asked import Asked, private_bytes
from luci.walls.places import SYSTEM, Ground, Opened, parted, system_keys

OVERHEAD = 2  # processes of bubblewrap's own that a limit counts
# what the kernel lets root change with no other power than its number
_KERNEL = ("/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus", "/proc/acpi", "/proc/fs")
_HEARD = "--default-signal=HUP,INT,QUIT,TERM"
_RESET = "import os,signal,sys;[signal.signal(n,signal.SIG_DFL) for n in (1,2,3,15)];os.execv(sys.argv[1],sys.argv[1:])"


def command(
    program: str, env: str, argv: list[str], asked: Asked, ground: Ground, opened: Opened, reports: str, cwd: str
) -> list[str]:
    """Return the command that runs `argv` behind bubblewrap; `{filter}` in it stands for a descriptor."""
    words = [program, "--die-with-parent", "--unshare-user-try", "--unshare-ipc", "--unshare-pid", "--unshare-uts"]
    words += ["--unshare-cgroup-try", "--cap-drop", "ALL", "--seccomp", "{filter}"]
    words += [] if asked.reach.network else ["--unshare-net"]
    words += _system(asked)
    words += ["--proc", "/proc"]
    for path in _KERNEL:
        words += ["--ro-bind-try", path, path]
    words += ["--dev", "/dev"]
    for path in ("/dev/shm", "/tmp"):
        words += ["--perms", "1777", "--size", str(private_bytes(asked)), "--tmpfs", path]
    words += _views(ground, opened)
    words += ["--bind", reports, reports]
    for path in ("/", *(words[at + 1] for at, word in enumerate(words) if word == "--tmpfs")):
        words += (
            [] if path in ("/tmp", "/dev/shm") else ["--remount-ro", path]
        )  # last: what is needed may lie in what is closed
    words += ["--chdir", cwd, "--"]
    return [*words, *_polite(env, ground), *argv]


def why_not(program: str) -> str:
    """Return why bubblewrap does not work here; empty where it does."""
    words = [program, "--unshare-user-try", "--unshare-pid", "--unshare-ipc", "--unshare-net", "--cap-drop", "ALL"]
    words += [*_system(Asked()), "--proc", "/proc", "--dev", "/dev", "--size", "4096", "--tmpfs", "/tmp", "--"]
    try:
        done = subprocess.run([*words, "/bin/sh", "-c", ":"], capture_output=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    said = done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
    return "" if done.returncode == 0 else said or f"it ended with {done.returncode}"


def _system(asked: Asked) -> list[str]:
    words = []
    for path in SYSTEM:
        if os.path.islink(path):
            words += ["--symlink", os.readlink(path), path]
        elif os.path.exists(path):
            words += ["--ro-bind", path, path]
    for path in system_keys():
        words += _covered(path)
    if os.path.isdir("/sys"):
        words += ["--ro-bind-try", "/sys/devices/system/cpu", "/sys/devices/system/cpu"]
    names = os.path.realpath("/etc/resolv.conf")
    if asked.reach.network and names != "/etc/resolv.conf":
        words += ["--ro-bind-try", names, names]
    return words


def _views(ground: Ground, opened: Opened) -> Iterator[str]:
    """Yield the words that open paths, outer ones first, each with what stays closed in it closed again."""
    for path, mode in opened.paths:
        device = path.startswith("/dev/")
        if mode == "read":
            yield from ("--dev-bind" if device else "--ro-bind", path, path)
            for hidden in opened.closed:
                if hidden.startswith(f"{path}/"):
                    yield from _covered(hidden)
            continue
        for piece, how in parted(path, mode, opened.closed, opened.kept):
            bind = "--dev-bind" if device else "--bind" if how == "write" else "--ro-bind"
            yield from (bind, piece, piece)
            if how == "look":
                for hidden in opened.closed:
                    if os.path.dirname(hidden) == piece:
                        yield from _covered(hidden)
        for kept in opened.in_projects:
            if kept.startswith(f"{path}/"):
                yield from ("--ro-bind", kept, kept)
    for hidden in opened.masked:
        if any(hidden.startswith(f"{path}/") for path, _ in opened.paths):
            yield from _covered(hidden)
    for needed in ground.needed:
        yield from ("--ro-bind", str(needed), str(needed))


def _covered(path: str) -> list[str]:
    if os.path.islink(path):
        return []
    if os.path.isdir(path):
        return ["--perms", "0500", "--tmpfs", path]
    return ["--ro-bind", "/dev/null", path]


def polite_env() -> str:
    """Return the path of an `env` that knows --default-signal; empty where there is none."""
    env = "/usr/bin/env"
    try:
        done = subprocess.run([env, _HEARD, "/bin/sh", "-c", ":"], capture_output=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return env if done.returncode == 0 else ""


def _polite(env: str, ground: Ground) -> list[str]:
    """What lets the command hear the signals that bubblewrap itself must outlive for it to hear them."""
    python = str(ground.python)
    return [env, _HEARD] if env and "=" not in python else [python, "-S", "-E", "-c", _RESET]
