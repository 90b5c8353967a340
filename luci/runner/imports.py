"""What a script's source imports, and how sure that is, its own modules followed."""

from __future__ import annotations

import ast
import json
import os
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

from luci.errors import LuciError, ScriptError
from luci.runner import stdlib
from luci.runner.local import (
    NOTHING,
    Data,
    Folders,
    Local,
    Target,
    facts_of,
    folders_from,
    project_root,
    read,
    why_not,
)
from luci.runner.script import (
    LARGEST,
    TELLING,
    BadSyntax,
    Names,
    PythonTwo,
    Script,
    Version,
    bound_by,
    decode,
    minimum_of,
    parse,
    statements,
)

__all__ = ["Certainty", "FileImports", "Import", "Scan", "Skipped", "Target", "extract", "scan", "scan_with"]


class Certainty(StrEnum):
    """How sure it is that an import is needed, surest first."""

    REQUIRED = "required"
    DEFERRED = "deferred"
    DYNAMIC = "dynamic"
    OPTIONAL = "optional"


@dataclass(frozen=True, slots=True)
class Import:
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


@dataclass(frozen=True, slots=True)
class Skipped:
    """An import that needs no distribution, and why."""

    module: str
    line: int
    file: str
    reason: str


@dataclass(frozen=True, slots=True)
class Scan:
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


class Found(NamedTuple):
    """One import as written; `group` numbers the choice it is part of (-1: none), `branch` its side of it."""

    module: str
    level: int
    names: tuple[str, ...]
    attributes: tuple[str, ...]
    line: int
    deferred: bool
    guarded: bool
    dynamic: bool
    conditions: tuple[tuple[Data, bool], ...]
    group: int
    branch: int


class Group(NamedTuple):
    """A choice between imports; `optional`: none is needed; `replacing`: the branches that stand in for the first."""

    optional: bool
    replacing: tuple[int, ...]


class Edit(NamedTuple):
    """A change of sys.path."""

    folders: Data
    first: bool
    conditions: tuple[tuple[Data, bool], ...]


class FileImports(NamedTuple):
    """What one source says, wherever it lies and whatever the target; json.dumps takes it, `restore` brings it back."""

    imports: tuple[Found, ...] = ()
    groups: tuple[Group, ...] = ()
    edits: tuple[Edit, ...] = ()
    minimum: Version = (3, 0)
    reads_stdin: bool = False
    defined: tuple[str, ...] = ()  # names at module level; empty where that cannot be known

    @classmethod
    def restore(cls, data: list[Any]) -> FileImports:
        imports, groups, edits, minimum, reads_stdin, defined = _frozen(data)
        made = tuple(Found(*f) for f in imports), tuple(Group(*g) for g in groups), tuple(Edit(*e) for e in edits)
        return cls(*made, minimum, reads_stdin, defined)


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def extract(text: str, name: str) -> FileImports:
    """Return what a source imports; a pure function of the text. ScriptError as `parse` raises it."""
    return _Reader(parse(text, name), text).read()


class _Where(NamedTuple):
    deferred: bool = False
    guarded: bool = False
    tolerant: bool = False  # a missing attribute is caught
    tests: Any = None  # (test, wanted, the tests around it)
    group: int = -1
    branch: int = 0
    sole: bool = False  # nothing else in this branch imports


@dataclass(slots=True)
class _Choice:
    branches: int
    optional: bool
    replacing: set[int]


class _Pending(NamedTuple):
    place: tuple[int, int]
    module: str
    level: int
    names: tuple[str, ...]
    bound: str
    below: tuple[str, ...]  # what follows the bound name in the module's: ("b",) for `import a.b`
    dynamic: bool
    where: _Where


IMPORTERS = {"importlib.import_module", "__import__", "importlib.__import__", "builtins.__import__"}
PATH_CALLS = {"sys.path.append": (0, False), "sys.path.insert": (1, True), "sys.path.extend": (0, False)}
STDIN = {"sys.stdin", "sys.__stdin__", "fileinput"}
STDIN_CALLS = {"input", "raw_input", "builtins.input"}
STDIN_OPENERS = {"open", "io.open", "os.read", "os.fdopen", "builtins.open"}
LEAVES = (ast.Constant, ast.expr_context, ast.operator, ast.unaryop, ast.cmpop, ast.boolop, ast.alias, ast.Pass)


