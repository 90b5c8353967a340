"""Read what a pyproject.toml declares: PEP 621, dependency groups (PEP 735), uv's and poetry's tables."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from luci.runner.declared import poetry, uv_table
from luci.runner.declared.uv_table import listed, string, tabled
from luci.runner.declared.values import Declared, IndexChoice, requirement, shown
from luci.values import replace

T = TypeVar("T")


class Pyproject:
    """What a pyproject.toml declares. What is malformed in it is a problem, and the rest is read."""

    def __init__(self, table: dict[str, Any], folder: Path, files: Iterable[Path] = ()) -> None:
        self.table, self.folder, self.files = table, folder, list(files)
        self.project: list[Declared] = []
        self.poetry: list[Declared] = []
        self.optional: list[Declared] = []
        self.requires_python = ""
        self.index = IndexChoice()
        self.problems: list[str] = []

    def read(self) -> Pyproject:
        project, tool = self._table(self.table, "project"), self._table(self.table, "tool")
        uv = self._table(tool, "uv")
        self.requires_python = self._python(lambda: string(project, "requires-python"), "[project]")
        self.index = self._said(lambda: uv_table.index_choice(uv, self.folder), IndexChoice(), "[tool.uv]")
        self.project += self._lines(project, "dependencies", "[project]", uv)
        limits = self._lines(uv, "constraint-dependencies", "[tool.uv] constraint-dependencies", {})
        self.project += (replace(limit, constraint=True) for limit in limits)
        self._optional(project, uv)
        self._poetry(self._table(tool, "poetry"))
        return self

    def _optional(self, project: dict[str, Any], uv: dict[str, Any]) -> None:
        own = re.sub(r"[-_.]+", "-", str(project.get("name", ""))).lower()
        extras = self._table(project, "optional-dependencies")
        for name in extras:
            lines = self._lines(extras, name, f"[project.optional-dependencies] {shown(name)}", uv)
            # "own-name[other]" gathers another extra, and that one is read by itself
            self.optional += (line for line in lines if line.name != own)
        groups = self._table(self.table, "dependency-groups")
        for name, group in groups.items():
            # {include-group = "…"} repeats another group, and that one is read by itself
            own_lines = [line for line in group if not isinstance(line, dict)] if isinstance(group, list) else group
            self.optional += self._lines({name: own_lines}, name, f"[dependency-groups] {shown(name)}", uv)
        self.optional += self._lines(uv, "dev-dependencies", "[tool.uv] dev-dependencies", uv)

    def _lines(self, table: dict[str, Any], key: str, section: str, uv: dict[str, Any]) -> list[Declared]:
        declared: list[Declared] = []
        nothing: list[str] = []
        for text in self._said(lambda: listed(table, key, str), nothing, section):
            try:
                wanted = requirement(text, self.folder)
                lines, only = uv_table.with_sources(wanted, uv, self.folder)
            except ValueError as error:
                self._problem(section, f"{shown(text)!r} is not used: {error}")
                continue
            declared += (Declared(line, wanted.name, f"pyproject.toml {section}") for line in lines)
            self.index = self.index.over(only)
        return declared

    def _poetry(self, table: dict[str, Any]) -> None:
        nothing: tuple[IndexChoice, dict[str, str]] = (IndexChoice(), {})
        index, urls = self._said(lambda: poetry.indexes(table, self.folder), nothing, "[tool.poetry] source")
        self.index = self.index.over(index)
        dependencies = self._table(table, "dependencies")
        section = "[tool.poetry.dependencies]"
        python = self._python(lambda: poetry.version_range(string(dependencies, "python")), section)
        self.requires_python = self.requires_python or python
        self.poetry += self._poetry_lines(dependencies, section, urls)
        groups = self._table(table, "group")
        for name in groups:
            group = self._table(self._table(groups, name), "dependencies")
            self.optional += self._poetry_lines(group, f"[tool.poetry.group.{shown(name)}.dependencies]", urls)
        old = self._table(table, "dev-dependencies")
        self.optional += self._poetry_lines(old, "[tool.poetry.dev-dependencies]", urls)

    def _poetry_lines(self, table: dict[str, Any], section: str, urls: dict[str, str]) -> list[Declared]:
        declared: list[Declared] = []
        for name, said in table.items():
            if name == "python":
                continue
            for one in said if isinstance(said, list) else [said]:
                try:
                    line = poetry.requirement_line(name, one, self.folder)
                    source = string(one, "source") if isinstance(one, dict) else ""
                except ValueError as error:
                    self._problem(section, f"{shown(name)} is not used: {error}")
                    continue
                wanted = requirement(line)
                declared.append(Declared(line, wanted.name, f"pyproject.toml {section}"))
                if source in urls:
                    self.index = self.index.over(IndexChoice(only=((wanted.name, urls[source], ""),)))
        return declared

    def _python(self, read: Callable[[], str], section: str) -> str:
        def valid() -> str:
            from packaging.specifiers import SpecifierSet

            return str(SpecifierSet(said)) if (said := read()) else ""

        return self._said(valid, "", section)

    def _table(self, table: dict[str, Any], key: str) -> dict[str, Any]:
        return self._said(lambda: tabled(table, key), {}, "")

    def _said(self, read: Callable[[], T], otherwise: T, section: str) -> T:
        try:
            return read()
        except ValueError as error:
            self._problem(section, str(error))
            return otherwise

    def _problem(self, section: str, text: str) -> None:
        first_line = text.split("\n")[0]
        self.problems.append(f"pyproject.toml{' ' if section else ''}{section}: {shown(first_line)}")
