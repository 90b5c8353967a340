"""What one source says about imports, wherever it lies and whatever the target."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from typing import Any

from luci.runner.expressions import NOTHING, Conditions, Data, read
from luci.runner.grammar import TELLING, minimum_of, parse
from luci.runner.habits import Habit, is_telling, of_call
from luci.runner.habitual import habitual
from luci.runner.scope import Names, bound_by, statements
from luci.runner.seen import Alternatives, Edit, FileImports, Found, Group, Pending, Where


def extract(text: str, name: str) -> FileImports:
    """Return what a source imports; a pure function of the text. ScriptError as `parse` raises it."""
    return _Reader(parse(text, name), text).read()


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
        self.stack: list[tuple[Any, Where]] = []
        self.pending: list[Pending] = []
        self.choices: list[Alternatives] = []
        self.edits: list[tuple[ast.expr, bool, Where]] = []
        self.habits: list[tuple[Habit, ast.Call, Where]] = []
        self.uses: set[tuple[str, ...]] = set()  # ("np", "random", "seed")
        self.spared: set[tuple[str, ...]] = set()  # asked for with hasattr
        self.rebound: set[str] = set()
        self.telling: list[ast.AST] = []
        self.reads_stdin = "/dev/stdin" in text
        self.conditions: dict[int, Data] = {}
        self.visits: dict[type[ast.AST], Callable[[Any, Where], None]] = {
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
            ast.Assign: self._assign,
            ast.AugAssign: self._assign,
            ast.ClassDef: self._binding,
            ast.ExceptHandler: self._binding,
            ast.arg: self._binding,
            ast.Name: self._name,
            ast.Attribute: self._attribute,
            ast.Call: self._call,
        }

    def read(self) -> FileImports:
        stack, visits, telling = self.stack, self.visits, self.telling
        stack.append((self.tree, Where()))
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
        taken = [use for use in self.uses - self.spared if use[0] not in self.rebound]
        self.pending += habitual(self.tree, self.text, self.pending, self.habits, taken, names.aliases)
        self.reads_stdin |= any(alias in STDIN for alias in names.aliases.values())
        self.reads_stdin |= any(f"{names.aliases[use[0]]}.{'.'.join(use[1:2])}" in STDIN for use in self.uses)
        open_ended = names.takes_all or "__getattr__" in names.defined
        return FileImports(
            imports=tuple(self._found(pending) for pending in sorted(self.pending, key=lambda p: p.place)),
            groups=tuple(Group(choice.optional, tuple(sorted(choice.replacing))) for choice in self.choices),
            edits=tuple(
                Edit(read(node, names), first, self._conditions(where))
                for node, first, where in sorted(self.edits, key=lambda edit: (edit[0].lineno, edit[0].col_offset))
            ),
            minimum=minimum_of(telling, self.text),
            reads_stdin=self.reads_stdin,
            defined=() if open_ended else tuple(sorted(names.defined)),
        )

    def _into(self, node: ast.AST, where: Where) -> None:
        push = self.stack.append
        for field in node._fields:
            value = getattr(node, field, None)
            if isinstance(value, list):
                for item in value:
                    if isinstance(item, ast.AST):
                        push((item, where))
            elif isinstance(value, ast.AST):
                push((value, where))

    def _block(self, block: Iterable[ast.AST | None], where: Where) -> None:
        self.stack.extend((node, where) for node in block if node is not None)

    def _found(self, pending: Pending) -> Found:
        where = pending.where
        return Found(
            module=pending.module,
            level=pending.level,
            names=pending.names,
            attributes=self._attributes(pending),
            line=pending.place[0],
            deferred=where.deferred,
            guarded=where.guarded,
            dynamic=pending.dynamic,
            conditions=self._conditions(where),
            group=where.group,
            branch=where.branch,
            why=pending.why,
            until=pending.until,
        )

    def _attributes(self, pending: Pending) -> tuple[str, ...]:
        """Return what the file uses on the module that an import binds; nothing if the name is bound again."""
        if not pending.bound or pending.bound in self.rebound:
            return ()
        prefix = (pending.bound, *pending.below)
        longer = [use for use in self.uses if len(use) > len(prefix) and use[: len(prefix)] == prefix]
        used = {use[: len(prefix) + 1] for use in longer}
        return tuple(sorted({use[-1] for use in used - self.spared}))

    def _conditions(self, where: Where) -> Conditions:
        known, tests = [], where.tests
        while tests:
            test, wanted, tests = tests
            if id(test) not in self.conditions:
                self.conditions[id(test)] = read(test, self.names)
            if (data := self.conditions[id(test)]) != NOTHING:
                known.append((data, wanted))
        return tuple(reversed(known))

    # What imports

    def _import(self, node: ast.Import, where: Where) -> None:
        for alias in node.names:
            first, *below = alias.name.split(".")
            bound, rest = (alias.asname, ()) if alias.asname else (first, tuple(below))
            place = (alias.lineno, alias.col_offset)
            self.pending.append(Pending(place, alias.name, 0, (), bound, rest, False, where))

    def _import_from(self, node: ast.ImportFrom, where: Where) -> None:
        names = tuple(alias.name for alias in node.names if alias.name != "*")
        place = (node.lineno, node.col_offset)
        self.pending.append(Pending(place, node.module or "", node.level, names, "", (), False, where))

    def _call(self, node: ast.Call, where: Where) -> None:
        self._into(node, where)
        dotted = self.names.dotted(node.func)
        if is_telling(node, dotted):
            self.habits += ((habit, node, where) for habit in of_call(node, dotted, self._is_imported(node.func)))
        if dotted in IMPORTERS:
            if target := self._literal_target(node):
                place = (node.lineno, node.col_offset)
                self.pending.append(Pending(place, target[0], target[1], (), "", (), True, where))
        elif dotted in PATH_CALLS or dotted == "site.addsitedir":
            position, first = PATH_CALLS.get(dotted, (0, False))
            if len(node.args) > position:
                self.edits.append((node.args[position], first, where))
        elif dotted == "hasattr":
            match node.args:
                case [ast.Name(id=owner), ast.Constant(value=str() as attribute)]:
                    self.spared.add((owner, attribute))
        elif dotted in STDIN_CALLS and dotted not in self.names.functions:
            self.reads_stdin = True
        elif dotted in STDIN_OPENERS:
            match node.args:
                case [ast.Constant(value=0 | "/dev/fd/0" as opened), *_] if opened is not False:
                    self.reads_stdin = True

    def _is_imported(self, node: ast.expr) -> bool:
        while isinstance(node, ast.Attribute):
            node = node.value
        return isinstance(node, ast.Name) and node.id in self.names.aliases

    def _literal_target(self, call: ast.Call) -> tuple[str, int] | None:
        """Return module and level of a dynamic import, if they stand in the source."""
        given = {keyword.arg: keyword.value for keyword in call.keywords}
        name = _literal(call.args[0] if call.args else given.get("name"))
        if not name:
            return None
        module = name.lstrip(".")
        level = len(name) - len(module)
        if not all(part.isidentifier() for part in module.split(".") if module):
            return None
        package = _literal(given.get("package") or (call.args[1] if len(call.args) > 1 else None))
        if not level or package is None:
            return module, level
        parts = package.split(".")
        above = parts[: len(parts) - level + 1]
        return ".".join([*above, module] if module else above), 0

    # What makes an import less than sure

    def _try(self, node: ast.Try | ast.TryStar, where: Where) -> None:
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

    def _choice(self, body: list[ast.stmt], handler: list[ast.stmt], where: Where) -> tuple[Where, Where]:
        """Return where the two sides of a guarded import stand; a choice that is all of another's branch extends it."""
        optional = not self._importing(handler)
        if where.group < 0 or not where.sole:
            around = where.group >= 0 and self.choices[where.group].optional
            self.choices.append(Alternatives(optional=optional))
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

    def _with(self, node: ast.With | ast.AsyncWith, where: Where) -> None:
        self._block(node.items, where)
        guarded = any(
            isinstance(call := item.context_expr, ast.Call)
            and self.names.dotted(call.func) == "contextlib.suppress"
            and any(self.names.catches_missing(kind) for kind in call.args)
            for item in node.items
        )
        self._block(node.body, where._replace(guarded=True, group=-1, sole=False) if guarded else where)

    def _if(self, node: ast.If | ast.While, where: Where) -> None:
        self._block([node.test], where)
        self._block(node.body, where._replace(tests=(node.test, True, where.tests)))
        unless = where._replace(tests=(node.test, False, where.tests)) if isinstance(node, ast.If) else where
        self._block(node.orelse, unless)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, where: Where) -> None:
        # what guards the definition does not guard the call; but a fallback's function may never be there
        inside = Where(deferred=True, guarded=where.group >= 0 and where.branch > 0, tests=where.tests)
        self._block([node.args], where)
        if isinstance(node, ast.Lambda):
            self._block([node.body], inside)
        else:
            self.rebound.add(node.name)
            self._block([*node.decorator_list, node.returns, *getattr(node, "type_params", ())], where)
            self._block(node.body, inside)

    # What a name is used for

    def _binding(self, node: ast.ClassDef | ast.ExceptHandler | ast.arg, where: Where) -> None:
        self.rebound.add((node.arg if isinstance(node, ast.arg) else node.name) or "")
        self._into(node, where)

    def _name(self, node: ast.Name, _: Where) -> None:
        if not isinstance(node.ctx, ast.Load):
            self.rebound.add(node.id)

    def _attribute(self, node: ast.Attribute, where: Where) -> None:
        chain = [node.attr] if isinstance(node.ctx, ast.Load) else []
        inner = node.value
        while isinstance(inner, ast.Attribute):
            chain.append(inner.attr)
            inner = inner.value
        if not isinstance(inner, ast.Name):
            self.stack.append((inner, where))
        elif chain and inner.id in self.names.aliases and not where.tolerant:
            self.uses.add((inner.id, *reversed(chain)))

    def _assign(self, node: ast.Assign | ast.AugAssign, where: Where) -> None:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        for target in targets:
            whole = target.value if isinstance(target, ast.Subscript) else target
            if self.names.dotted(whole) == "sys.path":
                self._path_edits(node, target is not whole or isinstance(node, ast.Assign), where)
        # yaml = None, after a failed import, leaves what is used on yaml as it is
        plain = isinstance(node.value, ast.Constant)
        self._block([target for target in targets if not (plain and isinstance(target, ast.Name))], where)
        self._block([node.value], where)

    def _path_edits(self, node: ast.Assign | ast.AugAssign, first: bool, where: Where) -> None:
        match node.value:
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                sides = ((left, True), (right, False))
                self.edits += [(side, before, where) for side, before in sides if isinstance(side, ast.List)]
            case ast.List(elts=items) if any(isinstance(item, ast.Starred) for item in items):
                old = next((at for at, item in enumerate(items) if self._is_all_of_path(item)), None)
                parts = [(items, first)] if old is None else [(items[:old], True), (items[old:], False)]
                for part, before in parts:
                    if new := [item for item in part if not isinstance(item, ast.Starred)]:
                        self.edits.append((ast.copy_location(ast.List(new, ast.Load()), new[0]), before, where))
            case value:
                self.edits.append((value, first, where))

    def _is_all_of_path(self, item: ast.expr) -> bool:
        return isinstance(item, ast.Starred) and self.names.dotted(item.value) == "sys.path"


def _literal(node: ast.expr | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _kinds(kind: ast.expr | None) -> list[ast.expr]:
    return list(kind.elts) if isinstance(kind, ast.Tuple) else [kind or ast.Name("Exception", ast.Load())]
