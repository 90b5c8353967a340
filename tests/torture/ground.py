"""The ground on which luci is tried: a person with a home, a project and an index, who can do anything to luci.

The tests and bench/torture.py share it. What is done to luci is a Trial, and what was wrong afterwards are its faults.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from luci.envs.store import Store
from luci.envs.whole import verify
from tests.package_index import PackageIndex

LUCI = str(Path(sys.executable).with_name("luci"))
PATIENCE = 120  # seconds until something that must end is given up
FOREIGN = ("PIP_", "UV_", "LUCI_", "PYTHON", "PYENV", "VIRTUAL_ENV", "XDG_")  # of this machine; luci must not see them
ESCAPE = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]|\xe2\x80[\x8e\x8f\xaa-\xae]|\xe2\x81[\xa6-\xa9]")


@dataclass(frozen=True)
class Trial:
    """One thing that was done to luci. No faults: it held."""

    part: str
    case: str
    faults: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.part}: {self.case}" + "".join(f"\n    {fault}" for fault in self.faults)


@dataclass(frozen=True)
class Done:
    """How a command ended; `code` is negative where a signal killed it."""

    words: tuple[str, ...]
    code: int
    stdout: bytes
    stderr: bytes

    @property
    def out(self) -> str:
        return self.stdout.decode(errors="backslashreplace").strip()

    @property
    def err(self) -> str:
        return self.stderr.decode(errors="backslashreplace").strip()

    @property
    def json(self) -> Any:
        return json.loads(self.stdout)

    def __str__(self) -> str:
        return f"luci {' '.join(self.words)!r} ended with {self.code}: {self.out[-300:]} | {self.err[-700:]}"

    def works(self, says: str) -> list[str]:
        """Return what is wrong if it should have worked and printed `says`."""
        return [] if self.code == 0 and self.out == says and b"Traceback" not in self.stderr else [str(self)]

    def refuses(self, *codes: int) -> list[str]:
        """Return what is wrong if it should have been refused in clear words."""
        said = [line for line in self.err.splitlines() if line.startswith("error: ")]
        clear = self.code in (codes or (2, 125, 126)) and len(said) == 1 and "Traceback" not in self.err
        return [] if clear else [f"no clear refusal: {self}"]

    def works_or_refuses(self, says: str) -> list[str]:
        return self.works(says) if self.code == 0 else self.refuses()


@dataclass(frozen=True)
class Ground:
    """A folder with everything that one person's luci touches, and `index`, the only network there is."""

    base: Path
    index: PackageIndex
    extra: Mapping[str, str] = field(default_factory=dict)
    before: tuple[str, ...] = ()  # what stands before each command
    brief: bool = False  # ask luci's own functions what is listed and whole, which the commands print

    @property
    def home(self) -> Path:
        return self.base / "home"

    @property
    def envs(self) -> Path:
        return self.home / "data" / "envs"

    @property
    def state(self) -> Path:
        return self.home / "state"

    @property
    def cache(self) -> Path:
        return self.home / "cache"

    @property
    def wheels(self) -> Path:
        return self.base / "uv-cache"

    @property
    def temporary(self) -> Path:
        return self.base / "tmp"

    @property
    def project(self) -> Path:
        return self.base / "project"

    @property
    def environ(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
        return {
            **kept,
            "LUCI_HOME": str(self.home),
            "UV_CACHE_DIR": str(self.wheels),
            "UV_NO_CONFIG": "1",
            "UV_PYTHON_DOWNLOADS": "never",
            "PIP_CONFIG_FILE": os.devnull,
            "TMPDIR": str(self.temporary),
            "HOME": str(self.base / "person"),
            "PATH": os.defpath,  # few Pythons: luci's own, and the system's
            **self.extra,
        }

    # -- what the person does

    def lay(self) -> Ground:
        for folder in (self.home / "config", self.temporary, self.project / ".git"):
            folder.mkdir(parents=True, exist_ok=True)
        # not by a variable: those send every run the ordinary way, past the launcher
        (self.home / "config" / "config.toml").write_text(f'[index]\nurl = "{self.index.url}"\n')
        return self

    def forget(self, *, pythons: bool = False, pages: bool = True, wheels: bool = False) -> None:
        """Empty the home; what is True goes too: what is known of Pythons, the pages of the index, uv's wheels."""
        gone = [self.home / "data", self.state, self.cache / "index" if pages else None]
        gone += [self.cache if pythons else None, self.wheels if wheels else None]
        for folder in filter(None, gone):
            shutil.rmtree(folder, ignore_errors=True)

    def empty(self, name: str) -> None:
        """Remove all that is in a folder of this ground."""
        shutil.rmtree(self.base / name, ignore_errors=True)

    def write(self, name: str, source: str) -> Path:
        path = self.project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")
        return path

    def luci(self, *words: str | Path, **options: Any) -> Done:
        return self.do([LUCI, *words], **options)

    def do(
        self,
        command: Sequence[str | Path],
        *,
        cwd: str | Path | None = None,
        env: Mapping[str, str] | None = None,
        input: bytes = b"",
    ) -> Done:
        """Run a command to its end; what it leaves running holds nobody up."""
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            child = subprocess.Popen(
                [*self.before, *(os.fspath(word) for word in command)],
                stdin=subprocess.PIPE if input else subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                cwd=cwd or self.project,
                env={**self.environ, **(env or {})},
                start_new_session=True,
            )
            if child.stdin:
                with contextlib.suppress(BrokenPipeError):
                    child.stdin.write(input)
                    child.stdin.close()
            try:
                code = child.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                code = child.wait()
            out.seek(0), err.seek(0)
            words = tuple(ascii(os.fspath(word))[1:-1] for word in command[1:])
            return Done(words, code, out.read(), err.read())

    def start(self, *words: str | Path, env: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Start luci as the leader of a process group of its own, as a shell does."""
        return subprocess.Popen(
            [LUCI, *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self.project,
            env={**self.environ, **(env or {})},
            start_new_session=True,
        )

    def killed(self, seconds: float, *words: str | Path) -> bool:
        """Start luci and kill -9 its process group after some seconds; whether it still ran then."""
        child = self.start(*words)
        try:
            child.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        return child.returncode == -signal.SIGKILL

    # -- what can be seen of luci

    def listed(self) -> list[dict[str, Any]]:
        done = self.luci("env", "list", "--json")
        assert done.code == 0, done
        rows: list[dict[str, Any]] = done.json
        return rows

    def processes(self, *words: str) -> list[int]:
        """Return the processes that work on this ground with all of these words in their command."""
        found = []
        for folder in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                command = (folder / "cmdline").read_bytes() if folder.name.isdigit() else b""
                if os.fsencode(self.base) in command and {os.fsencode(w) for w in words} <= set(command.split(b"\0")):
                    found.append(int(folder.name))
        return found

    def env_of(self, script: str) -> Path:
        done = self.luci("env", "path", script)
        assert done.code == 0, done
        return Path(done.out)

    def root_of(self, script: str) -> Path:
        return self.env_of(script).parent

    def site_of(self, script: str) -> Path:
        return next(self.env_of(script).glob("lib/*/site-packages"))

    def unsound(self, environments: int | None = 1) -> list[str]:
        """Return what `env list` and `env verify` find wrong."""
        if self.brief:
            found = {env.name: verify(env) for env in Store(self.envs).all()}
        else:
            verified = self.luci("env", "verify", "--json")
            found = verified.json
            if {row["name"] for row in self.listed()} != set(found) or (verified.code == 0) == any(found.values()):
                return [f"list and verify disagree: {verified}"]
        if environments is not None and len(found) != environments:
            return [f"{len(found)} environments are listed: {sorted(found)}"]
        return [f"{name}: {fault}" for name, faults in found.items() for fault in faults]

    def rubble(self, before: float) -> list[str]:
        """Return what lies about that no living process made and nothing refers to, older than a moment."""
        return sorted(str(path.relative_to(self.base)) for path in self._rubble() if _older(path, before))

    def _rubble(self) -> Iterator[Path]:
        for root in _entries(self.envs):
            record = _json(root / "env.json")
            if root.name == ".locks":
                continue
            if not record:
                yield root
                continue
            for path in _entries(root):
                if path.name not in ("env.json", "uses", f"g{record.get('generation')}"):
                    yield path
            for marker in _entries(root / "uses"):
                if not _lives(int(marker.name)):
                    yield marker
        for path in _entries(self.state / "running"):
            if not any(_lives(int(pid)) for pid in re.findall(r"\d+", path.name)[:1]):
                yield path
        for folder in (self.state, self.cache):
            for path in folder.rglob("*") if folder.exists() else ():
                if path.name.startswith(".") or path.suffix in (".new", ".part", ".tmp"):
                    yield path
        yield from _entries(self.temporary)

    def swept(self) -> list[str]:
        """Let luci sweep, and return what rubble it leaves."""
        before = time.time()
        done = self.luci("env", "prune", "--yes")
        faults = [] if done.code == 0 else [str(done)]
        return faults + [f"rubble: {path}" for path in self.rubble(before)]

    def recovers(self, script: str, says: str, environments: int | None = 1) -> list[str]:
        """The promise after any accident: the next run works, no rubble stays, and what is listed is whole."""
        faults = self.luci("run", script).works(says)
        faults += self.swept()
        faults += self.unsound(environments)
        return faults


def _older(path: Path, before: float) -> bool:
    try:
        return os.lstat(path).st_mtime < before
    except FileNotFoundError:
        return False


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0] not in b"ZX"
    except FileNotFoundError:
        return False


def wait_for(fact: Any) -> None:
    deadline = time.monotonic() + PATIENCE
    while not fact():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.01)


def fill(index: PackageIndex) -> None:
    """Packages that may be installed unasked: three old releases each."""
    for version in ("1.0", "1.1", "1.2"):
        index.add_wheel("quokka", version, {"quokka.py": "def hop():\n    return 'hop'\n"})
        index.add_wheel(
            "wombat", version, {"wombat.py": "import quokka\n\ndef dig():\n    return 'dig'\n"}, ("quokka",)
        )
        index.add_wheel("possum", version, {"possum.py": "import quokka\n\ndef play():\n    return 'play'\n"})
        index.add_wheel("bilby", version, {"bilby/__init__.py": "", "bilby/deep.py": "value = 1\n"})


@contextlib.contextmanager
def laid(base: Path, *, brief: bool = False) -> Iterator[Ground]:
    """A ground with a filled index, on which luci ran once: what the Pythons of the machine are is known."""
    with PackageIndex(base / "index") as index:
        fill(index)
        ground = Ground(base, index, brief=brief).lay()
        ground.write("plain.py", "print('plain')\n")
        done = ground.luci("run", "plain.py")
        assert done.code == 0, done
        ground.forget()
        yield ground
