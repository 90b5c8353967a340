"""What an action returned, as it is shown in its card."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from luci.screens.figures import count, duration
from luci.screens.plain import harmless
from luci.units import amount

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table


def shown(action: str, result: Any) -> RenderableType | None:
    """Return the result of an action for a person to read; None where there is nothing to say."""
    show = _SHOWN.get(action)
    return show(result) if show else None


def _plan(result: Any) -> RenderableType:
    from rich.console import Group
    from rich.text import Text

    made, what = result
    rows = []
    for choice in made.choices:
        wanted = ", ".join(line.partition(" --hash")[0] for line in choice.requirements) or "-"
        says = {"ask": "asks first", "skip": "left out", "none": "not found"}.get(choice.status, choice.source)
        rows.append((choice.module, wanted, says, "; ".join([choice.reason, *choice.doubts])))
    table = _table(("import", "package", "says", "why"), rows) if rows else Text("Only the standard library.")
    does = {"build": "a new environment", "rebuild": "its environment, built again", "reuse": "the environment it has"}
    end = f"Python {made.interpreter.version}, {count(len(made.spec.requirements), 'package')}, in {does[what]}"
    troubles = [*(f"cannot run: {c.reason}" for c in made.hopeless), *made.problems]
    dated = f", as of {made.spec.as_of}" if made.spec.as_of else ""
    return Group(table, *(Text(harmless(line), "bold") for line in troubles), Text(f"\n{end}{dated}", "dim"))


def _pruned(rows: list[dict[str, Any]]) -> RenderableType:
    from rich.console import Group
    from rich.text import Text

    if not rows:
        return Text("Nothing that could go: every environment is needed.")
    listed = _table(("environment", "frees", "why"), [(r["name"], amount(r["freed"]), r["reason"]) for r in rows])
    return Group(listed, Text(f"\n{amount(sum(r['freed'] for r in rows))} in all", "dim"))


def _made(told: dict[str, Any]) -> RenderableType:
    from rich.text import Text

    name = ", ".join(told["names"]) or told["label"]
    held = f"Python {told['python_version']}, {count(len(told['installed']), 'package')}"
    return Text(harmless(f"{name}: {held}, {told['made']}\n{told['path']}"))


def _locked(told: Any) -> RenderableType:
    from rich.text import Text

    lines = [str(change) for change in told.changes] if told.written else ["nothing changed"]
    return Text(harmless("\n".join([*lines, f"{told.path}: {count(len(told.packages), 'package')}"])))


def _runs(found: Sequence[Any]) -> RenderableType:
    from rich.text import Text

    from luci.screens.tables import ago

    if not found:
        return Text("Nothing ran yet.")
    rows = [
        (
            run.script.rpartition("/")[2],
            "" if run.exit_code is None else f"exit {run.exit_code}",
            "" if run.seconds is None else duration(run.seconds),
            ago(run.started),
        )
        for run in found
    ]
    return _table(("script", "end", "took", "when"), rows)


def _doctor(findings: Sequence[Any]) -> RenderableType:
    rows = [
        ("✓" if f.well else "✗", f.subject, f.text if f.well or not f.hint else f"{f.text}\n→ {f.hint}")
        for f in findings
    ]
    return _table(("", "", ""), rows, heads=False)


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, heads: bool = True) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim", show_header=heads, expand=True)
    for number, name in enumerate(columns, 1):
        last = number == len(columns)
        table.add_column(
            name, style="dim" if last and heads else "", ratio=1 if last else None, no_wrap=not last, overflow="fold"
        )
    for row in rows:
        table.add_row(*(Text(harmless(cell)) for cell in row))
    return table


def _why(reason: Any) -> RenderableType:
    from rich.text import Text

    return Text(harmless("\n".join(reason.lines)))


def _sessions(found: Sequence[Any]) -> RenderableType:
    from rich.text import Text

    from luci.chat.export import rows

    return _table(("session", "begun", "entries", "about", "folder"), rows(found)) if found else Text("None yet.")


def _recalled(hits: Sequence[Any]) -> RenderableType:
    from rich.text import Text

    lines = [(session.id, str(entry.number), piece.replace("\n", " ")) for session, entry, piece in hits]
    return _table(("session", "entry", "said"), lines) if hits else Text("Nothing was said of that.")


def _undone(told: str) -> RenderableType:
    from rich.text import Text

    return Text(harmless(told))


_SHOWN: dict[str, Callable[[Any], RenderableType]] = {
    "plan": _plan,
    "env prune": _pruned,
    "env create": _made,
    "env import": _made,
    "env lock": _locked,
    "runs list": _runs,
    "doctor": _doctor,
    "why": _why,
    "sessions list": _sessions,
    "sessions search": _recalled,
    "undo": _undone,
}
