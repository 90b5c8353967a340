"""Results as tables and trees."""

from __future__ import annotations

import sys
import time

from luci.screens import plain
from luci.screens.plain import harmless
from luci.units import amount as size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    from luci.actions.care import Finding
    from luci.actions.locks import Locked
    from luci.envs.trees import Node
    from luci.runs import Run


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    print(plain.table(columns, rows, plain.terminal_width()))


def plan(told: dict[str, Any]) -> None:
    """Show a plan as `luci.runner.plan.Plan.as_dict` tells it, with its "environment"."""
    rows = []
    for choice in told["choices"]:
        name = choice["file"].rpartition("/")[2]
        place = f"{name}:{choice['line']}" if choice["line"] else name
        wanted = ", ".join(line.partition(" --hash")[0] for line in choice["requirements"])
        if choice["status"] == "ask":
            wanted = f"{wanted} (needs a yes)"
        elif choice["status"] == "skip":
            wanted = wanted and f"({wanted})"
        certainty = choice["certainty"] if choice["file"] else ""
        reason = "; ".join([choice["reason"], *choice["doubts"]])
        rows.append((choice["module"], place, certainty, wanted or "-", choice["source"], reason))
    if rows:
        _table(("import", "line", "certainty", "distribution", "says", "why"), rows)
        print()
    else:
        print("The script imports nothing that is not in the standard library or beside it.")
    print(harmless(f"Python      {told['python']}  ({told['interpreter'] or 'not here yet'})"))
    if told.get("kind"):
        print(harmless(f"kind        {told['kind']}  ({told['kind_reason']})"))
    if told["channels"]:
        print(harmless(f"conda       {', '.join(told['conda']) or 'Python alone'}, from {', '.join(told['channels'])}"))
    elif told["base"]:
        print(harmless(f"base        {told['base']}"))
    for name, value in told.get("variables", {}).items():
        print(harmless(f"sets        {name}={value}"))
    print(f"environment {told['key']}  ({told['environment']})")
    if told["as_of"]:
        print(harmless(f"packages    as of {told['as_of']}"))
    wall = told.get("wall", {"name": "off"})
    if wall["name"] != "off":
        print(harmless(f"wall        {wall['name']}" + (f"  ({', '.join(wall['gives'])})" if wall["gives"] else "")))
        for why in wall.get("why", ()):
            print(harmless(f"            {why}"))
        for lack in wall["lacks"]:
            print(harmless(f"            not held: {lack}"))
    for choice in told["hopeless"]:
        print(harmless(f"cannot run: {choice['reason']}"))
    for problem in told["problems"]:
        print(harmless(f"problem: {problem}"))


def envs(rows: list[dict[str, Any]]) -> None:
    if not rows:
        print("No environments yet. `luci run SCRIPT` makes the first.")
        return
    cells = [
        (
            row["key"][:8],
            ", ".join(row["names"]) or row["name"].removeprefix("luci_").rpartition("_")[0],
            row["python_version"],
            str(row["packages"]),
            _wanted(row) or "-",
            ago(row["last_used"]),
            row["state"],
        )
        for row in rows
    ]
    heads = ("key", "name", "python", "packages", "requirements", "last used", "state")
    kinds = [row.get("kind", "venv") for row in rows]
    if {*kinds} == {"venv"}:
        _table(heads, cells)
    else:
        _table((*heads, "kind"), [(*cell, kind) for cell, kind in zip(cells, kinds, strict=True)])


def _wanted(row: dict[str, Any]) -> str:
    return ", ".join(line.partition(" --hash")[0] for line in row["requirements"])


def env(row: dict[str, Any]) -> None:
    facts = [
        ("name", row["name"]),
        ("called", ", ".join(row["names"])),
        ("state", row["state"] + (f" ({row['fault']})" if row["fault"] else "")),
        ("python", f"{row['python_version']}  {row['python']}"),
        ("kind", row["kind"]),
        ("image", row["image"]),
        ("path", row["path"]),
        ("activate", row["activate"]),
        ("project", row["scope"] or "shared"),
        ("requirements", _wanted(row) or "none"),
        ("installed", ", ".join(f"{name} {version}" for name, version in row["installed"].items()) or "nothing"),
        ("scripts", ", ".join(row["scripts"]) or "none"),
        ("created", ago(row["created"])),
        ("last used", ago(row["last_used"])),
        ("in use by", ", ".join(map(str, row["in_use_by"])) or "nobody"),
        ("removing frees", size(row["freed_by_removing"])),
    ]
    for name, value in facts:
        if value or name not in ("image", "activate"):  # few have one, or none
            print(f"{name:<15} {harmless(value)}")


def tree(roots: list[Node]) -> None:
    from rich.console import Console  # 40 ms, and only a tree needs it
    from rich.tree import Tree

    def grow(branch: Tree, node: Node) -> None:
        below = branch.add(harmless(f"{node.name} {node.version}"))
        for child in node.children:
            grow(below, child)

    if not roots:
        print("Nothing is installed.")
    console = Console(file=sys.stdout, width=plain.terminal_width() or 160, highlight=False)
    for root in roots:
        top = Tree(harmless(f"{root.name} {root.version}"))
        for child in root.children:
            grow(top, child)
        console.print(top)


def why(answer: dict[str, Any]) -> None:
    for chain in answer["chains"]:
        print(harmless(" <- ".join(reversed(chain))))
    for choice in answer["choices"]:
        place = f" (imported at {choice['file']}:{choice['line']})" if choice["line"] else ""
        print(harmless(f"{', '.join(choice['requirements'])}: {choice['source']}: {choice['reason']}{place}"))