class _Reader:
    """One pass over a tree, with a stack of its own: a source may nest deeper than Python recurses."""

    def __init__(self, tree: ast.Module, text: str) -> None:
        self.tree, self.text, self.names = tree, text, Names(tree)
        self.stack: list[tuple[Any, _Where]] = []
        self.pending: list[_Pending] = []
        self.choices: list[_Choice] = []
        self.edits: list[tuple[ast.expr, bool, _Where]] = []
        self.uses: set[tuple[str, ...]] = set()  # ("np", "random", "seed")
        self.spared: set[tuple[str, ...]] = set()  # asked for with hasattr
        self.rebound: set[str] = set()
        self.telling: list[ast.AST] = []
        self.reads_stdin = "/dev/stdin" in text
        self.conditions: dict[int, Data] = {}
        self.visits: dict[type[ast.AST], Callable[[Any, _Where], None]] = {
            ast.Import: self._import,
            ast.ImportFrom: self._import_from,
            ast.Try: self._try,
            ast.TryStar: self._try,
            ast.If: self._if,
            ast.While: self._if,
            ast.With: self._with,
            ast.AsyncWith: self._with,
            ast.FunctionDef: self._function,
            ast.AsyncFunctionDef: self._function,
            ast.Lambda: self._function,
            ast.ClassDef: self._class,
            ast.Assign: self._assign,
            ast.AugAssign: self._assign,
            ast.ExceptHandler: self._handler,
            ast.arg: self._argument,
            ast.Name: self._name,
            ast.Attribute: self._attribute,
            ast.Call: self._call,
        }

    def read(self) -> FileImports:
        stack, visits, telling = self.stack, self.visits, self.telling
        stack.append((self.tree, _Where()))
        while stack:
            node, where = stack.pop()
            kind = type(node)
            if kind in TELLING:
                telling.append(node)
            if visit := visits.get(kind):
                visit(node, where)
            elif not isinstance(node, LEAVES):
                self._into(node, where)
        names = self.names
        self.reads_stdin |= any(alias in STDIN for alias in names.aliases.values())
        self.reads_stdin |= any(f"{names.aliases[use[0]]}.{'.'.join(use[1:2])}" in STDIN for use in self.uses)
        open_ended = names.takes_all or "__getattr__" in names.defined
        return FileImports(
            tuple(self._found(pending) for pending in sorted(self.pending, key=lambda p: p.place)),
            tuple(Group(choice.optional, tuple(sorted(choice.replacing))) for choice in self.choices),
            tuple(Edit(read(node, names), first, self._conditions(where)) for node, first, where in self.edits),
            minimum_of(telling, self.text),
            self.reads_stdin,
            () if open_ended else tuple(sorted(names.defined)),
        )

    def _into(self, node: ast.AST, where: _Where) -> None:
        push = self.stack.append
        for field in node._fields:
            value = getattr(node, field, None)
            if isinstance(value, list):
                for item in value:
                    if isinstance(item, ast.AST):
                        push((item, where))
            elif isinstance(value, ast.AST):
                push((value, where))

    def _block(self, block: Iterable[ast.AST | None], where: _Where) -> None:
        self.stack.extend((node, where) for node in block if node is not None)

    def _found(self, pending: _Pending) -> Found:
        where, attributes = pending.where, set[str]()
        if pending.bound and pending.bound not in self.rebound:
            prefix = (pending.bound, *pending.below)
            used = {
                use[: len(prefix) + 1] for use in self.uses if use[: len(prefix)] == prefix and len(use) > len(prefix)
            }
            attributes = {use[-1] for use in used - self.spared}
        return Found(
            pending.module,
            pending.level,
            pending.names,
            tuple(sorted(attributes)),
            pending.place[0],
            where.deferred,
            where.guarded,
            pending.dynamic,
            self._conditions(where),
            where.group,
            where.branch,
        )

    def _conditions(self, where: _Where) -> tuple[tuple[Data, bool], ...]:
        known, tests = [], where.tests
        while tests:
            test, wanted, tests = tests
            if id(test) not in self.conditions:
                self.conditions[id(test)] = read(test, self.names)
            if (data := self.conditions[id(test)]) != NOTHING:
                known.append((data, wanted))
        return tuple(reversed(known))

    # What imports

    def _import(self, node: ast.Import, where: _Where) -> None:
        for alias in node.names:
            first, *below = alias.name.split(".")
            bound, rest = (alias.asname, ()) if alias.asname else (first, tuple(below))
            place = (alias.lineno, alias.col_offset)
            self.pending.append(_Pending(place, alias.name, 0, (), bound, rest, False, where))

    def _import_from(self, node: ast.ImportFrom, where: _Where) -> None:
        names = tuple(alias.name for alias in node.names if alias.name != "*")
        place = (node.lineno, node.col_offset)
        self.pending.append(_Pending(place, node.module or "", node.level, names, "", (), False, where))

    def _call(self, node: ast.Call, where: _Where) -> None:
        self._into(node, where)
        dotted = self.names.dotted(node.func)
        if dotted in IMPORTERS:
            if target := self._literal_target(node):
                place = (node.lineno, node.col_offset)
                self.pending.append(_Pending(place, target[0], target[1], (), "", (), True, where))
        elif dotted in PATH_CALLS or dotted == "site.addsitedir":
            position, first = PATH_CALLS.get(dotted, (0, False))
            if len(node.args) > position:
                self.edits.append((node.args[position], first, where))
        elif dotted in STDIN_CALLS and dotted not in self.names.functions:
            self.reads_stdin = True
        elif dotted in STDIN_OPENERS and node.args and isinstance(node.args[0], ast.Constant):
            self.reads_stdin |= node.args[0].value in (0, "/dev/fd/0") and node.args[0].value is not False
        elif dotted == "hasattr" and len(node.args) == 2:
            match node.args:
                case [ast.Name(id=owner), ast.Constant(value=str() as attribute)]:
                    self.spared.add((owner, attribute))

    def _literal_target(self, call: ast.Call) -> tuple[str, int] | None:
        """Return module and level of a dynamic import, if they stand in the source."""
        given = {keyword.arg: keyword.value for keyword in call.keywords}
        match [*call.args[:1], *([given["name"]] if "name" in given else [])]:
            case [ast.Constant(value=str() as name), *_] if name:
                module = name.lstrip(".")
                level = len(name) - len(module)
                if not all(part.isidentifier() for part in module.split(".") if module):
                    return None
                package = given.get("package") or (call.args[1] if level and len(call.args) > 1 else None)
                if level and isinstance(package, ast.Constant) and isinstance(package.value, str):
                    parts = package.value.split(".")
                    above = parts[: len(parts) - level + 1]
                    return (".".join([*above, module] if module else above), 0)
                return module, level
        return None

    # What makes an import less than sure

    def _try(self, node: ast.Try | ast.TryStar, where: _Where) -> None:
        names = self.names
        handler = next((handler for handler in node.handlers if names.catches_missing(handler.type)), None)
        inner = fallback = where
        if handler and names.leaves(handler.body):
            fallback = where._replace(guarded=True, group=-1, sole=False)
        elif handler and self._importing(node.body):
            inner, fallback = self._choice(node.body, handler.body, where)
        kinds = [names.dotted(kind) for h in node.handlers for kind in _kinds(h.type)]
        if any(kind in ("", "AttributeError", "NameError", "Exception", "BaseException") for kind in kinds):
            inner = inner._replace(tolerant=True)
        self._block(node.body, inner)
        self._block(node.orelse, inner._replace(tolerant=where.tolerant))
        self._block(node.finalbody, where)
        for other in node.handlers:
            self._block([other], fallback if other is handler else where)

    def _choice(self, body: list[ast.stmt], handler: list[ast.stmt], where: _Where) -> tuple[_Where, _Where]:
        """Return where the two sides of a guarded import stand; a choice that is all of another's branch extends it."""
        optional = not self._importing(handler)
        if where.group < 0 or not where.sole:
            around = where.group >= 0 and self.choices[where.group].optional
            self.choices.append(_Choice(1, optional, set()))
            where = where._replace(group=len(self.choices) - 1, branch=0, guarded=where.guarded or around)
        choice = self.choices[where.group]
        choice.optional |= optional
        other, choice.branches = choice.branches, choice.branches + 1
        if self._replaces(body, handler):
            choice.replacing.add(other)
        return where._replace(sole=self._sole(body)), where._replace(branch=other, sole=self._sole(handler))

    def _importing(self, block: list[ast.stmt]) -> list[ast.stmt]:
        """Return the statements that import, those of functions left out."""
        return [statement for statement in statements(block, into_functions=False) if self._imports(statement)]

    def _imports(self, statement: ast.stmt) -> bool:
        value = getattr(statement, "value", None)
        dynamic = isinstance(value, ast.Call) and self.names.dotted(value.func) in IMPORTERS
        return dynamic or isinstance(statement, ast.Import | ast.ImportFrom)

    def _sole(self, block: list[ast.stmt]) -> bool:
        return sum(bool(self._importing([statement])) for statement in block) == 1

    def _replaces(self, body: list[ast.stmt], handler: list[ast.stmt]) -> bool:
        """Say whether what a handler imports stands in for what the body imports."""
        wanted = {name for statement in self._importing(body) for name in bound_by(statement)}
        given = {name for statement in self._importing(handler) for name in bound_by(statement)}
        for statement in statements(handler, into_functions=False):
            if isinstance(statement, ast.Assign):
                used = {node.id for node in ast.walk(statement.value) if isinstance(node, ast.Name)}
                given.update(bound_by(statement) if used & given else ())
        return bool(wanted & given) or all(
            isinstance(statement, ast.Import | ast.ImportFrom | ast.Try | ast.Pass) for statement in handler
        )

    def _with(self, node: ast.With | ast.AsyncWith, where: _Where) -> None:
        self._block(node.items, where)
        guarded = any(
            isinstance(call := item.context_expr, ast.Call)
            and self.names.dotted(call.func) == "contextlib.suppress"
            and any(self.names.catches_missing(kind) for kind in call.args)
            for item in node.items
        )
        self._block(node.body, where._replace(guarded=True, group=-1, sole=False) if guarded else where)

    def _if(self, node: ast.If | ast.While, where: _Where) -> None:
        self._block([node.test], where)
        self._block(node.body, where._replace(tests=(node.test, True, where.tests)))
        unless = where._replace(tests=(node.test, False, where.tests)) if isinstance(node, ast.If) else where
        self._block(node.orelse, unless)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, where: _Where) -> None:
        # what guards the definition does not guard the call; but a fallback's function may never be there
        inside = _Where(deferred=True, guarded=where.group >= 0 and where.branch > 0, tests=where.tests)
        self._block([node.args], where)
        if isinstance(node, ast.Lambda):
            return self._block([node.body], inside)
        self.rebound.add(node.name)
        self._block([*node.decorator_list, node.returns, *getattr(node, "type_params", ())], where)
        return self._block(node.body, inside)

    # What a name is used for

    def _class(self, node: ast.ClassDef, where: _Where) -> None:
        self.rebound.add(node.name)
        self._into(node, where)

    def _handler(self, node: ast.ExceptHandler, where: _Where) -> None:
        self.rebound.add(node.name or "")
        self._into(node, where)

    def _argument(self, node: ast.arg, where: _Where) -> None:
        self.rebound.add(node.arg)
        self._into(node, where)

    def _name(self, node: ast.Name, _: _Where) -> None:
        if not isinstance(node.ctx, ast.Load):
            self.rebound.add(node.id)

    def _attribute(self, node: ast.Attribute, where: _Where) -> None:
        chain, inner = [node.attr], node.value
        while isinstance(inner, ast.Attribute):
            chain.append(inner.attr)
            inner = inner.value
        if not isinstance(inner, ast.Name):
            return self.stack.append((inner, where))
        if not isinstance(node.ctx, ast.Load):
            chain = chain[1:]
        if chain and inner.id in self.names.aliases and not where.tolerant:
            self.uses.add((inner.id, *reversed(chain)))
        return None

    def _assign(self, node: ast.Assign | ast.AugAssign, where: _Where) -> None:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        for target in targets:
            whole = target.value if isinstance(target, ast.Subscript) else target
            if self.names.dotted(whole) == "sys.path":
                self._path_edits(node, target is not whole or isinstance(node, ast.Assign), where)
        # yaml = None, after a failed import, leaves what is used on yaml as it is
        plain = isinstance(node.value, ast.Constant)
        self._block([target for target in targets if not (plain and isinstance(target, ast.Name))], where)
        self._block([node.value], where)

    def _path_edits(self, node: ast.Assign | ast.AugAssign, first: bool, where: _Where) -> None:
        match node.value:
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                sides = [(left, True), (right, False)]
                self.edits += [(side, first, where) for side, first in sides if isinstance(side, ast.List)]
            case ast.List(elts=items) if any(isinstance(item, ast.Starred) for item in items):
                self.edits += [(item, first, where) for item in items if not isinstance(item, ast.Starred)]
            case value:
                self.edits.append((value, first, where))


