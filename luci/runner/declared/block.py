"""Read a script's own metadata block (PEP 723), as `uv run` and `pipx run` read it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from luci.errors import ScriptError
from luci.runner.declared import uv_table
from luci.runner.declared.values import Declarations, Declared, IndexChoice, read_toml, requirement, shown
from luci.values import Value

ORIGIN = "PEP 723 block"


def inline(text: str, folder: Path = Path()) -> Declarations | None:
    """Return what the script's block declares, None if it has none. Paths in the block are relative to `folder`.

    Raises ScriptError, with the line, for what cannot be read: the script's own word is never guessed at.
    """
    blocks = [block for block in _blocks(text) if block.kind == "script"]
    if not blocks:
        return None
    if len(blocks) > 1:
        lines = " and ".join(str(block.line) for block in blocks[:2])
        raise ScriptError(f"The script has two metadata blocks, at lines {lines}.", hint="Keep one of them (PEP 723).")
    return _declarations(blocks[0], folder)


class _Block(Value):
    kind: str
    line: int  # of its first line, `# /// script`
    lines: list[str]

    def error(self, problem: object, near: str = "") -> ScriptError:
        number = next((n for n, line in enumerate(self.lines, self.line + 1) if near and near in line), self.line)
        if at := re.search(r" \(at line (\d+), column \d+\)", str(problem)):
            number, problem = self.line + int(at[1]), str(problem).replace(at[0], "")
        return ScriptError(
            f"The script's metadata block cannot be read (line {number}): {problem}.",
            hint='The block is TOML in comments:  # dependencies = ["name>=1"]  (PEP 723).',
        )


def _blocks(text: str) -> Iterator[_Block]:
    """Yield the blocks in one pass over the lines. One that is never closed is a comment like any other."""
    lines = text.replace("\r\n", "\n").split("\n")
    number = 0
    while number < len(lines):
        opening = re.fullmatch(r"# /// ([a-zA-Z0-9-]+)", lines[number])
        number += 1
        if not opening:
            continue
        end = number
        while end < len(lines) and re.match(r"#( |$)", lines[end]):
            end += 1
        # the last `# ///` of the comment closes the block: TOML may hold a line that looks like one
        closing = next((n for n in range(end - 1, number - 1, -1) if lines[n] == "# ///"), None)
        if closing is not None:
            yield _Block(opening[1], number, [line[2:] for line in lines[number:closing]])
        number = end


def _declarations(block: _Block, folder: Path) -> Declarations:
    try:
        table = read_toml("\n".join(block.lines))
        requires_python = uv_table.string(table, "requires-python")
        dependencies = uv_table.listed(table, "dependencies", str)
        uv = uv_table.tabled(uv_table.tabled(table, "tool"), "uv")
        index = uv_table.index_choice(uv, folder)
        constraints = uv_table.listed(uv, "constraint-dependencies", str)
    except ValueError as error:
        raise block.error(error) from None
    declared = []
    for line in dependencies:
        lines, only = _requirement(block, line, uv, folder)
        declared += lines
        index = index.over(only)
    for line in constraints:
        lines, _ = _requirement(block, line, {}, folder)
        declared += [Declared(limit.line, limit.name, ORIGIN, constraint=True) for limit in lines]
    if requires_python:
        _check_specifier(block, requires_python)
    unread = sorted(uv.keys() - uv_table.READ)
    problems = tuple(f"{ORIGIN}: [tool.uv] {shown(key)} is not used here" for key in unread)
    return Declarations(tuple(declared), True, requires_python, index, problems=problems)


def _requirement(block: _Block, line: str, uv: dict[str, object], folder: Path) -> tuple[list[Declared], IndexChoice]:
    try:
        wanted = requirement(line, folder)
        lines, only = uv_table.with_sources(wanted, uv, folder)
    except ValueError as error:
        cause = str(error).split("\n")[0]
        raise block.error(f"{shown(repr(line))}: {cause}", near=line) from None
    return [Declared(text, wanted.name, ORIGIN) for text in lines], only


def _check_specifier(block: _Block, requires_python: str) -> None:
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        SpecifierSet(requires_python)
    except InvalidSpecifier:
        raise block.error(f"requires-python is {shown(requires_python)!r}", near="requires-python") from None
