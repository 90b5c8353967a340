"""luci as a person has it: a command in a folder, a terminal, and an index with a few packages."""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import termios
import textwrap
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyte
import pytest

from tests.package_index import PackageIndex

PATIENCE = 60  # seconds until something that must happen is given up
# variables of the machine that tests must not see
FOREIGN = ("PIP_", "UV_", "LUCI_", "PYTHON", "VIRTUAL_ENV", "COLUMNS", "LINES", "NO_COLOR")


@dataclass(frozen=True)
class Done:
    """How a command ended; `code` is negative where a signal killed it."""

    code: int
    stdout: bytes
    stderr: bytes

    @property
    def out(self) -> str:
        return self.stdout.decode()

    @property
    def err(self) -> str:
        return self.stderr.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.stdout)


@dataclass(frozen=True)
class Luci:
    """The command `luci`, in a folder, with an environment of variables."""

    folder: Path
    environ: Mapping[str, str]
    patience: float = PATIENCE
    opened: list[Terminal] = field(default_factory=list)
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __call__(self, *words: str | Path, **options: Any) -> Done:
        return self.command([sys.executable, "-m", "luci", *words], **options)

    def command(
        self,
        argv: list[str | Path],
        *,
        input: str | bytes | None = None,
        stdin: int | None = None,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Done:
        """Run any command as this person would; standard input is empty, `input` through a pipe, or `stdin`."""
        fed = input.encode() if isinstance(input, str) else input
        done = subprocess.run(
            argv,
            input=fed,
            stdin=None if fed is not None else subprocess.DEVNULL if stdin is None else stdin,
            capture_output=True,
            check=False,
            cwd=cwd or self.folder,
            env={**self.environ, **(env or {})},
            timeout=self.patience,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def start(self, *words: str | Path, env: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Start luci beside the test; it is ended with the test."""
        process = subprocess.Popen(
            [sys.executable, "-m", "luci", *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self.folder,
            env={**self.environ, **(env or {})},
        )
        self.started.append(process)
        return process

    def terminal(self, *words: str | Path, env: Mapping[str, str] | None = None, columns: int = 80) -> Terminal:
        """Start luci in front of a pseudo-terminal."""
        terminal = Terminal(
            [sys.executable, "-m", "luci", *map(str, words)],
            self.folder,
            {**self.environ, "TERM": "xterm", **(env or {})},
            columns,
        )
        self.opened.append(terminal)
        return terminal

    def write(self, name: str, source: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(source), encoding="utf-8")
        return path

    def env_of(self, script: str | Path) -> Path:
        """The folder of a script's environment."""
        done = self("env", "path", script)
        assert done.code == 0, done.err
        return Path(done.out.strip())

    def site_of(self, script: str | Path) -> Path:
        return next(self.env_of(script).glob("lib/*/site-packages"))

    def python_of(self, script: str | Path) -> Path:
        return self.env_of(script) / "bin" / "python"

    def close(self) -> None:
        for terminal in self.opened:
            terminal.close()
        for process in self.started:
            if process.poll() is None:
                process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream and not stream.closed:
                    with contextlib.suppress(BrokenPipeError):
                        stream.close()


LINES = 24  # of a terminal
CONTROL = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"


class Terminal:
    """A real pseudo-terminal with a command in front of it."""

    def __init__(self, argv: list[str], cwd: Path, environ: Mapping[str, str], columns: int = 80) -> None:
        self.fd, slave = os.openpty()
        self.columns = columns
        termios.tcsetwinsize(slave, (LINES, columns))
        self.process = subprocess.Popen(
            [sys.executable, "-c", CONTROL, *argv],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            cwd=cwd,
            env=environ,
        )
        os.close(slave)
        self.raw = b""

    @property
    def screen(self) -> list[str]:
        """The lines that a person now has before them."""
        screen = pyte.Screen(self.columns, LINES)
        pyte.ByteStream(screen).feed(self.raw)
        return [line.rstrip() for line in screen.display if line.strip()]

    @property
    def seen(self) -> str:
        """All that was ever written, without colours."""
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.raw.decode(errors="replace")).replace("\r\n", "\n")

    def see(self, text: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while text not in self.seen:
            assert time.monotonic() < deadline and self.read(), self.seen

    def type(self, text: str) -> None:
        os.write(self.fd, text.encode())

    def exit_code(self) -> int:
        while self.read():
            pass
        return self.process.wait(PATIENCE)

    def read(self) -> bytes:
        """Wait for more, which is added to `raw` too; empty where nobody writes any more."""
        assert select.select([self.fd], [], [], PATIENCE)[0], self.seen
        try:
            data = os.read(self.fd, 65536)
        except OSError:  # how Linux says that nobody holds the other side any more
            data = b""
        self.raw += data
        return data

    def close(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        os.close(self.fd)
        self.process.wait()


def wait_for(fact: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not fact():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0] not in b"ZX"
    except FileNotFoundError:
        return False


def add_trusted(index: PackageIndex, name: str, files: Mapping[str, str], requires: tuple[str, ...] = ()) -> None:
    """Publish three old releases, which is what a guessed name needs to pass the gate."""
    for version in ("1.0", "1.1", "1.2"):
        index.add_wheel(name, version, files, requires)


def fill(index: PackageIndex) -> None:
    """Put a few animals on the shelf: one that stands alone, one that needs another, and one that nobody knows yet."""
    add_trusted(index, "quokka", {"quokka.py": "def hop():\n    return 'hop'\n"})
    add_trusted(index, "wombat", {"wombat.py": "import quokka\n\ndef dig():\n    return 'dig'\n"}, ("quokka",))
    add_trusted(index, "thylacine", {"thylacine/__init__.py": "def lick():\n    return 'lick'\n"})
    add_trusted(index, "bilby", {"bilby.py": "", "bilby_extra.py": ""})
    index.add_wheel("PyYAML", "6.0", {"yaml/__init__.py": "def safe_load(text):\n    return {'loaded': text}\n"})
    index.add_wheel("dingo", "0.1", {"dingo.py": "def howl():\n    return 'howl'\n"})


def variables(home: Path, index: PackageIndex, cache: Path) -> dict[str, str]:
    """The variables of a person who has an empty home of luci's and no package source but `index`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    return {
        **kept,
        "LUCI_HOME": str(home),
        "LUCI_INDEX_URL": index.url,
        "UV_CACHE_DIR": str(cache),
        "UV_NO_CONFIG": "1",
        "UV_PYTHON_DOWNLOADS": "never",
        "PIP_CONFIG_FILE": os.devnull,
    }


@dataclass(frozen=True)
class Shared:
    """One index, one home and one project for all tests that do not mind each other."""

    index: PackageIndex
    project: Path
    environ: Mapping[str, str]


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    base = tmp_path_factory.mktemp("shared")
    project = base / "project"
    (project / ".git").mkdir(parents=True)  # one project, so that equal needs are one environment
    with PackageIndex(base / "index") as index:
        fill(index)
        environ = variables(base / "home", index, base / "uv-cache")
        first = Luci(project, environ)
        first.write("first.py", "import quokka")
        first.write("plain.py", "")
        for script in ("first.py", "plain.py"):
            done = first("run", script)
            assert done.code == 0, done.err
        yield Shared(index, project, environ)


@pytest.fixture
def luci(shared: Shared, request: pytest.FixtureRequest) -> Iterator[Luci]:
    """luci in an empty folder of the shared project; environments with quokka, and with nothing, are there already."""
    name = re.sub(r"\W+", "-", request.node.name).strip("-")[:100]
    folder = shared.project / name
    folder.mkdir()
    person = Luci(folder, shared.environ)
    yield person
    person.close()
    shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class Near(Luci):
    """The same person; `luci` is called in this process, where a start of Python would be most of what it costs."""

    monkeypatch: Any = None
    capture: Any = None

    def near(self, *words: str | Path) -> Done:
        from luci.cli.commands import main

        with self.monkeypatch.context() as patch, open(os.devnull, encoding="utf-8") as nothing:
            for name in [name for name in os.environ if name.startswith(FOREIGN) or name == "LUCI_HOME"]:
                patch.delenv(name)
            for name, value in self.environ.items():
                patch.setenv(name, value)
            patch.chdir(self.folder)
            patch.setattr(sys, "stdin", nothing)
            self.capture.readouterr()
            try:
                code = main([str(word) for word in words])
            except SystemExit as ended:  # how argparse says that words are wrong
                code = int(ended.code or 0)
            told = self.capture.readouterr()
        return Done(code, told.out, told.err)


@pytest.fixture
def near(luci: Luci, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> Near:
    """luci as the fixture of that name has it, called in this process by `near.near`."""
    return Near(luci.folder, luci.environ, luci.patience, luci.opened, luci.started, monkeypatch, capfdbinary)


@pytest.fixture
def near_of(
    monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> Callable[[Luci], Callable[..., Done]]:
    """The same for any person: what `near_of(person)` returns is called with the words."""
    return lambda person: (
        Near(
            person.folder, person.environ, person.patience, person.opened, person.started, monkeypatch, capfdbinary
        ).near
    )


@pytest.fixture
def lone(shared: Shared, index: PackageIndex, luci_home: Path, tmp_path: Path) -> Iterator[Luci]:
    """luci with a home and an index that no other test knows."""
    fill(index)
    folder = tmp_path / "work"
    folder.mkdir()
    home = Path(shared.environ["LUCI_HOME"])
    learn_what_is_known_of_this_machine(home, luci_home)
    person = Luci(folder, variables(luci_home, index, tmp_path / "uv-cache"))
    yield person
    person.close()


def learn_what_is_known_of_this_machine(home: Path, other: Path) -> None:
    """Let another home know what each would find out once, and alike: the Pythons, their tags, the hook."""
    (other / "cache").mkdir(parents=True, exist_ok=True)
    for known in [
        *(home / "cache").glob("interpreters*.json"),
        home / "cache" / "names",
        *(home / "cache").glob("tags/*"),
    ]:
        place = other / known.relative_to(home)
        place.parent.mkdir(exist_ok=True)
        shutil.copy(known, place)


def events_in(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
