"""Whether a source is Python, and of which version."""

from __future__ import annotations

import ast
import re
import sys
import tokenize
import warnings
from collections.abc import Iterable
from io import BytesIO

from luci.errors import ScriptError
from luci.runner.script import BadSyntax, PythonTwo
from luci.runner.stdlib import Version


def parse(text: str, name: str) -> ast.Module:
    """Return the tree of a source. BadSyntax, PythonTwo, or ScriptError for what is nested too deeply."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the script's own Python will show them
            return ast.parse(text)
    except SyntaxError as error:
        raise _refused(text, name, error) from error
    except (RecursionError, MemoryError) as error:
        raise _too_deep(name) from error
    except (ValueError, OverflowError) as error:
        raise ScriptError(f"{name} is not a Python source.", cause=str(error)) from error


def _refused(text: str, name: str, error: SyntaxError) -> ScriptError:
    message, number = error.msg, error.lineno or 1
    if "too many nested" in message or "too complex" in message or "too many levels" in message:
        return _too_deep(name, number)
    lines = text.splitlines()
    line = lines[number - 1] if number <= len(lines) else ""
    if _looks_like_python_two(lines, line, error):
        hint = "Convert it to Python 3, or run it with a Python 2 interpreter."
        return PythonTwo(f"{name}, line {number}: this is Python 2.", cause=line.strip()[:200], hint=hint)
    hint = "Remove the Markdown fence." if line.lstrip().startswith("```") else ""
    return BadSyntax(f"{name}, line {number}: {message}", cause=line.strip()[:200], hint=hint)


def _too_deep(name: str, line: int = 0) -> ScriptError:
    where = f"{name}, line {line}" if line else name
    return ScriptError(f"{where}: this is nested too deeply for Python.", hint="Split the longest expression in it.")


PRINT = r"^\s*print\s+(?!=|\()\S|(^|[;:])\s*print\s*>>"
# what Python 2 accepts and no Python 3 ever will, at the line where Python 3 gave up
PYTHON_TWO = (
    PRINT + r"""|\bexec\s+["'\w]|\bexcept\s+(\w[\w.]*|\([^)]*\))\s*,\s*[a-z_]\w*\s*:|\braise\s+[\w.]+\s*,"""
    r"""|\b(0[xX][0-9a-fA-F]+|\d+)[lL]\b|\b0[0-7]+\b|[\w)\]]\s*<>\s*[\w("']|\b[uU][rR]["']"""
    r"""|\bdef\s+\w+\s*\(.*\([^()=]*\)|\blambda\s*\(|[=(+%,]\s*`[^`]+`"""
)


def _looks_like_python_two(lines: list[str], line: str, error: SyntaxError) -> bool:
    """Say whether a source that Python 3 refuses at `line` is written for Python 2."""
    if error.msg.startswith("Missing parentheses in call to") or re.search(PYTHON_TWO, line):
        return True
    if lines and re.match(r"#!.*\bpython2", lines[0]):
        return True
    return isinstance(error, IndentationError) and any(re.match(PRINT, other) for other in lines)


# The lowest Python whose grammar has a node ("What's New in Python 3.5" to "3.14"); more in `_needed_by`.
GRAMMAR: dict[str, Version] = {
    **dict.fromkeys(("AsyncFunctionDef", "AsyncFor", "AsyncWith", "Await", "MatMult"), (3, 5)),
    **dict.fromkeys(("JoinedStr", "AnnAssign"), (3, 6)),
    "NamedExpr": (3, 8),
    "Match": (3, 10),
    "TryStar": (3, 11),
    **dict.fromkeys(("TypeAlias", "TypeVar", "ParamSpec", "TypeVarTuple"), (3, 12)),
    "TemplateStr": (3, 14),
    **dict.fromkeys(("FunctionDef", "Lambda", "ClassDef", "ExceptHandler", "Subscript"), (3, 0)),
}
TELLING = frozenset(getattr(ast, name) for name in GRAMMAR if hasattr(ast, name))


def minimum_of(nodes: Iterable[ast.AST], text: str) -> Version:
    """Return the lowest Python whose grammar accepts a source, told by its nodes of TELLING types."""
    # an older Python would have refused the f-strings that these lines are for
    lines = text.encode().splitlines() if sys.version_info >= (3, 12) else []
    return max([(3, 0), *(max(GRAMMAR[type(node).__name__], _needed_by(node, lines)) for node in nodes)])


def _needed_by(node: ast.AST, lines: list[bytes]) -> Version:
    match node:
        case (
            ast.FunctionDef(decorator_list=decorators)
            | ast.AsyncFunctionDef(decorator_list=decorators)
            | ast.ClassDef(decorator_list=decorators)
        ) if any(not _is_plain(decorator) for decorator in decorators):
            return (3, 9)  # PEP 614
        case (
            ast.FunctionDef(args=ast.arguments(posonlyargs=[_, *_]))
            | ast.AsyncFunctionDef(args=ast.arguments(posonlyargs=[_, *_]))
            | ast.Lambda(args=ast.arguments(posonlyargs=[_, *_]))
        ):
            return (3, 8)
        case ast.Subscript(slice=ast.Tuple(elts=items)) if any(isinstance(item, ast.Starred) for item in items):
            return (3, 11)  # PEP 646
        case ast.ExceptHandler(type=ast.Tuple(elts=[first, *_], col_offset=column)) if first.col_offset == column:
            return (3, 14)  # PEP 758
        case ast.JoinedStr() if lines and _is_free_f_string(node, lines):
            return (3, 12)  # PEP 701
    return (3, 0)


def _is_plain(decorator: ast.expr) -> bool:
    if isinstance(decorator, ast.Call):
        decorator = decorator.func
    while isinstance(decorator, ast.Attribute):
        decorator = decorator.value
    return isinstance(decorator, ast.Name)


def _is_free_f_string(node: ast.JoinedStr, lines: list[bytes]) -> bool:
    """Say whether an f-string reuses its own quote, a backslash or a line break inside its braces."""
    fields = [part.value for part in node.values if isinstance(part, ast.FormattedValue)]
    if not any(_is_daring(field, lines) for field in fields):
        return False
    last = node.end_lineno or node.lineno
    source = b"\n".join([*lines[node.lineno - 1 : last - 1], lines[last - 1][: node.end_col_offset]])
    opened: list[str] = []
    try:
        for token in tokenize.tokenize(BytesIO(b"(" + source[node.col_offset :] + b")").readline):
            kind = tokenize.tok_name[token.type]
            quote = token.string.lstrip("rRbBuUfFtT")
            if opened and kind in ("STRING", "FSTRING_START"):
                quote = quote[:3] if quote[:3] in ('"""', "'''") else quote[:1]
                if "\\" in token.string or any(outer in quote or quote in outer for outer in opened):
                    return True
            elif opened and kind == "NL" and len(opened[-1]) == 1:
                return True
            if kind == "FSTRING_START":
                opened.append(quote)
            elif kind == "FSTRING_END":
                opened.pop()
    except (tokenize.TokenError, SyntaxError, UnicodeDecodeError):
        pass  # a format specification is no string of its own
    return False


def _is_daring(field: ast.expr, lines: list[bytes]) -> bool:
    if field.lineno != field.end_lineno:
        return True
    return any(mark in lines[field.lineno - 1][field.col_offset : field.end_col_offset] for mark in (b"'", b'"', b"\\"))
