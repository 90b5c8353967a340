"""What a failed run says about versions: an older release that still has a name, an older Python, another module."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from luci import paths
from luci.context import Context
from luci.envs import interpreters
from luci.envs.sources import sources
from luci.envs.store import Env
from luci.runner.choices import name_of
from luci.runner.memory import Memory
from luci.runner.releases import newest
from luci.runner.table import Removed, normal, prefixes, table

if TYPE_CHECKING:
    from luci.runner.index import Project
    from luci.runner.request import RunRequest


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
    had = env.installed[name]
    found = _older(name, subject, kind, env, request, context)
    if found is None:
        return (
            None,
            f"{name} {had} has no {subject}, and no older release that a Python here can use has it.",
        )
    version, python = found
    learned = replace(known, limits={**known.limits, name: f"<={version}"}, python=python or known.python)
    return learned, f"{subject} is not in {name} {had}."


def _installed_provider(subject: str, env: Env) -> str | None:
    """The distribution of the environment that should have held `subject`, if there is one."""
    for part in prefixes(subject):
        entry = table().lookup(part)
        named = [name_of(r) for r in entry.requirements] if entry else []
        chosen = [
            name_of(line)
            for choice in env.about.get("choices", ())
            if choice["module"].partition(".")[0] == part.partition(".")[0]
            for line in choice["requirements"]
        ]
        for name in [*named, *chosen, normal(part)]:
            if name in env.installed:
                return name
    return None


def _older(
    name: str, subject: str, kind: str, env: Env, request: RunRequest, context: Context
) -> tuple[str, str] | None:
    """Return the newest version that holds what was missing, and which Pythons can use it where this one cannot."""
    from luci.runner.index import Index, Use

    index = Index(sources(context.settings.index), context.settings.index, paths.cache() / "index", context.stop)
    project = _before(index.project(name), env.installed[name])
    module, _, last = subject.rpartition(".")
    use = Use(module, (last,)) if kind == "missing-name" else Use(subject)
    own = interpreters.choose(env.interpreter)
    chosen = request.wants.python or context.settings.run.python
    others = [p for p in interpreters.find() if p.minor < own.minor and p.implementation == own.implementation]
    for python in [own] if chosen else [own, *others]:
        if release := newest(index, project, (use,), python, sure=True).release:
            return str(release.version), "" if python == own else f"<={python.short}.99"
    return None


def _before(project: Project | None, version: str) -> Project | None:
    """The project as it was before a release that has shown in a run what it lacks."""
    from packaging.version import Version

    return project and replace(project, releases=tuple(r for r in project.releases if r.version < Version(version)))
