"""What a script imports for a target, and how sure that is, its own modules followed."""

from __future__ import annotations

import json
import os
import sys
from collections import deque
from collections.abc import Iterator
from enum import StrEnum
from itertools import product
from pathlib import Path
from typing import Any, Literal

from luci.errors import LuciError, ScriptError
from luci.runner import stdlib
from luci.runner.expressions import Target, facts_of, folders_from, why_not
from luci.runner.local import Folders, Local, project_root
from luci.runner.readings import Readings
from luci.runner.script import BadSyntax, PythonTwo, Script
from luci.runner.seen import FileImports, Found, Group, frozen
from luci.runner.stdlib import Version
from luci.values import Value, as_dict, replace

__all__ = ["Certainty", "FileImports", "Import", "Scan", "Skipped", "Target", "scan", "scan_with"]


class Certainty(StrEnum):
    """How sure it is that an import is needed, surest first."""

    REQUIRED = "required"
    DEFERRED = "deferred"
    DYNAMIC = "dynamic"
    OPTIONAL = "optional"


class Import(Value):
    """One import of a module that is neither in the standard library nor the script's own.

    `module` is dotted, as written; `names` are those of a from-import, "*" left out; `attributes` those the file
    uses on the bound module, one level deep. `alternatives`, itself among them, in source order: one is enough.
    """

    module: str
    line: int
    file: str
    certainty: Certainty
    names: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()
    alternatives: tuple[str, ...] = ()
    why: str = ""  # nobody wrote it: a library imports it where it is used so
    until: str = ""  # the release before which the module had what is used of it


class Skipped(Value):
    """An import that needs no distribution, and why."""

    module: str
    line: int
    file: str
    reason: str


class Scan(Value):
    """What a script imports, for one target.

    `gone`: standard library modules the target does not have; `files`: sources read, the script first; `folders`: those
    looked into; `paths`: folders a run needs on sys.path besides; `shadows`: imports that a local file answers, though
    another module was probably meant; `minimum`: the lowest Python whose grammar accepts the sources.
    """

    imports: tuple[Import, ...]
    skipped: tuple[Skipped, ...]
    gone: tuple[Import, ...]
    files: tuple[str, ...]
    folders: tuple[str, ...]
    minimum: Version
    reads_stdin: bool
    paths: tuple[str, ...] = ()
    shadows: tuple[Import, ...] = ()


def scan(script: Script, target: Target, readings: Readings | None = None) -> Scan:
    """Return what a script imports on a target. ScriptError (BadSyntax, PythonTwo): its own source cannot be read."""
    return _Scanning(script, target, readings or Readings()).run()


Place = Literal["here", "gone", "elsewhere"]  # here: in the standard library or the script's own


class _Seen:
    """An import on its way to a verdict: `why` it is not needed, or what may answer instead."""

    def __init__(self, found: Found, place: Place, local: Local | None = None, why: str = "") -> None:
        self.found, self.place, self.local, self.why = found, place, local, why
        self.optional = False
        self.alternatives: tuple[str, ...] = ()

    @property
    def module(self) -> str:
        return "." * self.found.level + self.found.module


class _Outcome:
    """What one file comes to."""

    def __init__(self) -> None:
        self.imports: list[Import] = []
        self.skipped: list[Skipped] = []
        self.gone: list[Import] = []
        self.locals: list[tuple[Import, Local]] = []


