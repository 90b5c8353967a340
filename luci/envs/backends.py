"""The kinds of environments: one protocol, one file a kind, and what each of them can do."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from luci.errors import EnvError, UsageError
from luci.values import Value

if TYPE_CHECKING:
    from luci.envs.interpreters import Interpreter
    from luci.envs.resolver import Newest
    from luci.envs.sources import Sources
    from luci.envs.spec import EnvSpec
    from luci.envs.terms import Terms
    from luci.events import Event

Ability = Literal["update", "requirements", "pylock", "pep723", "environment.yml", "conda-lock", "dockerfile", "shell"]

KINDS = ("venv", "conda", "docker", "podman", "sarus", "system")
IN_ENGINES = ("docker", "podman")
BOXED = (*IN_ENGINES, "sarus")  # its Python is in an image, and nowhere on this machine


class Backend(Value):
    """One kind of environment: what most of them answer alike is here. `folder` is always that of one generation.

    `can` holds what not every kind can: updates, a shell, and the forms it can be exported to.
    """

    can: frozenset[Ability] = frozenset()

    @contextlib.contextmanager
    def making(self, folder: Path, python: Interpreter) -> Iterator[None]:
        """Make an empty environment, which is filled meanwhile; leave it ready to run, or raise EnvError."""
        folder.mkdir(parents=True)
        yield

    def install(
        self, spec: EnvSpec, folder: Path, sources: Sources, terms: Terms, stop: Callable[[], bool]
    ) -> Iterator[Event]:
        """Fill a fresh environment with all that `spec` names. Raises InstallFailed."""
        raise NotImplementedError

    def newest(
        self,
        spec: EnvSpec,
        folder: Path,
        python: Interpreter,
        sources: Sources,
        terms: Terms,
        stop: Callable[[], bool],
    ) -> Generator[Event, None, Newest]:
        """Return what installing `spec` would bring now, beside what is in `folder`. Raises InstallFailed."""
        from luci.envs import resolver

        lines = yield from resolver.resolve(spec, python.path, sources, terms, stop)
        return resolver.Newest(resolver.fixed(spec, lines), tuple(resolver.changes(self.installed(folder), lines)))

    def python(self, folder: Path, asked: Interpreter) -> tuple[str, str]:
        """Return the path of what must stay for the environment to run, its Python, and its version."""
        return asked.path, asked.version

    def witness(self, folder: Path) -> Path:
        """Return the file that is written when the environment is made and never changes afterwards."""
        return folder / "pyvenv.cfg"

    def starts_with(self, folder: Path) -> Path:
        """Return what on this machine must be there, and be executable, for the environment to run."""
        from luci.envs import venvs

        return venvs.python_of(folder)

    def installed(self, folder: Path) -> dict[str, str]:
        """Return {name: version} of all that is installed."""
        from luci.envs import venvs

        return venvs.installed(folder)

    def needs(self, folder: Path) -> dict[str, list[str]]:
        """Return {name: names it needs} of what is not told by METADATA."""
        return {}

    def brought(self, folder: Path) -> frozenset[str]:
        """Return the .dist-info folders whose files `faults` looks at, and no RECORD."""
        return frozenset()

    def faults(self, folder: Path) -> list[str]:
        """Return what a long look finds wrong beside what RECORDs tell."""
        return []

    def elsewhere(self, folder: Path) -> tuple[str, int]:
        """Return what it has besides its folder, an image, and the bytes that takes."""
        return "", 0


def of(kind: str) -> Backend:
    """Return the backend of a kind. Raises EnvError for one that this luci does not know."""
    if kind == "venv":
        from luci.envs import venvs

        return venvs.Venv()
    if kind == "conda":
        from luci.envs import condas

        return condas.Conda()
    if kind == "docker" or kind == "podman":
        from luci.envs import containers

        return containers.Containers(engine=kind)
    if kind == "sarus":
        from luci.envs import sarus

        return sarus.Sarus()
    if kind == "system":
        from luci.envs import systems

        return systems.System()
    raise EnvError(f"This luci knows no environments of the kind {kind!r}.", hint=f"{', '.join(KINDS)} are known.")


def let_go(folder: Path) -> None:
    """Let go of what an environment that is about to be removed has elsewhere than in its folder."""
    if (folder / "image.json").exists():
        from luci.envs import containers

        containers.let_go(folder)


def insist(kind: str, ability: Ability, told: str, hint: str = "") -> None:
    """Raise UsageError where a kind cannot do what was asked; `told` is the rest of the sentence."""
    if ability not in of(kind).can:
        raise UsageError(f"An environment of the kind {kind} {told}.", hint=hint)
