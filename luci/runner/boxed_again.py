"""Start a script in its container again, where nothing has changed: as luci.runner.warm, whose way this is the rest of.

It imports no more than that does, and what a container needs.
"""

from __future__ import annotations

import os
import stat
import sys

from luci.walls import attach

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_LARGEST = 10_000_000  # bytes of a report
ENGINES = ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "CONTAINER_HOST", "XDG_RUNTIME_DIR")


def start(box: dict[str, Any], words: list[str], paths: list[str], begun: str, state: str, pipe: bool) -> int | None:
    """Return the exit code; None where the container could not be had, and nothing was done."""
    if box["cwd"] != os.getcwd() or any(os.environ.get(name, "") != value for name, value in box["engines"].items()):
        return None
    if any(os.path.lexists(path) != there for path, there in box["guarded"].items()):
        return None
    if pipe and box["reads_stdin"]:
        return None  # a second attempt would miss what the first has read
    import json
    import marshal
    import shutil
    import time

    folder = f"{state}/running/{os.getpid()}.wall"
    reports = f"{folder}/reports"
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(reports)
    try:
        create = box["create"]
        held = {"Type": "bind", "Source": reports, "Target": reports, "ReadOnly": False}
        host = {**create["HostConfig"], "Mounts": [*create["HostConfig"]["Mounts"], held]}
        labels = {**create["Labels"], "luci.pid": str(os.getpid())}
        create = {**create, "Cmd": [*create["Cmd"], *words[1:]], "HostConfig": host, "Labels": labels}
        told = {**box["told"], "create": create, "name": f"luci-{os.getpid()}", "parent": os.getpid()}
        with open(f"{folder}/wall", "wb") as file:
            file.write(marshal.dumps(told))
        chosen = set(box["variables"])
        seen = {name: value for name, value in os.environ.items() if name in chosen or name.startswith("LC_")}
        seen |= {**box["fixed"], "LUCI_RUN": f"0:report:{reports}/run"}
        if paths:
            seen["PYTHONPATH"] = os.pathsep.join(paths)
        mine = dict(os.environ)
        os.environ.clear()
        os.environ.update(seen)
        began = time.monotonic()
        try:
            code = attach.main(f"{folder}/wall")
        finally:
            os.environ.clear()
            os.environ.update(mine)
        if os.path.exists(f"{folder}/wall.failed"):
            if not os.path.exists(f"{folder}/wall.begun"):
                return None
            with open(f"{folder}/wall.failed", encoding="utf-8") as failed:
                sys.stderr.write(f"error: The engine ended while the script ran.\ncause: {failed.read()}\n")
            return attach.FAILED
        if _is_report(f"{reports}/run.report"):
            os.replace(f"{reports}/run.report", f"{begun}.report")
            resume = [sys.executable, "-P", "-E", "-m", "luci", "_resume", begun]
            shutil.rmtree(folder, ignore_errors=True)
            sys.stdout.flush()
            os.execve(resume[0], resume, mine)
        _note(state, begun, box, words, code, time.monotonic() - began, json)
        return code
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _is_report(place: str) -> bool:
    try:
        info = os.lstat(place)
    except OSError:
        return False
    return stat.S_ISREG(info.st_mode) and info.st_size <= _LARGEST


def _note(state: str, begun: str, box: dict[str, Any], words: list[str], code: int, seconds: float, json: Any) -> None:
    """Write the run into the record, as luci.runs does."""
    try:
        started = os.stat(begun).st_mtime
        name = f"{int(started * 1_000_000):x}-{os.getpid():x}"
        script = os.path.abspath(words[1])
        run = {**box["run"], "id": name, "script": script, "args": words[2:], "started": started, "pid": os.getpid()}
        lines = [] if os.path.exists(f"{begun}.told") else [{"start": run}]
        lines += [{"end": {"id": name, "exit_code": code, "seconds": round(seconds, 3)}}]
        with open(f"{state}/runs.jsonl", "ab") as file:
            file.write(b"".join(b"\n" + json.dumps(line).encode("ascii") + b"\n" for line in lines))
        os.unlink(begun)
    except OSError:
        pass  # a disk that takes no record stops no script
