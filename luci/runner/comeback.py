"""What luci leaves behind when it becomes a script, so that the hook can bring it back and it goes on where it was."""

from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path
from typing import Any

from luci import paths, runs
from luci.envs import files
from luci.envs.store import Env
from luci.errors import EnvError
from luci.runner.request import Progress, RunRequest
from luci.runner.script import Script, read_script
from luci.runner.wants import Wants
from luci.values import Value, as_dict
from luci.walls.asked import Asked


def running() -> Path:
    folder = paths.state() / "running"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def saved(request: RunRequest, progress: Progress, env: Env, script: Script) -> Path | None:
    """Write what is needed to go on; None on a disk that takes nothing, which stops no script."""
    state = paths.state() / "running" / f"{os.getpid()}.json"
    told = {
        "resume": [sys.executable, "-P", "-E", "-m", "luci", "_resume", str(state)],
        "request": {**as_dict(request), "wants": {**as_dict(request.wants), "allow": sorted(request.wants.allow)}},
        "progress": as_dict(progress),
        "key": env.key,
        "stdin": as_dict(Stdin.now()),
        "source": "" if script.path else script.source.decode("latin-1"),
    }
    try:
        running()
        files.write(state, json.dumps(told).encode("ascii"), lasting=False)
    except OSError:
        return None
    return state


def restored(state: Path) -> tuple[RunRequest, Progress, str, Stdin]:
    """Return what was asked, how far it came, the key of the environment, and how the standard input stood."""
    if state.suffix != ".json" and (begun := runs.begun(state)):
        script, *args = begun.words
        return RunRequest(script=script, args=tuple(args), become=True), Progress(), begun.key, Stdin(stdin_kind())
    told = files.read_json(state)
    try:
        wants = told["request"].pop("wants")
        walls = Asked.of(told["request"].pop("walls"))
        allow = frozenset(wants.pop("allow"))
        asked = Wants(**{**wants, "requirements": tuple(wants["requirements"])}, allow=allow)
        listed: dict[str, Any] = {n: tuple(v) if isinstance(v, list) else v for n, v in told["request"].items()}
        progress = Progress(told["progress"]["attempt"], tuple(told["progress"]["mended"]))
        return RunRequest(**listed, wants=asked, walls=walls), progress, told["key"], Stdin(**told["stdin"])
    except (KeyError, TypeError) as error:
        raise EnvError(
            "luci was called back without a state.", cause=str(error), hint="Run the script again."
        ) from error


def script_again(request: RunRequest, state: Path) -> Script:
    if request.kind != "stdin":
        return read_script(request.script, request.kind)  # type: ignore[arg-type]
    source = str(files.read_json(state).get("source", "")).encode("latin-1")
    return Script("stdin", "-", None, source, Path.cwd(), ("-",))


class Stdin(Value):
    """Our standard input: a "pipe" (what was read is gone), a "file" (it can be read again), a "terminal", or "none".

    `offset` is the place in a file, `waiting` the bytes that a pipe holds; -1 where there is no such thing.
    """

    kind: str = "none"
    offset: int = -1
    waiting: int = -1

    @classmethod
    def now(cls) -> Stdin:
        kind = stdin_kind()
        try:
            return cls(
                kind, os.lseek(0, 0, os.SEEK_CUR) if kind == "file" else -1, _waiting() if kind == "pipe" else -1
            )
        except OSError:
            return cls(kind)

    def rewind(self) -> None:
        if self.kind == "file" and self.offset >= 0 and stdin_kind() == "file":
            os.lseek(0, self.offset, os.SEEK_SET)

    def was_read(self) -> bool:
        """Whether a pipe holds less than it did: nobody else reads from it, so the script did."""
        return self.kind == "pipe" and _waiting() < self.waiting


def stdin_kind() -> str:
    try:
        mode = os.fstat(0).st_mode
    except OSError:
        return "none"
    if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode):
        return "pipe"
    return "file" if stat.S_ISREG(mode) else "terminal"


def _waiting() -> int:
    if sys.platform == "win32":
        return -1
    import array
    import fcntl
    import termios

    count = array.array("i", [0])
    try:
        fcntl.ioctl(0, termios.FIONREAD, count)
    except OSError:
        return -1
    return count[0]
