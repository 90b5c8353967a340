"""What a failed run says about versions: an older release that still has a name, an older Python, another module."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from luci import paths
from luci.context import Context
from luci.envs import interpreters
from luci.envs.interpreters import Interpreter
from luci.envs.sources import sources
from luci.envs.store import Env
from luci.runner import packages
from luci.runner.memory import Memory
from luci.runner.table import Removed, normal, prefixes, table

if TYPE_CHECKING:
    from luci.runner.run import RunRequest


def older_python(
    known: Memory, module: str, removed: Removed, request: RunRequest, context: Context
) -> tuple[Memory | None, str]:
    """A module that later Pythons dropped: the newest Python here that has it, else its backport."""
    until = "{}.{}".format(*removed.until)
    said = f"{module} left Python's standard library after {until}."
    chosen = request.wants.python or context.settings.run.python
    older = [p for p in interpreters.find() if p.minor <= removed.until and p.final and p.implementation == "cpython"]
    if older and not chosen:
        return replace(known, python=f"<={until}.99"), f"{said} Python {older[0].version} has it."
    if removed.backport:
        return replace(
            known, requirements=(*known.requirements, removed.backport)
        ), f"{said} {removed.backport} brings it."
    return None, f"{said} No Python that old is here."


def other_release(
    known: Memory, subject: str, kind: str, env: Env, request: RunRequest, context: Context
) -> tuple[Memory | None, str]:
    """Something missing: a module to add, or, where its distribution is there, the newest release that still has it."""
    name = _installed_provider(subject, env)
    if name is None:
        module = subject if table().lookup(subject) else subject.partition(".")[0]
        return replace(known, modules=(*known.modules, module)), f"{subject} was missing."
    limit = _limit(name, subject, kind, env, context)
    if not limit:
        return None, f"{name} {env.installed.get(name, '')} has no {subject}, and no older release was found that has."
    return replace(known, limits={**known.limits, name: limit}), f"{subject} is not in {name} {env.installed[name]}."


def _installed_provider(subject: str, env: Env) -> str | None:
    """The distribution of the environment that should have held `subject`, if there is one."""
    for part in prefixes(subject):
        entry = table().lookup(part)
        named = [packages.name_of(r) for r in entry.requirements] if entry else []
        chosen = [
            packages.name_of(line)
            for choice in env.about.get("choices", ())
            if choice["module"].partition(".")[0] == part.partition(".")[0]
            for line in choice["requirements"]
        ]
        for name in [*named, *chosen, normal(part)]:
            if name in env.installed:
                return name
    return None


def _limit(name: str, subject: str, kind: str, env: Env, context: Context) -> str:
    from luci.runner.index import Index, Use

    index = Index(sources(context.settings.index), context.settings.index, paths.cache() / "index", context.stop)
    project = index.project(name)
    if project is None:
        return ""
    module, _, last = subject.rpartition(".")
    use = Use(module, (last,)) if kind == "missing-name" else Use(subject)
    python = next((p for p in interpreters.find() if p.version == env.version), None) or _of(env)
    installed = env.installed[name]
    release = index.newest_holding(project, (use,), packages.fits_for(python))
    if release is None or str(release.version) == installed:
        return ""
    return f"<={release.version}"


def _of(env: Env) -> Interpreter:
    return interpreters.choose(env.interpreter)
