"""Which kind of environment a script gets where its imports are not weighed yet: what somebody said, else what earlier
runs taught, else a virtual environment."""

from __future__ import annotations

from collections.abc import Generator

from luci import paths
from luci.config import Settings
from luci.context import Context
from luci.envs import backends
from luci.envs.store import Store
from luci.errors import EnvError
from luci.events import Event, Warned
from luci.runner import kinds, own_table
from luci.runner.declared import Declarations
from luci.runner.kinds import VENV, Kind
from luci.runner.memory import Memory
from luci.runner.script import Script
from luci.runner.wants import Wants
from luci.values import replace
from luci.walls import strangers


def kind_for(
    script: Script, wants: Wants, context: Context, declarations: Declarations | None, memory: Memory
) -> Generator[Event, None, tuple[str, Kind]]:
    """Return what was asked for, "auto" where nobody and nothing did, and the kind. Raises EnvError where what a person
    asked for cannot be had, ConfigError where the project says what nobody can read."""
    settings = context.settings
    whose = _whose(script, wants, settings)
    project = "auto" if whose else own_table.kind_of(script.folder)  # a stranger's project has no say
    name, why = kinds.asked(wants.env, settings, declarations, project)
    said = name != "auto"
    if not said and (settings.envs.prefer or whose):
        from luci.runner import boxes  # 20 ms, and most scripts need no container

        name, why = boxes.preferred(whose, settings)
    if name == "auto":
        name, why = _learned(memory, settings)
    if name == "conda":
        try:
            kind = yield from kinds.conda(why, settings, declarations, wants.offline, context.stop)
        except EnvError as error:
            if wants.env or settings.envs.kind == "conda":
                raise
            yield Warned(f"No conda environment: {error.message}", hint=error.hint)  # a file asked, and no person
            return name, replace(VENV, why=f"no conda environment can be had, although {why}")
        useless = not said and kinds.lacks_libraries(kind, memory.libraries)
        return name, VENV if useless else kind
    if name in backends.BOXED:
        from luci.runner import boxes

        return name, (yield from boxes.boxed(name, why, settings, wants.offline, context.stop))
    if name == "system":
        from luci.runner import as_it_is

        return name, as_it_is.kind(wants.python, why, wants.requirements, settings)
    return name, replace(VENV, why=why or VENV.why)


def _whose(script: Script, wants: Wants, settings: Settings) -> str:
    """Return why a script is a stranger's, empty where it is not."""
    if wants.stranger is not None:
        return "somebody said so" if wants.stranger else ""
    return strangers.why(script.path, settings.walls.stranger.folders) if script.path else ""


def _learned(memory: Memory, settings: Settings) -> tuple[str, str]:
    """Return conda where an earlier run showed that only it will do, and why."""
    if not (memory.libraries or memory.conda) or not kinds.possible(settings):
        return "auto", ""
    if memory.libraries:
        return "conda", f"{', '.join(memory.libraries)} is missing here, and a conda channel may have it"
    had = Store(paths.envs()).get(memory.key)  # without it, everything is tried again
    if had and had.spec.kind == "conda":
        return "conda", f"no venv could be built, and conda's {', '.join(memory.conda)} served the last run"
    return "auto", ""