class _Scanning:
    def __init__(self, script: Script, target: Target, readings: Readings) -> None:
        self.script, self.readings = script, readings
        self.library = stdlib.names(target.version)
        self.missing = "not in the standard library of Python {}.{}".format(*target.version)
        self.own = os.fspath(script.folder)
        self.files = {script.origin: readings.script(script)}
        self.faults: dict[str, str] = {}
        self.folders, self.facts = Folders(), facts_of(target)
        self.first: list[str] = []  # before the script's folder on sys.path
        self.last: list[str] = []  # after the standard library
        self.paths: dict[str, None] = {}
        self.places: dict[tuple[str, tuple[str, ...]], tuple[Place, Local | None]] = {}
        self.root = project_root(self.own)
        self._edit_paths(script.origin)

    def run(self) -> Scan:
        outcomes = self._follow()
        while outcomes is None:  # a module changed sys.path: what was looked for before may be there
            self.places.clear()
            self.paths.clear()
            outcomes = self._follow()
        every = outcomes.values()
        self.readings.look(self.folders.listings)
        sources = [self.files[file] for file in outcomes]
        return Scan(
            imports=tuple(one for outcome in every for one in outcome.imports),
            skipped=tuple(one for outcome in every for one in self._skipped(outcome)),
            gone=tuple(one for outcome in every for one in outcome.gone),
            files=tuple(file for file in outcomes if self.script.path or file != self.script.origin),
            folders=tuple(sorted(self.folders.listings)),
            minimum=max(source.minimum for source in sources),
            reads_stdin=any(source.reads_stdin for source in sources),
            paths=tuple(self.paths),
            shadows=tuple(one for outcome in every for one, local in outcome.locals if self._shadows(one, local)),
        )

    def _follow(self) -> dict[str, _Outcome] | None:
        """Return what each file comes to, in the order of discovery; None when sys.path grew on the way."""
        sure = dict.fromkeys([self.script.origin, *self._packages()], Certainty.REQUIRED)
        outcomes: dict[str, _Outcome] = {}
        waiting = deque(sure)
        while waiting:
            file = waiting.popleft()
            if file not in self.files and self._load(file):
                return None
            outcome = outcomes[file] = self._settle(file, sure[file])
            for one, local in outcome.locals:
                strength = Certainty.DEFERRED if one.certainty is Certainty.DYNAMIC else one.certainty
                for source in local.sources:
                    if source not in sure or _rank(strength) < _rank(sure[source]):
                        sure[source] = strength
                        waiting.append(source)
        return outcomes

    def _packages(self) -> Iterator[str]:
        """Yield the packages that `-m a.b.c` imports before the module."""
        if self.script.kind == "module" and self.script.path:
            folder = self.own
            for part in self.script.name.split("."):
                folder = os.path.join(folder, part)
                if "__init__.py" in self.folders.listing(folder):
                    yield os.path.join(folder, "__init__.py")

    def _load(self, file: str) -> bool:
        """Read a local module; say whether it changed where modules are looked for."""
        self.files[file], fault = self.readings.module(file)
        if fault:
            self.faults[file] = fault
        return self._edit_paths(file)

    def _facts(self, file: str) -> dict[str, Any]:
        main = file == self.script.origin
        place = {"sys.argv": (self.script.origin,), "sys.path": (self.own,), "__name__": "__main__" if main else file}
        return {**self.facts, **place, **({} if main and not self.script.path else {"__file__": file})}

    def _edit_paths(self, file: str) -> bool:
        """Take over what a file does to sys.path; say whether that led to another folder."""
        facts, grew = self._facts(file), False
        for edit in self.files[file].edits:
            given = [] if why_not(edit.conditions, facts) else folders_from(edit.folders, facts)
            seen_from = product(given, (os.getcwd(), self.own))
            folders = dict.fromkeys(os.path.normpath(os.path.join(base, one)) for one, base in seen_from)
            new = [folder for folder in folders if self._is_new(folder)]
            if edit.first:
                self.first[:0] = new
            else:
                self.last += new
            grew = grew or bool(new)
        return grew

    def _is_new(self, folder: str) -> bool:
        # what lies in there was installed, for some Python
        installed = os.path.basename(folder) in ("site-packages", "dist-packages")
        known = installed or folder in (self.own, *self.first, *self.last)
        return not known and bool(self.folders.listing(folder))

    def _settle(self, file: str, sure: Certainty) -> _Outcome:
        source, facts = self.files[file], self._facts(file)
        seen = [self._see(found, file, facts) for found in source.imports]
        for number, group in enumerate(source.groups):
            members = [one for one in seen if one.found.group == number and not one.why]
            self._choose(members, group)
        outcome = _Outcome()
        for one in seen:
            found = one.found
            certainty = max(_certainty(one), sure, key=_rank)
            if one.place == "gone" and certainty is Certainty.OPTIONAL and not one.why:
                one.why = self.missing
            made = Import(
                one.module,
                found.line,
                file,
                certainty,
                found.names,
                found.attributes,
                one.alternatives,
                found.why,
                found.until,
            )
            if one.why:
                outcome.skipped.append(Skipped(one.module, found.line, file, one.why))
            elif one.local:
                outcome.locals.append((made, one.local))
            elif one.place == "here":
                outcome.skipped.append(Skipped(one.module, found.line, file, "standard library"))
            else:
                (outcome.gone if one.place == "gone" else outcome.imports).append(made)
        return outcome

    def _skipped(self, outcome: _Outcome) -> list[Skipped]:
        """Return what needs no distribution, local modules included, now that all of them were read."""
        made = [Skipped(one.module, one.line, one.file, self._local_reason(local)) for one, local in outcome.locals]
        return sorted([*outcome.skipped, *made], key=lambda one: one.line)

    def _local_reason(self, local: Local) -> str:
        if self.script.path and local.path == self.script.origin:
            return f"local: {local.path}, the script itself shadows it"
        fault = next((self.faults[source] for source in local.sources if source in self.faults), "")
        return f"local: {local.path}" + (f" (not read: {fault})" if fault else "")

    def _see(self, found: Found, file: str, facts: dict[str, Any]) -> _Seen:
        if why := why_not(found.conditions, facts):
            return _Seen(found, "here", why=why)
        if found.level:
            local = self._relative(found, file)
            return _Seen(found, "here", local, "" if local else "relative import: nothing is there")
        key = (found.module, found.names or found.attributes)
        if key not in self.places:
            self.places[key] = self._locate(*key)
        return _Seen(found, *self.places[key])

    def _relative(self, found: Found, file: str) -> Local | None:
        folder = os.path.dirname(file) if os.path.isabs(file) else self.own
        for _ in range(found.level - 1):
            folder = os.path.dirname(folder)
        init = os.path.join(folder, "__init__.py")
        package = (init,) if "__init__.py" in self.folders.listing(folder) else ()
        local = self.folders.find(folder, found.module, found.names)
        if local:
            return Local(local.path, (*package, *local.sources))
        return Local(folder, package) if package else None

    def _locate(self, module: str, names: tuple[str, ...]) -> tuple[Place, Local | None]:
        """Look for a module where Python would, in its order, and then in the project."""
        top = module.partition(".")[0]
        listed = top in self.library
        if stdlib.is_never_shadowed(top):
            return "here", None
        for root in (*self.first, self.own):
            if local := self.folders.find(root, module, names, plain=not listed):
                return "here", local
        if listed:
            return "here", None
        for root in self.last:
            if local := self.folders.find(root, module, names):
                return "here", local
        for root in (os.path.join(self.root, "src"), self.root) if self.root else ():
            if local := self.folders.find(root, module, names, plain=root != self.root):
                self.paths[root] = None
                return "here", local
        gone = stdlib.removed_in(top) or stdlib.added_in(top)
        return ("gone" if gone else "elsewhere"), None

    def _choose(self, members: list[_Seen], group: Group) -> None:
        """Settle a choice: what costs nothing serves; else each names the others that would do."""
        branches: dict[int, list[_Seen]] = {}
        for member in members:
            member.optional = group.optional
            branches.setdefault(member.found.branch, []).append(member)
        free = [number for number, branch in branches.items() if all(one.place == "here" for one in branch)]
        serving = next((number for number in free if number == 0 or number in group.replacing), None)
        if serving is not None:
            for one in members:
                if one.found.branch != serving and (one.place != "here" or one.local):
                    one.why = f"{branches[serving][0].module} serves"
            return
        if free:
            for one in members:
                one.optional = True
        possible = [[one for one in branch if one.place != "here"] for branch in branches.values()]
        usable = [costs for costs in possible if costs and all(one.place != "gone" for one in costs)]
        if usable:
            for one in members:
                if one.place == "gone":
                    one.why = self.missing
        _name_alternatives(usable)

    def _shadows(self, one: Import, local: Local) -> bool:
        """Say whether a local file stands where another module was probably meant."""
        if one.module.startswith("."):
            return False
        if one.module.partition(".")[0] in self.library or (self.script.path and local.path == self.script.origin):
            return True
        wanted = {name for name in one.names or one.attributes if not name.startswith("__")}
        defined = self.files[local.path].defined if local.path in self.files else ()
        return bool(wanted and defined) and wanted.isdisjoint(defined)


