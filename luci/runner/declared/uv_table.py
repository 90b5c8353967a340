"""Read what [tool.uv] says, in a script's block or in pyproject.toml: where packages come from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from luci.runner.declared.values import IndexChoice, both, file_url, git_reference, place, reference, with_subdirectory

if TYPE_CHECKING:
    from packaging.requirements import Requirement

READ = frozenset({"constraint-dependencies", "exclude-newer", "extra-index-url", "find-links", "index", "index-url"})
READ |= {"no-index", "prerelease", "sources"}


def index_choice(uv: dict[str, Any], folder: Path) -> IndexChoice:
    """Return the index settings. Raises ValueError for a value of the wrong type."""
    tables = [table for table in listed(uv, "index", dict) if not table.get("explicit")]
    default = [_index_url(table, folder) for table in tables if table.get("default")]
    others = [_index_url(table, folder) for table in tables if not table.get("default")]
    url = string(uv, "index-url")
    return IndexChoice(
        url=default[0] if default else url and place(url, folder),
        extra_urls=(*others, *(place(url, folder) for url in listed(uv, "extra-index-url", str))),
        find_links=tuple(place(link, folder) for link in listed(uv, "find-links", str)),
        no_index=uv.get("no-index") is True,
        exclude_newer=string(uv, "exclude-newer"),
        prereleases=uv.get("prerelease") == "allow",
    )


def with_sources(wanted: Requirement, uv: dict[str, Any], folder: Path) -> tuple[list[str], IndexChoice]:
    """Return `wanted` as [tool.uv.sources] has it: a line for each place it comes from, and the index it is kept to.

    Raises ValueError for a source that is malformed or makes no sense outside a uv workspace.
    """
    from packaging.utils import canonicalize_name

    if wanted.url:
        return [str(wanted)], IndexChoice()
    sources = {canonicalize_name(name): source for name, source in tabled(uv, "sources").items()}
    source = sources.get(canonicalize_name(wanted.name), [])
    chosen = [source] if isinstance(source, dict) else source
    if not isinstance(chosen, list) or not all(isinstance(table, dict) for table in chosen):
        raise ValueError(f"the source of {wanted.name} wants to be a table")
    lines, only = [], IndexChoice()
    for table in chosen:
        if name := string(table, "index"):
            kept_to = (wanted.name, _named_index(name, uv, folder), string(table, "marker"))
            only = only.over(IndexChoice(only=(kept_to,)))
        else:
            marker = both(wanted.marker, string(table, "marker"))
            lines.append(reference(wanted.name, _source_url(wanted.name, table, folder), wanted.extras, marker))
    # beside a direct reference the plain line asks nothing more; where no source's marker holds it is what is left
    if not lines or any("marker" in table for table in chosen):
        lines.append(str(wanted))
    return lines, only


def _source_url(name: str, table: dict[str, Any], folder: Path) -> str:
    subdirectory = string(table, "subdirectory")
    if git := string(table, "git"):
        revision = string(table, "rev") or string(table, "tag") or string(table, "branch")
        return git_reference(git, revision, subdirectory)
    if url := string(table, "url"):
        return with_subdirectory(url, subdirectory)
    if path := string(table, "path"):
        return file_url(path, folder)
    raise ValueError(f"the source of {name} names no git, url, path or index")


def _named_index(name: str, uv: dict[str, Any], folder: Path) -> str:
    for table in listed(uv, "index", dict):
        if table.get("name") == name:
            return _index_url(table, folder)
    raise ValueError(f"there is no index named {name}")


def _index_url(table: dict[str, Any], folder: Path) -> str:
    if url := string(table, "url"):
        return place(url, folder)
    raise ValueError("an index has no url")


def string(table: dict[str, Any], key: str) -> str:
    value = table.get(key, "")
    if not isinstance(value, str):
        raise ValueError(f"{key} wants a string")
    return value


def listed(table: dict[str, Any], key: str, kind: type) -> list[Any]:
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, kind) for item in value):
        raise ValueError(f"{key} wants a list of {'strings' if kind is str else 'tables'}")
    return value


def tabled(table: dict[str, Any], key: str) -> dict[str, Any]:
    value = table.get(key, {})
    if not isinstance(value, dict):
        raise ValueError(f"{key} wants a table")
    return value
