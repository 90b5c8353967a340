"""One attempt at one exact spec: uv resolves and installs, and a failure says which kind it is."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Generator, Iterable, Iterator
from pathlib import Path
from typing import Literal

from luci import process
from luci.envs import venvs
from luci.envs.naming import canonical_name
from luci.envs.sources import Sources
from luci.envs.spec import EnvSpec
from luci.envs.terms import Terms
from luci.errors import EnvError, Interrupted
from luci.events import Ended, Event, Output, Working

Reason = Literal[
    "unsolvable", "no-wheel", "not-found", "network", "offline", "hash", "damaged", "build", "disk", "other"
]


class InstallFailed(EnvError):
    """Why an attempt failed, and which distributions were named in it."""

    def __init__(
        self, reason: Reason, subjects: tuple[str, ...], message: str, *, cause: str = "", hint: str = ""
    ) -> None:
        super().__init__(message, cause=cause, hint=hint)
        self.reason = reason
        self.subjects = subjects


def find_uv() -> str | None:
    """Return the uv that luci depends on, else the one on PATH; None where there is neither."""
    beside = Path(sys.executable).with_name("uv.exe" if os.name == "nt" else "uv")
    return str(beside) if beside.exists() else _packaged_uv() or shutil.which("uv")


def _packaged_uv() -> str | None:
    try:
        import uv

        return str(uv.find_uv_bin())
    except (ImportError, FileNotFoundError):
        return None


def install(
    spec: EnvSpec,
    folder: Path,
    sources: Sources,
    terms: Terms,
    stop: Callable[[], bool],
    more: tuple[str, ...] = (),
    python: str = "",
) -> Iterator[Event]:
    """Install what `spec` requires from the index into the environment at `folder`, `more` being options for uv, and
    `python` another than its own.

    Raises InstallFailed.
    """
    if not spec.requirements:
        return
    python = python or str(venvs.python_of(folder))
    with _scratch(folder) as scratch:
        listed = lines_of(spec, sources, scratch)
        if uv := find_uv():
            command = [uv, "pip", "install", "--python", python, *listed, *flags(spec, sources, terms), *more]
        else:
            command = _with_pip(python, listed, sources, terms)
        yield Working("resolving", ", ".join(spec.requirements))
        yield from carry_out("installing", command, sources, terms, stop)


def carry_out(
    step: str, command: list[str], sources: Sources, terms: Terms, stop: Callable[[], bool]
) -> Generator[Event, None, str]:
    """Run an installer, say how it comes along, and return what it wrote to stdout. Raises InstallFailed.

    It works at the root of the disk, for where a project's files are uv would read its configuration.
    """
    from luci.envs import progress  # a dozen patterns

    environ = {**_neutral(os.environ), **_patience(terms), **sources.uv_environ(), **progress.AS_SAID}
    ended = Ended(1, 0.0)
    told = progress.Listener()
    written: list[str] = []
    root = Path(sys.executable).anchor
    nothing = subprocess.DEVNULL  # uv asks nobody, and must not be lent the terminal that the app reads
    for event in process.run(
        command, environ=environ, cwd=root, stdin=nothing, stop=stop, capture=True, screen=progress.SCREEN
    ):
        if isinstance(event, Output) and event.stream == "stderr":
            yield from told.hear(event.text)
        elif isinstance(event, Output):
            written.append(event.text)
        elif isinstance(event, Ended):
            ended = event
    told.end()
    if stop() or ended.signal in (signal.SIGINT, signal.SIGTERM):
        raise Interrupted(f"Stopped while {step}.")
    if ended.exit_code:
        raise _failure(told.lines)
    return "".join(written)


@contextlib.contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    """Lend a folder in the environment itself: what a kill -9 leaves there is swept with it."""
    scratch = folder / ".luci"
    scratch.mkdir()
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def lines_of(spec: EnvSpec, sources: Sources, scratch: Path) -> list[str]:
    """Write down what `spec` requires; return the options that name the files, each after its -r or -c."""
    listed = _listed("-r", scratch / "requirements.txt", spec.requirements)
    only = sources.only_in(spec.index)
    if only and find_uv() is None:
        raise EnvError(f"Only uv can keep {only[0][0]} to its own index.", hint="Install uv beside luci.")
    listed += _kept_to_their_index(scratch / "pyproject.toml", spec.requirements, only)
    return [*listed, *_listed("-c", scratch / "constraints.txt", spec.constraints)]


def flags(spec: EnvSpec, sources: Sources, terms: Terms) -> list[str]:
    """Return what tells uv on which terms the requirements of `spec` may be had."""
    said = ["--color", "never"]
    said += [] if terms.builds else ["--only-binary", ":all:"]
    for name in sorted(terms.wheels_only) if terms.builds else ():
        said += ["--only-binary", name]
    for name, instant in terms.not_after:
        said += ["--exclude-newer-package", f"{name}={instant.isoformat()}"]
    said += [f"--exclude-newer={spec.as_of}"] if spec.as_of else []
    said += ["--prerelease", "allow"] if terms.prereleases else []
    said += sources.uv_flags()
    said += ["--offline"] if terms.offline else []
    said += ["--refresh"] if terms.refresh else []
    return said


def _listed(flag: str, file: Path, lines: tuple[str, ...]) -> list[str]:
    for line in lines:
        if not _is_one_requirement(line):
            raise EnvError(f"{line!r} is no requirement.", hint="Look at where it is declared: `luci plan` tells.")
    file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return [flag, str(file)] if lines else []


def _is_one_requirement(line: str) -> bool:
    """Whether a line of a requirements file is what it should be, and brings neither a second line nor an option."""
    wanted, *hashes = line.split(" --hash=")
    return (
        all(char.isprintable() or char == "\t" for char in line)
        and not re.search(r"(?:^|\s)-", wanted.partition(";")[0])
        and all(re.fullmatch(r"[a-z0-9]+:[A-Za-z0-9+/=_-]+", each.strip()) for each in hashes)
    )


def _kept_to_their_index(
    file: Path, requirements: tuple[str, ...], only: tuple[tuple[str, str, str], ...]
) -> list[str]:
    """Write a project that wants, from one index each, what comes from there only: uv knows no flag for that."""
    names = {line: _canonical_name(line) for line in requirements}
    kept = [(name, url, marker) for name, url, marker in only if name in names.values()]
    if not kept:
        return []
    lines = [line.partition(" --hash")[0] for line, name in names.items() if any(name == each for each, *_ in kept)]
    urls = list(dict.fromkeys(url for _, url, _ in kept))
    chosen: dict[str, list[dict[str, str]]] = {}
    for name, url, marker in kept:
        table = {"index": f"{_PROJECT}-{urls.index(url)}"} | ({"marker": marker} if marker else {})
        chosen.setdefault(name, []).append(table)
    indexes = [{"name": f"{_PROJECT}-{n}", "url": url, "explicit": True} for n, url in enumerate(urls)]
    project = {"name": _PROJECT, "version": "0", "dependencies": lines}
    import tomlkit  # 20 ms, and few scripts name an index for one package

    content = tomlkit.dumps({"project": project, "tool": {"uv": {"index": indexes, "sources": chosen}}})
    file.write_text(content, encoding="utf-8")
    return ["-r", str(file)]


def _canonical_name(requirement: str) -> str:
    match = re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", requirement)
    return canonical_name(match[0]) if match else ""


def _with_pip(python: str, listed: list[str], sources: Sources, terms: Terms) -> list[str]:
    """The same with the pip that virtualenv brings, for platforms uv has no build for. Ages cannot be limited there."""
    from virtualenv.seed.wheels.embed import get_embed_wheel

    version = subprocess.run([python, "-c", _ITS_VERSION], capture_output=True, text=True, check=True).stdout.strip()
    wheel = get_embed_wheel("pip", version)
    if wheel is None:
        raise EnvError(f"There is neither uv nor a pip for Python {version}.", hint="Install uv beside luci.")
    command = [python, str(wheel.path / "pip"), "install", "--no-input", "--disable-pip-version-check"]
    command += [*listed, "--index-url", sources.index_url]
    for url in sources.extra_urls:
        command += ["--extra-index-url", url]
    for place in sources.find_links:
        command += ["--find-links", place]
    return command + ([] if terms.builds else ["--only-binary", ":all:"])


def _neutral(environ: os._Environ[str]) -> dict[str, str]:
    """The variables without those that would choose another environment or another project for uv."""
    strange = {"VIRTUAL_ENV", "CONDA_PREFIX", "UV_PYTHON", "UV_PROJECT_ENVIRONMENT", "UV_CONSTRAINT", "UV_OVERRIDE"}
    strange |= {"UV_SYSTEM_PYTHON", "UV_EXCLUDE_NEWER", "UV_WORKING_DIR", "UV_OFFLINE", "PYTHONHOME", "PYTHONPATH"}
    strange |= {"UV_NO_PROGRESS", "UV_NO_SOURCES", "UV_NO_SOURCES_PACKAGE"}
    kept = {name: value for name, value in environ.items() if name not in strange}
    if kept.get("UV_CACHE_DIR"):
        kept["UV_CACHE_DIR"] = os.path.abspath(kept["UV_CACHE_DIR"])
    return kept


def _patience(terms: Terms) -> dict[str, str]:
    """How long uv waits for an index, as luci does; what the person has set for uv stays."""
    wanted = {"UV_HTTP_TIMEOUT": f"{max(1, round(terms.timeout))}", "UV_HTTP_RETRIES": f"{max(0, terms.tries - 1)}"}
    return {name: value for name, value in wanted.items() if name not in os.environ}


_PROJECT = "luci-needs"  # what is written as a project for uv; its explanations are said in the person's terms
_ITS_VERSION = "import sys; print('%d.%d' % sys.version_info[:2])"
_LINES = 14
_NAME = r"`?([A-Za-z0-9][A-Za-z0-9._-]*)"
_SIGNS: tuple[tuple[Reason, str], ...] = (
    ("disk", r"No space left on device|Disk quota exceeded|Read-only file system"),
    ("hash", r"[Hh]ash mismatch|hashes (?:do not|don't) match|Unexpected hash"),
    ("damaged", r"Failed to extract|Failed to unzip|[Ii]nvalid (?:wheel|package|zip)|The wheel is invalid"),
    ("offline", r"network was disabled|not found in the cache"),
    (
        "network",
        r"Request failed after|Failed to fetch|Failed to download|error sending request|timed out|dns error"
        r"|could not be queried|Received some unexpected|Unsupported `Content-Type`",
    ),
    ("not-found", r"was not found in the package registry|not found in the provided package locations"),
    (
        "no-wheel",
        r"no usable wheels|no wheels? (?:with|for|are)|Wheels are (?:required|available)|from source is disabled",
    ),
    ("build", r"Failed to build|[Bb]uild backend|Call to .* failed"),
    ("unsolvable", r"No solution found|unsatisfiable"),
)
_MESSAGES: dict[Reason, tuple[str, str]] = {
    "disk": (
        "The disk is full or read-only.",
        "Free some space (`luci env prune`, `uv cache clean`), or move LUCI_HOME.",
    ),
    "hash": (
        "A download does not have the hash that was promised.",
        "Nothing of it was kept. Try again later, or check the index.",
    ),
    "damaged": (
        "What the index has of {names} is damaged.",
        "Nothing of it was kept. Try again later, or choose another release of it.",
    ),
    "offline": ("What is needed was never fetched, and the network is off.", "Run once without --offline."),
    "network": (
        "The package index could not be reached, or did not answer as it should.",
        "Nothing was changed; try again when it is well.",
    ),
    "not-found": (
        "The index has no such distribution: {names}.",
        "Check the name; --with or [names] in the config say another.",
    ),
    "no-wheel": ("There is no wheel of {names} that fits.", "Choose another --python, or allow building from source."),
    "build": ("{names} could not be built from source.", "Its build tools or a system library may be missing."),
    "unsolvable": ("The requirements contradict each other: {names}.", "Loosen one of them, or use --relax."),
    "other": ("The packages could not be installed.", ""),
}


def _failure(said: list[str]) -> InstallFailed:
    said = [line.replace(f"{_PROJECT} depends on", "you require") for line in said]
    text = "\n".join(said)
    reason: Reason = next((reason for reason, sign in _SIGNS if re.search(sign, text)), "other")
    names = _subjects(reason, text)
    message, hint = _MESSAGES[reason]
    told = [line for line in said if line.strip() and not line.startswith(("Using Python", "Resolved "))]
    told = told if len(told) <= _LINES else [*told[:2], "…", *told[-_LINES:]]  # a compiler's last words say most
    cause = re.sub(r"^error: ", "", "\n".join(told))
    return InstallFailed(
        reason, names, message.format(names=", ".join(names) or "a distribution"), cause=cause, hint=hint
    )


def _subjects(reason: Reason, text: str) -> tuple[str, ...]:
    """The distributions that uv's explanation blames."""
    flat = re.sub(r"\s+", " ", text)
    patterns = {
        "not-found": [rf"{_NAME} was not found"],
        "no-wheel": [
            rf"Wheels are required for {_NAME}",
            rf"versions? of {_NAME} ha(?:ve|s) no",
            rf"{_NAME}==\S+ has no",
        ],
        "damaged": [rf"Failed to download {_NAME}"],
        "build": [rf"Failed to (?:download and )?build {_NAME}"],
        "unsolvable": [
            rf"you require {_NAME}",
            rf"Because (?:only |(?:all|the following|there (?:is|are) no) versions? of )*{_NAME}",
        ],
    }
    found = [match for pattern in patterns.get(reason, []) for match in re.findall(pattern, flat)]
    names = [re.split(r"==|@|<|>|!", name)[0].rstrip("`.").lower().replace("_", "-") for name in found]
    return tuple(dict.fromkeys(names))


def cache_folder() -> str:
    """Return where uv keeps its wheels; environments share those files. Empty where there is no uv."""
    uv = find_uv()
    if uv is None:
        return ""
    return subprocess.run([uv, "cache", "dir"], capture_output=True, text=True, check=False).stdout.strip()


def forget(names: Iterable[str]) -> None:
    """Take distributions out of uv's cache: a file altered in place in an environment is the cache's own (a link)."""
    if uv := find_uv():
        subprocess.run([uv, "cache", "clean", "--quiet", "--", *names], capture_output=True, check=False)