def inspected(about: dict[str, Any]) -> None:
    env(about)
    print(f"{'record':<15} {harmless(about['record_path'])}")
    print(f"{'generations':<15} {', '.join(f'g{number}' for number in about['generations'])}")
    for run in about["runs"]:
        code = "unknown" if run["exit_code"] is None else run["exit_code"]
        print(harmless(f"{'run':<15} {run['id']}  {run['script']}  {ago(run['started'])}, exit code {code}"))


def made(told: dict[str, Any]) -> None:
    """Show what `env create` or `env import` made, or would make."""
    done = {"build": "would build", "reuse": "would reuse", "built": "built", "reused": "reused"}[told["made"]]
    name = ", ".join(told["names"]) or told["label"]
    where = f"  {told['path']}" if told["path"] else ""
    print(harmless(f"{done} {name}  ({told['key']}, Python {told['python_version']}){where}"))


def locked(told: Locked, check: bool) -> None:
    if check:
        print(harmless(f"{told.path}: {'stale' if told.stale else 'holds all that is needed, and nothing else'}"))
        for reason in told.stale:
            print(harmless(f"  {reason}"))
        return
    for change in told.changes if told.written else ():
        print(harmless(f"  {change}"))
    count = len(told.packages)
    print(harmless(f"{told.path}: {count} package{'s' * (count != 1)}{'' if told.written else ', as before'}"))


def updated(rows: list[dict[str, Any]], dry_run: bool) -> None:
    for row in rows:
        if not row["changes"]:
            print(f"{row['name']}: nothing is newer" if dry_run else f"{row['name']}: up to date")
            continue
        print(f"{row['name']}: {'would change' if dry_run else 'changed'}")
        for change in row["changes"]:
            before, after = harmless(change["before"] or "not there"), harmless(change["after"] or "goes")
            print(f"  {harmless(change['name'])}  {before} -> {after}")


def pruned(rows: list[dict[str, Any]], dry_run: bool) -> None:
    if not rows:
        print("Nothing to remove.")
        return
    _table(("name", "why", "frees"), [(row["name"], row["reason"], size(row["freed"])) for row in rows])
    total = size(sum(row["freed"] for row in rows))
    print(f"{'Would free' if dry_run else 'Freed'} {total}.")


def stats(about: dict[str, Any]) -> None:
    kinds = ", ".join(f"{count} {kind}" for kind, count in about["by_kind"].items()) or "none"
    states = ", ".join(f"{count} {state}" for state, count in about["by_state"].items()) or "none"
    print(f"environments    {about['environments']}  (kinds: {kinds}; states: {states})")
    print(f"their files     {size(about['bytes'])}, many of them links into the wheel cache")
    print(f"removing all    frees {size(about['freed_by_removing_all'])}")
    cache = f"{size(about['wheel_cache_bytes'])} that no environment holds too  ({about['wheel_cache']})"
    print(harmless(f"wheel cache     {cache}"))
    print(f"budget          {size(about['budget_bytes'])}")


def runs(rows: list[Run]) -> None:
    if not rows:
        print("Nothing ran yet.")
        return
    cells = [
        (
            run.id,
            ago(run.started),
            run.script.rpartition("/")[2],
            run.env_key[:8],
            "unknown" if run.exit_code is None else str(run.exit_code),
            "" if run.seconds is None else f"{run.seconds:.1f} s",
        )
        for run in rows
    ]
    _table(("run", "when", "script", "environment", "exit", "took"), cells)


def run(record: Run) -> None:
    for name, value in record.as_dict().items():
        if name == "peak_bytes":
            name, value = "peak memory", None if value is None else size(value)
        shown = "unknown" if value is None else ", ".join(value) if isinstance(value, tuple) else str(value)
        shown = ago(value) if name == "started" else shown
        print(f"{name:<13} {harmless(shown)}")


def findings(found: Iterable[Finding]) -> None:
    for finding in found:
        print(harmless(f"{'ok   ' if finding.well else 'FAULT'} {finding.subject:<13} {finding.text}"))
        if not finding.well:
            print(harmless(f"      hint: {finding.hint}"))


def settings(about: dict[str, Any], key: str = "") -> None:
    """Settings as the config file has them; only what `key` means, as in "run.retry", where one is given."""
    import tomlkit

    told = {name: values for name, values in about.items() if isinstance(values, dict)}
    shown = _only(told, key.split(".", 1)) if key else told
    print(harmless(f"# {about['file']}\n\n{tomlkit.dumps(_listed(shown)).strip()}"))


def _only(told: dict[str, Any], path: list[str]) -> dict[str, Any]:
    """Return what stands at a path, in the tables that lead there."""
    name, rest = path[0], path[1:]
    below = told.get(name)
    if name not in told or not (rest and isinstance(below, dict)):
        return {name: below} if name in told else {}
    return {name: _only(below, rest if rest[0] in below else rest[0].split(".", 1))}


def _listed(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _listed(each) for name, each in value.items()}
    return list(value) if isinstance(value, tuple) else value


def ago(when: float) -> str:
    """Return how long ago a time (seconds since the epoch) was."""
    seconds = max(0, time.time() - when)
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= length:
            number = int(seconds // length)
            return f"{number} {unit}{'s' * (number != 1)} ago"
    return "just now"


def recalled(found: Iterable[Any]) -> None:
    """Past conversations, or the places in them where words were said."""
    from luci.chat.export import rows

    hits = list(found)
    if not hits:
        print("Nothing.")
    elif isinstance(hits[0], tuple):
        print("\n".join(harmless(f"{s.id} #{entry.number}  {piece}".replace("\n", " ")) for s, entry, piece in hits))
    else:
        _table(("session", "begun", "entries", "about", "folder"), rows(hits))
