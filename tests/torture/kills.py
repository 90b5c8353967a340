"""kill -9 of luci's whole process group, at moments spread over all that it does."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.torture.ground import Ground, Trial, wait_for

DIG = ("dig.py", "import wombat\nprint(wombat.dig())\n", "dig")
PLAY = ("play.py", "import possum\nprint(possum.play())\n", "play")  # possum does not say that it needs quokka


@dataclass(frozen=True)
class Deed:
    """Something luci does that is killed: what must be there before, the words, and how many environments are left.

    Each of `befores` is another state of the world to start from; they take turns.
    """

    name: str
    befores: tuple[Callable[[Ground], None], ...]
    words: tuple[str, ...]
    script: tuple[str, str, str] = DIG
    environments: int | None = 1


def _nothing(ground: Ground) -> None:
    ground.forget()


def _no_wheels(ground: Ground) -> None:
    ground.forget(wheels=True)


def _no_pythons(ground: Ground) -> None:
    ground.forget(pythons=True)


def _built(ground: Ground) -> None:
    ground.forget(pages=False)
    _must(ground, "run", "dig.py")


def _mended(ground: Ground) -> None:
    ground.forget(pages=False)
    _must(ground, "run", "play.py")


def _with_one_to_prune(ground: Ground) -> None:
    _built(ground)
    ground.write("gone.py", "import bilby\nprint('gone')\n")
    _must(ground, "run", "gone.py")
    (ground.project / "gone.py").unlink()


def _must(ground: Ground, *words: str) -> None:
    done = ground.luci(*words)
    assert done.code == 0, done


DEEDS = (
    Deed("first run", (_nothing, _no_wheels, _nothing, _no_pythons), ("run", "dig.py")),
    Deed("later run", (_built,), ("run", "dig.py")),
    Deed("mend", (_nothing, _no_wheels), ("run", "play.py"), PLAY, None),
    Deed("rebuild", (_built,), ("env", "rebuild", "dig.py")),
    Deed("remove", (_built,), ("env", "remove", "dig.py", "--yes")),
    Deed("prune", (_with_one_to_prune,), ("env", "prune", "--yes")),
)


def kills(ground: Ground, deed: Deed, count: int, seed: int) -> Iterator[Trial]:
    """Do it again and again, and kill it each time a little later: moments are spread over its real duration."""
    dice = random.Random(f"{deed.name} {seed}")
    name, source, says = deed.script
    ground.write(name, source)
    lasts: dict[int, float] = {}
    for number in range(count):
        turn = number % len(deed.befores)
        before = deed.befores[turn]
        if turn not in lasts:
            before(ground)
            began = time.monotonic()
            _must(ground, *deed.words)
            lasts[turn] = time.monotonic() - began
        before(ground)
        moment = (number + dice.random()) / count * lasts[turn]
        was_killed = ground.killed(moment, *deed.words)
        faults = ground.recovers(name, says, deed.environments)
        when = f"at {moment:.3f} of {lasts[turn]:.3f} s" if was_killed else f"done before {moment:.3f} s"
        yield Trial(f"kill -9: {deed.name}", when, tuple(faults))


def orphans(ground: Ground) -> Iterator[Trial]:
    """Kill luci while its installer waits for the index, which then lives on: it must not meet the next build."""
    ground.forget(wheels=True)
    ground.write("told.py", '# /// script\n# dependencies = ["wombat"]\n# ///\nimport wombat\nprint(wombat.dig())\n')
    ground.index.fail("/files/", "hang")
    child = ground.start("run", "told.py")
    wait_for(lambda: any(path.startswith("/files/") for path in ground.index.requests))
    wait_for(lambda: ground.processes("pip", "install"))
    os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    ground.index.recover()
    faults = ground.luci("run", "told.py").works("dig")
    wait_for(lambda: not ground.processes("pip", "install"))
    faults += ground.recovers("told.py", "dig")
    yield Trial("kill -9: while the installer waits", "the index hangs", tuple(faults))
