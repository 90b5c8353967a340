"""What a failed run says about versions: an older release that still has a name, an older Python, another module."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

from luci import paths
from luci.context import Context
from luci.envs import interpreters
from luci.envs.fitting import satisfies
from luci.envs.interpreters import Interpreter
from luci.envs.sources import sources
from luci.envs.store import Env
from luci.envs.trees import owners
from luci.runner import stdlib
from luci.runner.choices import name_of
from luci.runner.memory import Memory
from luci.runner.releases import before, last_day, newest
from luci.runner.table import Removed, normal, prefixes, table
from luci.values import replace

if TYPE_CHECKING:
    from luci.runner.request import RunRequest


def older_python(
    known: Memory, module: str, removed: Removed, request: RunRequest, context: Context, allowed: str
) -> tuple[Memory | None, str]:
    """A module that later Pythons dropped: the newest Python here that has it, else its backport."""
    until = "{}.{}".format(*removed.until)
    said = f"{module} left Python's standard library after {until}."
    chosen = request.wants.python or context.settings.run.python
    older = [p for p in _allowed(allowed) if p.minor <= removed.until and p.final and p.implementation == "cpython"]
    if older and not chosen:
        return replace(known, python=f"<={until}.99"), f"{said} Python {older[0].version} has it."
    if removed.backport:
        return replace(
            known, requirements=(*known.requirements, removed.backport)
        ), f"{said} {removed.backport} brings it."
    return None, f"{said} No Python that old is here."


def python_with(
    known: Memory, subject: str, request: RunRequest, context: Context, allowed: str
) -> tuple[Memory | None, str]:
    """Something that later Pythons took out of a module of the standard library, or out of the way they import: the
    newest older Python here that has it."""
    said = f"{subject} is not in this Python."
    if request.wants.python or context.settings.run.python:
        return None, f"{said} --python chooses another one."
    for python in _allowed(allowed):
        has_it = python.minor < (3, 12) if NEEDS_OLD_IMPORTS.search(subject) else _has(python, subject)
        if python.final and python.implementation == "cpython" and has_it:
            return replace(known, python=f"<={python.short}.99"), f"{said} Python {python.version} has it."
    return None, f"{said} No Python here has it."


def _allowed(requires_python: str) -> list[Interpreter]:
    """The Pythons here that what is declared allows."""
    return [p for p in interpreters.find() if satisfies(p.version, requires_python)]


# six before 1.16, of which many packages carry a copy, makes its modules in a way that Python 3.12 dropped (PEP 302).
NEEDS_OLD_IMPORTS = re.compile(r"(^|\.)six\.moves(\.|$)")


def _has(python: Interpreter, subject: str) -> bool:
    """Ask a Python whether its standard library has a name in a module."""
    module, _, name = subject.rpartition(".")
    if not all(part.isidentifier() for part in subject.split(".")) or module.partition(".")[0] not in stdlib.names(
        python.minor
    ):
        return False
    code = f"import {module}; {module}.{name}"
    return subprocess.run([python.path, "-I", "-S", "-W", "ignore", "-c", code], capture_output=True).returncode == 0


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
        return None, f"{name} {had} has no {subject}, and no older release that a Python here can use has it."
    version, day, python = found
    limits = {**known.limits, name: f"<={version}"}
    learned = replace(known, limits=limits, python=python or known.python, as_of=max(known.as_of, day))
    return learned, f"{subject} is not in {name} {had}."


def _installed_provider(subject: str, env: Env) -> str | None:
    """The distribution of the environment that should have held `subject`, if there is one: that whose files the
    innermost package around it are, else one that is known to provide it."""
    for part in prefixes(subject):
        for name in owners(env, part):
            return name
    for part in prefixes(subject):
        entry = table().lookup(part)
        for name in [*(name_of(r) for r in (entry.requirements if entry else ())), normal(part)]:
            if name in env.installed:
                return name
    return None


def _older(
    name: str, subject: str, kind: str, env: Env, request: RunRequest, context: Context
) -> tuple[str, str, str] | None:
    """Return the newest version that holds what was missing, its last day as the newest, and which Pythons can use it
    where this one cannot."""
    from luci.runner.index import Index, Use

    index = Index(sources(context.settings.index), context.settings.index, paths.cache() / "index", context.stop)
    whole = index.project(name)
    # a release that has shown in a run what it lacks is none of them
    project = whole and before(whole, env.installed[name])
    module, _, last = subject.rpartition(".")
    use = Use(module, (last,)) if kind == "missing-name" else Use(subject)
    own = interpreters.choose(env.interpreter)
    chosen = request.wants.python or context.settings.run.python
    others = [p for p in interpreters.find() if p.minor < own.minor and p.implementation == own.implementation]
    for python in [own] if chosen else [own, *others]:
        release = newest(index, project, (use,), python, sure=True).release
        if release and whole:
            return str(release.version), last_day(whole, release), "" if python == own else f"<={python.short}.99"
    return None