def _kinds(kind: ast.expr | None) -> list[ast.expr]:
    return list(kind.elts) if isinstance(kind, ast.Tuple) else [kind or ast.Name("Exception", ast.Load())]


# From what the files say to what the target needs


def scan(script: Script, target: Target) -> Scan:
    """Return what a script imports on a target. ScriptError (BadSyntax, PythonTwo): its own source cannot be read."""
    return _Scanning(script, target).run()


@dataclass(slots=True)
class _Seen:
    """An import on its way to a verdict: `why` it is not needed, or what may answer instead."""

    found: Found
    place: str  # "here" (needs nothing), "gone", "elsewhere"
    local: Local | None = None
    why: str = ""
    optional: bool = False
    alternatives: tuple[str, ...] = ()

    @property
    def module(self) -> str:
        return "." * self.found.level + self.found.module


class _Outcome(NamedTuple):
    imports: list[Import]
    skipped: list[Skipped]
    gone: list[Import]
    locals: list[tuple[Import, Local]]


class _Scanning:
    def __init__(self, script: Script, target: Target) -> None:
        self.script, self.target = script, target
        self.library = stdlib.names(target.version)
        self.version = ".".join(map(str, target.version))
        self.own = os.fspath(script.folder)
        self.files = {script.origin: extract(decode(script.source, script.name), script.name)}
        self.faults: dict[str, str] = {}
        self.folders, self.facts = Folders(), facts_of(target)
        self.first: list[str] = []  # before the script's folder on sys.path
        self.last: list[str] = []  # after the standard library
        self.paths: dict[str, None] = {}
        self.places: dict[tuple[str, tuple[str, ...]], tuple[str, Local | None]] = {}
        self.root = project_root(self.own)
        self._edit_paths(script.origin)

    def run(self) -> Scan:
        outcomes = self._follow()
        while outcomes is None:  # a module changed sys.path: what was looked for before may be there
            self.places.clear()
            self.paths.clear()
            outcomes = self._follow()
        read = [self.files[file] for file in outcomes]
        files = [file for file in outcomes if self.script.path or file != self.script.origin]
        return Scan(
            imports=tuple(one for outcome in outcomes.values() for one in outcome.imports),
            skipped=tuple(one for outcome in outcomes.values() for one in self._skipped(outcome)),
            gone=tuple(one for outcome in outcomes.values() for one in outcome.gone),
            files=tuple(files),
            folders=tuple(sorted(self.folders.listings)),
            minimum=max(file.minimum for file in read),
            reads_stdin=any(file.reads_stdin for file in read),
            paths=tuple(self.paths),
            shadows=tuple(
                one for outcome in outcomes.values() for one, local in outcome.locals if self._shadows(one, local)
            ),
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
        self.files[file] = FileImports()
        try:
            if os.path.getsize(file) > LARGEST:
                raise ScriptError(f"{file} is too large.")
            self.files[file] = extract(decode(Path(file).read_bytes(), file), file)
        except LuciError as error:
            self.faults[file] = error.message
        except OSError as error:
            self.faults[file] = error.strerror or str(error)
        return self._edit_paths(file)

    def _facts(self, file: str) -> dict[str, Any]:
        main = file == self.script.origin
        place = {"sys.argv": (self.script.origin,), "sys.path": (self.own,), "__name__": "__main__" if main else file}
        return {**self.facts, **place, **({} if main and not self.script.path else {"__file__": file})}

    def _edit_paths(self, file: str) -> bool:
        facts, grew = self._facts(file), False
        for edit in self.files[file].edits:
            if why_not(edit.conditions, facts):
                continue
            for given in folders_from(edit.folders, facts):
                for base in (os.getcwd(), self.own):
                    folder = os.path.normpath(os.path.join(base, given))
                    known = folder == self.own or folder in self.first or folder in self.last
                    # what lies in there was installed, for some Python
                    installed = os.path.basename(folder) in ("site-packages", "dist-packages")
                    if not known and not installed and self.folders.listing(folder):
                        (self.first if edit.first else self.last).append(folder)
                        grew = True
        return grew

    def _settle(self, file: str, sure: Certainty) -> _Outcome:
        source, facts = self.files[file], self._facts(file)
        seen = [self._see(found, file, facts) for found in source.imports]
        for number, group in enumerate(source.groups):
            members = [one for one in seen if one.found.group == number and not one.why]
            self._choose(members, group)
        outcome = _Outcome([], [], [], [])
        for one in seen:
            found = one.found
            certainty = max(_certainty(one), sure, key=_rank)
            if one.place == "gone" and certainty is Certainty.OPTIONAL and not one.why:
                one.why = f"not in the standard library of Python {self.version}"
            made = Import(
                one.module, found.line, file, certainty, found.names, found.attributes, one.alternatives
            )  # fmt: skip
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

    def _locate(self, module: str, names: tuple[str, ...]) -> tuple[str, Local | None]:
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
        possible = {number: [one for one in branch if one.place != "here"] for number, branch in branches.items()}
        usable = [costs for costs in possible.values() if costs and all(one.place != "gone" for one in costs)]
        if usable:
            for one in members:
                if one.place == "gone":
                    one.why = f"not in the standard library of Python {self.version}"
        if len(usable) > 1:
            modules = [list(dict.fromkeys(one.module for one in costs)) for costs in usable]
            for costs, own in zip(usable, modules, strict=True):
                for one in costs:
                    position = own.index(one.module)
                    others = dict.fromkeys(many[min(position, len(many) - 1)] for many in modules)
                    one.alternatives = tuple(others) if len(others) > 1 else ()

    def _shadows(self, one: Import, local: Local) -> bool:
        """Say whether a local file stands where another module was probably meant."""
        if one.module.startswith("."):
            return False
        if one.module.partition(".")[0] in self.library or (self.script.path and local.path == self.script.origin):
            return True
        wanted = {name for name in one.names or one.attributes if not name.startswith("__")}
        defined = self.files[local.path].defined if local.path in self.files else ()
        return bool(wanted and defined) and wanted.isdisjoint(defined)


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
    request = {**asdict(script), "path": script.path and str(script.path), "folder": str(script.folder)}
    request["source"] = script.source.decode("latin-1")
    text = json.dumps({"script": request, "target": asdict(target)})
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
        answer = asdict(scan(Script(**given), Target(**target)))
    except LuciError as error:
        words = {"message": error.message, "cause": error.cause, "hint": error.hint}
        answer = {"error": {"kind": type(error).__name__, **words}}
    json.dump(answer, sys.stdout)


def _scan_from(answer: dict[str, Any]) -> Scan:
    fields = {name: _frozen(value) for name, value in answer.items()}
    for name in ("imports", "gone", "shadows"):
        fields[name] = tuple(_import_from(one) for one in fields[name])
    fields["skipped"] = tuple(Skipped(**one) for one in fields["skipped"])
    return Scan(**fields)


def _import_from(one: dict[str, Any]) -> Import:
    fields = {name: _frozen(value) for name, value in one.items()}
    return Import(**{**fields, "certainty": Certainty(one["certainty"])})
