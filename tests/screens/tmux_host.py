"""A person at a real terminal: a shell in tmux, in which the program itself is started."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

PATIENCE = 120  # seconds until a fact that must come true is given up
LUCI = f"{shlex.quote(sys.executable)} -m luci"


def must_have_tmux() -> None:
    if not shutil.which("tmux"):
        pytest.skip("tmux is not installed, and this drives the program in it (apt-get install tmux)")


@dataclass
class Tmux:
    """One pane with one shell. Keys are tmux's names of them."""

    socket: str
    folder: Path
    environ: Mapping[str, str]

    def __call__(self, *words: str) -> str:
        command = ["tmux", "-u", "-S", self.socket, "-f", os.devnull, *words]
        return subprocess.run(
            command, env=dict(self.environ), cwd=self.folder, capture_output=True, text=True, check=True
        ).stdout

    @property
    def screen(self) -> str:
        return self("capture-pane", "-p")

    def press(self, *keys: str) -> None:
        self("send-keys", *keys)

    def type(self, text: str) -> None:
        self("send-keys", "-l", text)

    def say(self, text: str) -> None:
        self.type(text)
        self.press("Enter")

    def until(self, fact: Callable[[], object] | str) -> None:
        """Wait for words on the screen, or for another fact."""
        deadline = time.monotonic() + PATIENCE
        while not (fact in self.screen if isinstance(fact, str) else fact()):
            assert time.monotonic() < deadline, f"{fact} never came; the screen:\n{self.screen}"
            time.sleep(0.05)

    def answer(self, key: str, fact: Callable[[], object] | str) -> None:
        """Answer a question, again where it came so soon that the key was taken for one meant for elsewhere."""
        deadline = time.monotonic() + PATIENCE
        while not (fact in self.screen if isinstance(fact, str) else fact()):
            assert time.monotonic() < deadline, f"{fact} never came; the screen:\n{self.screen}"
            self.press(key)
            time.sleep(1.5)

    def start(self, command: str = LUCI) -> None:
        """Start the app, between two looks at how the terminal is set."""
        self.say(f"clear; (stty -g >before; {command}; echo ended with $?; stty -g >after; echo settled)")
        self.until("a script's path")

    def ended(self) -> str:
        """Wait until the shell is back; return what is on the screen. The terminal is as it was."""
        self.until("settled")
        assert (self.folder / "before").read_text() == (self.folder / "after").read_text()
        assert self("display", "-p", "#{alternate_on}#{mouse_any_flag}#{cursor_flag}").strip() == "001"
        return self.screen


@contextlib.contextmanager
def opened(folder: Path, environ: Mapping[str, str], size: tuple[int, int] = (120, 36)) -> Iterator[Tmux]:
    place = tempfile.mkdtemp(prefix="luci-tmux-")  # the path of a socket must be short
    told = {name: value for name, value in environ.items() if not name.startswith(("TMUX", "PS", "PROMPT"))}
    told |= {"LC_ALL": "C.UTF-8", "TERM": "xterm-256color"}
    tmux = Tmux(f"{place}/tmux", folder, told)
    columns, rows = map(str, size)
    tmux("new-session", "-d", "-x", columns, "-y", rows, "bash --norc --noprofile")
    try:
        tmux.until(lambda: tmux.screen.strip())
        yield tmux
    finally:
        with contextlib.suppress(subprocess.CalledProcessError):
            tmux("kill-server")
        shutil.rmtree(place, ignore_errors=True)


def lives(pid: int) -> bool:
    """Whether a process runs and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False