def _name_alternatives(usable: list[list[_Seen]]) -> None:
    """Tell each import of a branch which one of every other branch stands in its place."""
    modules = [list(dict.fromkeys(one.module for one in branch)) for branch in usable]
    for branch, own in zip(usable, modules, strict=True):
        for one in branch:
            position = own.index(one.module)
            others = dict.fromkeys(many[min(position, len(many) - 1)] for many in modules)
            one.alternatives = tuple(others) if len(others) > 1 else ()


def _certainty(one: _Seen) -> Certainty:
    if one.found.guarded or one.optional:
        return Certainty.OPTIONAL
    if one.found.dynamic:
        return Certainty.DYNAMIC
    return Certainty.DEFERRED if one.found.deferred else Certainty.REQUIRED


def _rank(certainty: Certainty) -> int:
    return list(Certainty).index(certainty)


# The same by another interpreter, for a grammar that this one does not know

PROGRAM = "import sys; sys.path.append(sys.argv[1]); from luci.runner.imports import main; main()"


def scan_with(interpreter: str, script: Script, target: Target) -> Scan:
    """Scan with a newer Python a source that this one's grammar refused. ScriptError as `scan` raises it."""
    import subprocess  # 5 ms, and hardly ever needed

    place = os.fspath(Path(__file__).resolve().parents[2])
    request = {**as_dict(script), "path": script.path and str(script.path), "folder": str(script.folder)}
    request["source"] = script.source.decode("latin-1")
    text = json.dumps({"script": request, "target": as_dict(target)})
    try:
        # -S: what is installed for that Python has no say here
        command = [interpreter, "-I", "-S", "-c", PROGRAM, place]
        done = subprocess.run(command, input=text.encode(), capture_output=True, timeout=120, check=True)
        answer = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise ScriptError(f"{interpreter} could not read {script.name}.", cause=str(error)) from error
    if fault := answer.get("error"):
        kinds = {kind.__name__: kind for kind in (BadSyntax, PythonTwo)}
        raise kinds.get(fault["kind"], ScriptError)(fault["message"], cause=fault["cause"], hint=fault["hint"])
    made = _scan_from(answer)
    return replace(made, minimum=max(made.minimum, (sys.version_info[0], sys.version_info[1] + 1)))


def main() -> None:
    """Answer `scan_with`: a script and a target in JSON on standard input, a scan on standard output."""
    request = json.load(sys.stdin)
    given = request["script"]
    given |= {"path": given["path"] and Path(given["path"]), "folder": Path(given["folder"])}
    given |= {"source": given["source"].encode("latin-1"), "argv": tuple(given["argv"])}
    target = {**request["target"], "version": tuple(request["target"]["version"])}
    try:
        answer = as_dict(scan(Script(**given), Target(**target)))
    except LuciError as error:
        words = {"message": error.message, "cause": error.cause, "hint": error.hint}
        answer = {"error": {"kind": type(error).__name__, **words}}
    json.dump(answer, sys.stdout)


def _scan_from(answer: dict[str, Any]) -> Scan:
    fields = {name: frozen(value) for name, value in answer.items()}
    for name in ("imports", "gone", "shadows"):
        fields[name] = tuple(_import_from(one) for one in fields[name])
    fields["skipped"] = tuple(Skipped(**one) for one in fields["skipped"])
    return Scan(**fields)


def _import_from(one: dict[str, Any]) -> Import:
    fields = {name: frozen(value) for name, value in one.items()}
    return Import(**{**fields, "certainty": Certainty(one["certainty"])})
