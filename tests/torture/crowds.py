"""Many at once: first runs, different scripts, and runs while others remove, rebuild and prune beside them."""

from __future__ import annotations

import itertools
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.torture.ground import LUCI, Done, Ground, Trial, wait_for

PACKAGES = ("quokka", "wombat", "possum", "bilby")
# imports late, so that an environment that vanishes under it is noticed
LATE = "import time, wombat\ntime.sleep({seconds})\nimport bilby.deep\nprint(wombat.dig(), bilby.deep.value)\n"
SAYS = "dig 1"


def one_script(ground: Ground, crowd: int = 16) -> Trial:
    """All start a script for the first time at once: all succeed, and one environment was built."""
    ground.forget()
    ground.write("late.py", LATE.format(seconds=0.1))
    done = _together(lambda _: ground.luci("run", "late.py"), range(crowd))
    faults = [fault for each in done for fault in each.works(SAYS)]
    built = sum("built an environment" in each.err for each in done)
    generations = sorted(str(path.relative_to(ground.envs)) for path in ground.envs.glob("luci_*/g*"))
    if built != 1 or len(generations) != 1:
        faults.append(f"{built} said that they built, and there are {generations}")
    return Trial("at once", f"{crowd} first runs of one script", (*faults, *ground.unsound(1)))


def many_scripts(ground: Ground, crowd: int = 16) -> Trial:
    """All start another script for the first time at once, each with other needs."""
    ground.forget()
    needs = [set for size in range(len(PACKAGES) + 1) for set in itertools.combinations(PACKAGES, size)][:crowd]
    for number, names in enumerate(needs):
        imports = "".join(f"import {name}\n" for name in (*names, "quokka"))  # possum does not say that it needs it
        ground.write(f"s{number}.py", f"{imports if names else ''}print({number})\n")
    done = _together(lambda number: ground.luci("run", f"s{number}.py"), range(len(needs)))
    faults = [fault for number, each in enumerate(done) for fault in each.works(str(number))]
    return Trial("at once", f"first runs of {len(needs)} scripts", (*faults, *ground.unsound(None), *ground.swept()))


def runs_beside_changes(ground: Ground, runs: int, crowd: int = 3) -> Trial:
    """Run a script over and over while its environment is rebuilt, removed and pruned all the time."""
    ground.forget()
    ground.write("late.py", LATE.format(seconds=0.02))
    ground.write("gone.py", "import bilby\nprint('gone')\n")
    changes = (
        ("env", "rebuild", "--all"),
        ("env", "remove", "--all", "--yes"),
        ("env", "prune", "--yes", "--unused-days", "0"),
    )
    over = threading.Event()
    changed: list[Done] = []

    def change(words: Sequence[str]) -> None:
        while not over.is_set():
            changed.append(ground.luci(*words))

    with ThreadPoolExecutor(len(changes)) as beside:
        for words in changes:
            beside.submit(change, words)
        try:
            done = _together(lambda _: [ground.luci("run", "late.py") for _ in range(runs)], range(crowd))
        finally:
            over.set()
    faults = [fault for each in itertools.chain(*done) for fault in each.works(SAYS)]
    faults += [fault for each in changed if each.code for fault in each.refuses(125)]
    case = f"{runs * crowd} runs beside {len(changed)} rebuilds, removals and prunes"
    return Trial("at once", case, (*faults, *ground.recovers("late.py", SAYS)))


def held_before_python_starts(ground: Ground, start: Sequence[str] = (LUCI,)) -> Trial:
    """Hold a run between luci's marker and its environment's Python: nobody can take the environment meanwhile.

    The environment's python is made to wait, and shows no sign of the environment in its command line until then.
    """
    ground.forget(pages=False)
    ground.write("late.py", LATE.format(seconds=0))
    faults = ground.luci("run", "late.py").works(SAYS)
    python = ground.env_of("late.py") / "bin" / "python"
    gate = ground.base / f"gate-{time.monotonic_ns()}"
    os.mkfifo(gate)
    real = python.with_name("python.real")
    os.rename(python, real)
    python.write_text(f'#!/bin/sh\nexec 3<"{gate}"\nread -r line <&3\nexec 3<&-\nexec "{real}" "$@"\n')
    python.chmod(0o755)
    child = subprocess.Popen(
        [*start, "run", "late.py"], cwd=ground.project, env=ground.environ, stdout=-1, stderr=-1, start_new_session=True
    )
    with open(gate, "wb") as opened:  # goes on once the run waits there
        for words in (("env", "remove", "late.py"), ("env", "remove", "--all")):
            faults += ground.luci(*words, "--yes").refuses(125)
        for words in (("env", "prune", "--yes", "--unused-days", "0", "--budget-gb", "0"), ("env", "rebuild", "--all")):
            done = ground.luci(*words)
            faults += [str(done)] if done.code else []
        os.rename(real, python)
        real.symlink_to(os.path.realpath(python))
        opened.write(b"go\n")
    out, err = child.communicate()
    faults += Done(("run", "late.py"), child.returncode, out, err).works(SAYS)
    name = "held between marker and Python" + (" (through Python)" if start[0] != LUCI else "")
    return Trial("at once", name, (*faults, *ground.recovers("late.py", SAYS)))


def stopped_anywhere(ground: Ground, count: int, seed: int) -> Iterator[Trial]:
    """SIGSTOP a later run at moments spread over it, remove its environment meanwhile, and let it go on."""
    dice = random.Random(f"stop {seed}")
    ground.forget(pages=False)
    ground.write("late.py", LATE.format(seconds=0))
    _must_run(ground)
    began = time.monotonic()
    _must_run(ground)
    lasts = time.monotonic() - began
    for number in range(count):
        words = [LUCI] if number % 2 else [sys.executable, "-m", "luci"]
        moment = (number + dice.random()) / count * lasts
        _must_run(ground)
        child = subprocess.Popen(
            [*words, "run", "late.py"],
            cwd=ground.project,
            env=ground.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        time.sleep(moment)
        os.kill(child.pid, signal.SIGSTOP)
        wait_for(lambda child=child: _state(child.pid) in "TZ")
        removed = ground.luci("env", "remove", "--all", "--yes")
        faults = removed.refuses(125) if removed.code else []
        os.kill(child.pid, signal.SIGCONT)
        out, err = child.communicate()
        faults += Done(("run", "late.py"), child.returncode, out, err).works(SAYS)
        told = "removed" if removed.code == 0 else "in use"
        yield Trial("at once", f"stopped at {moment * 1000:.1f} ms of a later run: {told}", tuple(faults))


def _must_run(ground: Ground) -> None:
    done = ground.luci("run", "late.py")
    assert not done.works(SAYS), done


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def _together(do: Callable[[int], Done], those: Sequence[int]) -> list[Done]:
    with ThreadPoolExecutor(len(those)) as pool:
        return list(pool.map(do, those))
