"""No room on the disk, no right to write, no file descriptors: refused in one clear line, and nothing lost."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.torture.ground import LUCI, Ground, Trial

EARLIER = ("earlier.py", "import quokka\nprint(quokka.hop())\n", "hop")
NEW = ("new.py", "import wombat\nprint(wombat.dig())\n", "dig")
ASKING = (
    ("env", "list"),
    ("env", "verify"),
    ("env", "show", "earlier.py"),
    ("env", "stats"),
    ("plan", "earlier.py"),
    ("runs", "list"),
    ("config",),
)


class CannotBeTried(Exception):
    """What this machine does not allow, in words."""


@contextlib.contextmanager
def small_disk(folder: Path, size: str) -> Iterator[None]:
    """Mount a disk of a few MB at `folder`."""
    if sys.platform != "linux" or os.geteuid() != 0:
        raise CannotBeTried("only root can mount a small disk")
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True)
    if done.returncode:
        raise CannotBeTried(f"mounting is not allowed here: {done.stderr.decode().strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def full_disk(ground: Ground, rooms: Sequence[int]) -> Iterator[Trial]:
    """Let everything lie on a disk with `rooms` bytes left: the earlier environment runs, and a new one is built or
    refused; with room again all is well."""
    with small_disk(ground.base / "small", "12m"):
        small = _earlier_on(Ground(ground.base / "small", ground.index, brief=ground.brief), ground)
        for room in rooms:
            small.luci("env", "remove", "new.py", "--yes")
            ballast = _ballast(small.base, room)
            faults = small.luci("run", EARLIER[0]).works(EARLIER[2])
            faults += small.luci("run", "--retry", "never", EARLIER[0]).works(EARLIER[2])  # not through the launcher
            new = small.luci("run", NEW[0])
            faults += new.works_or_refuses(NEW[2])
            faults += _all_answer(small)
            again = small.luci("env", "rebuild", EARLIER[0])
            faults += again.refuses(125) if again.code else []
            faults += small.luci("run", EARLIER[0]).works(EARLIER[2])
            ballast.unlink()
            faults += small.luci("run", EARLIER[0]).works(EARLIER[2])
            faults += small.recovers(NEW[0], NEW[2], 2)
            told = "refused" if new.code else "built"
            yield Trial("full disk", f"{room // 1024} kB free, a new environment is {told}", tuple(faults))


def read_only(ground: Ground) -> Iterator[Trial]:
    """Make the disk with everything on it read-only: what is there runs, what is new is refused."""
    with small_disk(ground.base / "small", "12m"):
        small = _earlier_on(Ground(ground.base / "small", ground.index, brief=ground.brief), ground)
        _remount(small.base, "ro")
        try:
            faults = _closed(small)
        finally:
            _remount(small.base, "rw")
        yield Trial("read-only", "the whole disk", (*faults, *small.recovers(NEW[0], NEW[2], 2)))


CLOSED = ("home", "home/data/envs", "home/state", "home/cache")


def no_right(ground: Ground, closed: Sequence[str] = CLOSED) -> Iterator[Trial]:
    """Take the right to write from luci's folders, and luci's power to write all the same where root has it."""
    one = _earlier_on(Ground(ground.base / "closed", ground.index, before=_powerless(), brief=ground.brief), ground)
    for what in closed:
        folders = [Path(folder) for folder, _, _ in os.walk(one.base / what)]
        for folder in folders:
            folder.chmod(0o555)
        try:
            faults = _closed(one, new_is_refused=one.envs in folders)
        finally:
            for folder in folders:
                folder.chmod(0o755)
        faults += one.recovers(NEW[0], NEW[2], 2)
        yield Trial("no right to write", what, tuple(faults))
        one.luci("env", "remove", NEW[0], "--yes")
    root = one.root_of(EARLIER[0])
    (root / "env.json").chmod(0)
    faults = one.luci("run", EARLIER[0]).works_or_refuses(EARLIER[2])
    faults += [] if (root / "env.json").exists() else ["what could not be read was removed"]
    faults += one.luci("env", "prune", "--yes").works("Nothing to remove.")
    faults += [] if root.exists() else ["what could not be read was swept"]
    if root.exists():
        (root / "env.json").chmod(0o600)
    yield Trial("no right to read", "env.json", (*faults, *one.recovers(EARLIER[0], EARLIER[2], None)))


def no_descriptors(ground: Ground, limits: Sequence[int]) -> Iterator[Trial]:
    """Run with few file descriptors: it works or is refused in one line, and what was there is there afterwards."""
    one = _earlier_on(Ground(ground.base / "few", ground.index, brief=ground.brief), ground)
    probe = one.write("probe.sh", "#!/bin/sh\n{ read -r line; } 2>/dev/null </dev/null\n: >&2\n")  # a shell needs some
    probe.chmod(0o755)
    for limit in limits:
        few = ["sh", "-c", f'ulimit -n {limit} && exec "$@"', "sh"]
        if one.do([*few, sys.executable, "-c", "import argparse, json, tomllib"]).code:
            continue  # Python itself cannot start, and says so
        launcher = [LUCI] if one.do([*few, probe]).code == 0 else [sys.executable, "-m", "luci"]
        faults = []
        for words, says in ((("run", EARLIER[0]), EARLIER[2]), (("run", NEW[0]), NEW[2])):
            faults += one.do([*few, *launcher, *words]).works_or_refuses(says)
        for words in (*ASKING, ("env", "prune", "--yes"), ("env", "remove", NEW[0], "--yes"), ("doctor",)):
            done = one.do([*few, *launcher, *words])
            faults += done.refuses(1, 2, 125) if done.code and words != ("doctor",) else []
            faults += [str(done)] if "Traceback" in done.err else []
        faults += one.luci("run", EARLIER[0]).works(EARLIER[2])
        faults += one.recovers(NEW[0], NEW[2], 2)
        one.luci("env", "remove", NEW[0], "--yes")
        yield Trial("no file descriptors", f"{limit} of them", tuple(faults))


def _earlier_on(ground: Ground, known: Ground) -> Ground:
    """Lay a ground on which one script has an environment."""
    shutil.rmtree(ground.home, ignore_errors=True)
    ground.lay()
    for file in (path for kind in ("interpreters*", "names", "tags/*", "hook/*") for path in known.cache.glob(kind)):
        place = ground.cache / file.relative_to(known.cache)  # what is found out once, and alike
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, place)
    for name, source, _ in (EARLIER, NEW):
        ground.write(name, source)
    for _ in range(2):
        done = ground.luci("run", EARLIER[0])
        assert not done.works(EARLIER[2]), done
    return ground


def _closed(ground: Ground, new_is_refused: bool = True) -> list[str]:
    faults = ground.luci("run", EARLIER[0]).works(EARLIER[2])
    faults += ground.luci("run", "--retry", "never", EARLIER[0]).works(EARLIER[2])
    new = ground.luci("run", NEW[0])
    faults += new.refuses(125) if new_is_refused else new.works_or_refuses(NEW[2])
    faults += _all_answer(ground)
    if new_is_refused:
        for words in (("env", "rebuild", EARLIER[0]), ("env", "remove", EARLIER[0], "--yes")):
            faults += ground.luci(*words).refuses(125)
    return faults


def _all_answer(ground: Ground) -> list[str]:
    done = [ground.luci(*words) for words in ASKING]
    return [str(each) for each in done if each.code or "Traceback" in each.err]


def _remount(folder: Path, mode: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{mode}", folder], check=True)


def _ballast(folder: Path, room: int) -> Path:
    """Write a file that leaves `room` bytes on the disk."""
    ballast = folder / "ballast"
    with open(ballast, "wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"\1" * 4096)
    os.truncate(ballast, max(0, ballast.stat().st_size - room))
    return ballast


def _powerless() -> tuple[str, ...]:
    """Return what takes root's power over permissions from a command."""
    if os.geteuid() != 0:
        return ()
    command = ("setpriv", "--bounding-set=-dac_override,-dac_read_search,-fowner")
    if not shutil.which("setpriv") or subprocess.run([*command, "true"], capture_output=True).returncode:
        raise CannotBeTried("root's power over permissions cannot be taken from it here")
    return command
