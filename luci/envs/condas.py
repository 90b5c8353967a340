"""Conda environments: solved and installed from channels by py-rattler, with what only the index has on top by uv."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import os
import re
import shlex
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packaging.utils import canonicalize_name

from luci import paths, process
from luci.envs import activations, channels, files, installer, resolver, solved, venvs
from luci.envs.backends import Backend
from luci.envs.installer import InstallFailed, Reason
from luci.envs.interpreters import Interpreter
from luci.envs.resolver import Newest
from luci.envs.solved import Solved
from luci.envs.sources import Sources
from luci.envs.spec import EnvSpec
from luci.envs.terms import Terms
from luci.errors import EnvError, Interrupted
from luci.events import Ended, Event, Output, Warned, Working
from luci.values import Value, replace

if TYPE_CHECKING:
    from luci.envs.backends import Ability

META = "conda-meta"
CHILD = Path(__file__).parent / "programs" / "conda_child.py"


class Conda(Backend):
    """The kind `conda`: see luci.envs.backends."""

    can: frozenset[Ability] = frozenset(("update", "environment.yml", "conda-lock", "dockerfile", "shell"))

    @contextlib.contextmanager
    def making(self, folder: Path, python: Interpreter) -> Iterator[None]:
        insist_on_rattler()
        folder.mkdir(parents=True)
        yield
        venvs.add_pip(folder)
        _add_activate(folder)

    def install(
        self, spec: EnvSpec, folder: Path, sources: Sources, terms: Terms, stop: Callable[[], bool]
    ) -> Iterator[Event]:
        yield from _solved_and_linked(spec, folder, sources, terms, stop)
        (folder / "lib" / f"python{spec.python}" / "site-packages").mkdir(parents=True, exist_ok=True)
        venvs.furnish(folder)
        _compile_hook(folder)
        came = venvs.installed(folder)  # which uv is to leave alone
        held = tuple(f"{name}=={version}" for name, version in came.items())
        exact = replace(spec, constraints=(*spec.constraints, *held))
        yield from installer.install(exact, folder, sources, terms, stop, ("--break-system-packages",))
        if trouble := activations.keep(folder):
            yield Warned(trouble)

    def newest(
        self,
        spec: EnvSpec,
        folder: Path,
        python: Interpreter,
        sources: Sources,
        terms: Terms,
        stop: Callable[[], bool],
    ) -> Generator[Event, None, Newest]:
        insist_on_rattler()
        chosen = yield from _solved(spec, sources, terms, stop)
        came = solved.distributions(brought(folder))
        held = solved.held(chosen, came)
        limited = replace(spec, constraints=(*spec.constraints, *held))
        lines = yield from resolver.resolve(limited, str(venvs.python_of(folder)), sources, terms, stop)
        names = {line.partition("==")[0] for line in held} | came
        rest = [line for line in lines if solved.name_of(line) not in names]
        mine = {name: version for name, version in venvs.installed(folder).items() if name not in names}
        pins = tuple(record.pin for record in chosen)
        return Newest(
            replace(resolver.fixed(spec, rest), conda=pins),
            (*solved.differences(packages(folder), chosen), *resolver.changes(mine, rest)),
        )

    def python(self, folder: Path, asked: Interpreter) -> tuple[str, str]:
        versions = {record["name"]: record["version"] for record in packages(folder)}
        return os.path.realpath(venvs.python_of(folder)), versions["python"]

    def witness(self, folder: Path) -> Path:
        return folder / META / "history"

    def installed(self, folder: Path) -> dict[str, str]:
        came = {record["name"]: record["version"] for record in packages(folder)}
        return dict(sorted({**came, **venvs.installed(folder)}.items()))

    def needs(self, folder: Path) -> dict[str, list[str]]:
        return {
            str(record["name"]): [str(need).split()[0] for need in record.get("depends", ())]
            for record in packages(folder)
        }

    def brought(self, folder: Path) -> frozenset[str]:
        return brought(folder)

    def faults(self, folder: Path) -> list[str]:
        return list(_faults(folder))


def insist_on_rattler() -> None:
    """Raise EnvError where py-rattler is not installed beside luci."""
    if importlib.util.find_spec("rattler") is None:
        raise EnvError(
            "Conda environments need py-rattler, which is not installed beside luci.",
            hint="Install luci[conda]; --env venv does without conda.",
        )


def interpreter(version: str) -> Interpreter:
    """Return the Python of a channel as a plan knows it: it has no path before its environment is built."""
    return Interpreter(
        path="",
        version=version,
        implementation="cpython",
        platform=sysconfig.get_platform(),
        sys_platform=sys.platform,
        os_name=os.name,
    )


def packages(folder: Path) -> list[dict[str, Any]]:
    """Return the records of the conda packages in an environment, sorted by name."""
    names = sorted(name for name in files.listing(folder / META) if name.endswith(".json"))
    records = [files.read_json(folder / META / name) for name in names]
    return sorted((r for r in records if "name" in r and "version" in r), key=lambda record: str(record["name"]))


def brought(folder: Path) -> frozenset[str]:
    """Return the names of the .dist-info folders that conda packages brought."""
    site = venvs.site_packages(folder).resolve().relative_to(folder.resolve()).as_posix() + "/"
    inside = (path for record in packages(folder) for path in record.get("files", ()) if path.startswith(site))
    tops = {path.removeprefix(site).partition("/")[0] for path in inside}
    return frozenset(top for top in tops if top.endswith(".dist-info"))


def _faults(folder: Path) -> Iterator[str]:
    """Every file that a conda package brought, against the digest in its record."""
    for record in packages(folder):
        for path in (record.get("paths_data") or {}).get("paths", ()):
            name, wanted = str(path.get("_path", "")), path.get("sha256_in_prefix") or path.get("sha256")
            place = folder / name
            if not os.path.lexists(place):
                yield f"{name} is gone"
            elif wanted and path.get("path_type") == "hardlink" and place.is_file():
                with open(place, "rb") as file:
                    if hashlib.file_digest(file, "sha256").hexdigest() != wanted:
                        yield f"{name} was altered"


# -- what a process of its own does


def _solved(
    spec: EnvSpec, sources: Sources, terms: Terms, stop: Callable[[], bool]
) -> Generator[Event, None, list[Solved]]:
    yield Working("solving", ", ".join(["python", *spec.conda]))
    answer = yield from _done("solving", {**_asked(spec), "do": "solve"}, _known(spec, sources), terms, stop)
    return [Solved(*each) for each in answer["solved"]]


class Listing(Value):
    """What channels have: all names of packages, by their canonical spelling, and the versions of Python, the newest
    first. `trouble` says why it is an earlier answer."""

    names: dict[str, str]
    pythons: tuple[str, ...]
    trouble: str = ""


def listing(
    sources: Sources, terms: Terms, stop: Callable[[], bool], believed: float
) -> Generator[Event, None, Listing]:
    """Return what the channels have, as they said within the last `believed` seconds, or say now; where they do not
    answer, as they said whenever. Raises InstallFailed."""
    insist_on_rattler()
    memory = paths.cache() / "channels" / f"{hashlib.sha256(repr(sources.channels).encode()).hexdigest()[:24]}.json"
    told = files.read_json(memory)
    state = channels.state(sources.channels)
    if told.get("state") == state and channels.age(memory) < believed and not terms.refresh:
        return _listing(told)
    yield Working("asking", "the conda channels")
    try:
        answer = yield from _done("asking the channels", {"do": "have"}, sources, terms, stop)
    except InstallFailed as error:
        if error.reason == "network" and told:
            return replace(_listing(told), trouble=error.message)
        raise
    files.write_json(memory, {**answer, "state": state}, needed=False)
    return _listing(answer)


def _listing(told: dict[str, Any]) -> Listing:
    return Listing({str(canonicalize_name(name)): name for name in told["names"]}, tuple(told["pythons"]))


def _solved_and_linked(
    spec: EnvSpec, folder: Path, sources: Sources, terms: Terms, stop: Callable[[], bool]
) -> Iterator[Event]:
    asked = {**_asked(spec), "do": "install", "folder": str(folder), "packages": str(channels.package_cache())}
    yield Working("solving", ", ".join(["python", *spec.conda]))
    yield from _done("installing", asked, _known(spec, sources), terms, stop)


def _asked(spec: EnvSpec) -> dict[str, Any]:
    """Return what the solver is told of a spec."""
    from luci.envs.matches import match_spec

    limits = [limit for line in spec.constraints if (limit := match_spec(line))]
    return {"specs": [f"python {spec.python}.*", *spec.conda], "constraints": limits}


def _known(spec: EnvSpec, sources: Sources) -> Sources:
    return replace(sources, channels=channels.known(spec.channels, sources))


def _done(
    step: str, asked: dict[str, Any], sources: Sources, terms: Terms, stop: Callable[[], bool]
) -> Generator[Event, None, dict[str, Any]]:
    """Have it done, say how it comes along, and return the answer. Raises InstallFailed, Interrupted."""
    told = {"channels": list(sources.channels), "offline": terms.offline, "cache": str(paths.cache() / "channels")}
    environ = {**os.environ, "LUCI_CONDA": json.dumps({**asked, **told})}
    command = [sys.executable, "-P", "-E", str(CHILD)]
    heard = complaints = ""
    answer: dict[str, Any] = {}
    ended = Ended(1, 0.0)
    for event in process.run(command, environ=environ, stdin=subprocess.DEVNULL, stop=stop, capture=True):
        if isinstance(event, Output) and event.stream == "stdout":
            *lines, heard = (heard + event.text).split("\n")
            for line in lines:
                answer = json.loads(line)
                if "linking" in answer:
                    yield Working("installing", f"{answer['linking']} ({answer['number']} of {answer['of']})")
        elif isinstance(event, Output):
            complaints += event.text
        elif isinstance(event, Ended):
            ended = event
    if stop():
        raise Interrupted(f"Stopped while {step}.")
    if ended.exit_code or "failed" in answer:
        raise _failure(str(answer.get("failed", "other")), str(answer.get("cause") or complaints.strip()), sources)
    return answer


def _failure(kind: str, cause: str, sources: Sources) -> InstallFailed:
    where = ", ".join(channels.shown(channel) for channel in sources.channels)
    for channel in sources.channels:
        cause = cause.replace(channel, channels.shown(channel))
    reason: Reason = "unsolvable" if kind == "unsolvable" else "network" if kind == "network" else _guessed_from(cause)
    names = re.findall(r"(?:found for|└─|├─|^)\s*([a-z0-9_][\w.-]*) ", cause) if kind == "unsolvable" else []
    message, hint = {
        "unsolvable": ("The channels have nothing that fits together.", f"They are {where}; --env venv does without."),
        "network": (f"No answer from the conda channels: {where}.", "--env venv takes the package index alone."),
        "hash": ("A conda package does not have the digest that was promised.", "Nothing of it was kept."),
        "disk": ("The disk is full or read-only.", "Free some space (`luci env prune`), or move LUCI_HOME."),
    }.get(reason, ("The conda packages could not be installed.", ""))
    return InstallFailed(reason, tuple(dict.fromkeys(names)), message, cause=cause, hint=hint)


def _guessed_from(cause: str) -> Reason:
    if re.search(r"No space left|quota exceeded|Read-only file system", cause, re.I):
        return "disk"
    if re.search(r"hash mismatch|sha256", cause, re.I):
        return "hash"
    return "network" if re.search(r"error sending request|failed to (?:fetch|download)", cause, re.I) else "other"


_ACTIVATE = """\
# use with: . bin/activate
deactivate() {{
  PATH=${{PATH#{bin}:}} CONDA_PREFIX=$_LUCI_OLD_CONDA_PREFIX
  [ -n "$CONDA_PREFIX" ] || unset CONDA_PREFIX CONDA_DEFAULT_ENV CONDA_SHLVL
  unset -f deactivate
}}
_LUCI_OLD_CONDA_PREFIX=${{CONDA_PREFIX:-}}
export PATH={bin}:"$PATH" CONDA_PREFIX={folder} CONDA_DEFAULT_ENV={folder} CONDA_SHLVL=1
[ ! -e {folder}/conda-meta/luci.sh ] || . {folder}/conda-meta/luci.sh
"""
_ACTIVATE_FISH = "set -gx PATH {bin} $PATH; set -gx CONDA_PREFIX {folder}; set -gx CONDA_SHLVL 1\n"


def _add_activate(folder: Path) -> None:
    """Give it what a venv has for shells, unless a package brought that."""
    for name, text in (("activate", _ACTIVATE), ("activate.fish", _ACTIVATE_FISH)):
        if not os.path.lexists(folder / "bin" / name):
            said = text.format(bin=shlex.quote(str(folder / "bin")), folder=shlex.quote(str(folder)))
            (folder / "bin" / name).write_text(said)


def _compile_hook(folder: Path) -> None:
    names = [str(venvs.site_packages(folder) / name) for name in venvs.HOOK_FILES]
    code = "import py_compile, sys\nfor name in sys.argv[1:]: py_compile.compile(name)"
    command = [str(venvs.python_of(folder)), "-I", "-S", "-c", code, *names]
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    except OSError as error:
        raise EnvError("The Python of the channels cannot be started.", cause=str(error)) from error
    if done.returncode:
        raise EnvError("The Python of the channels cannot be started.", cause=done.stderr.strip())
