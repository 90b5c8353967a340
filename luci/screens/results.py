"""What an action returned, as it is shown in its card."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from textual.content import Content

from luci.envs.files import amount
from luci.screens.figures import count, duration
from luci.screens.terminal import harmless

FAINT = "$foreground 60%"


def shown(action: str, result: Any) -> Content | None:
    """Return the result of an action for a person to read; None where there is nothing to say."""
    show = _SHOWN.get(action)
    return show(result) if show else None


def _plan(result: Any) -> Content:
    made, what = result
    rows = []
    for choice in made.choices:
        wanted = ", ".join(line.partition(" --hash")[0] for line in choice.requirements) or "-"
        state = {"ask": "asks first", "skip": "left out", "none": "not found"}.get(choice.status, choice.source)
        rows.append((choice.module, wanted, state, "; ".join([choice.reason, *choice.doubts])))
    lines = (
        [_table(("import", "package", "says", "why"), rows)]
        if rows
        else [Content("It needs the standard library only.")]
    )
    does = {"build": "a new environment", "rebuild": "its environment, built again", "reuse": "the environment it has"}
    python = f"Python {made.interpreter.version}, {count(len(made.spec.requirements), 'package')}, in {does[what]}"
    lines.append(Content.styled(python + (f", as of {made.spec.as_of}" if made.spec.as_of else ""), FAINT))
    lines += [Content.styled(harmless(f"cannot run: {c.reason}"), "$text-error") for c in made.hopeless]
    lines += [Content.styled(harmless(problem), "$text-warning") for problem in made.problems]
    return Content("\n").join(lines)


def _pruned(rows: list[dict[str, Any]]) -> Content:
    if not rows:
        return Content("Nothing that could go: every environment is needed.")
    listed = _table(("environment", "frees", "why"), [(r["name"], amount(r["freed"]), r["reason"]) for r in rows])
    return Content("\n").join([listed, Content.styled(f"{amount(sum(r['freed'] for r in rows))} in all", FAINT)])


def _runs(found: Sequence[Any]) -> Content:
    from luci.screens.tables import ago

    if not found:
        return Content("Nothing ran yet.")
    rows = [
        (
            ago(run.started),
            run.script.rpartition("/")[2],
            "" if run.exit_code is None else f"exit {run.exit_code}",
            "" if run.seconds is None else duration(run.seconds),
        )
        for run in found
    ]
    return _table(("when", "script", "end", "took"), rows)


def _doctor(findings: Sequence[Any]) -> Content:
    lines = []
    for finding in findings:
        mark = Content.styled("✓", "$text-success") if finding.well else Content.styled("✗", "$text-error")
        lines.append(Content.assemble(mark, f" {finding.subject:<14}", harmless(finding.text)))
        if not finding.well:
            lines.append(Content.styled(f"  {'':<14}→ {harmless(finding.hint)}", FAINT))
    return Content("\n").join(lines)


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Content:
    """Columns as wide as what is in them; the last may wrap."""
    cells = [[harmless(cell).replace("\n", " ") for cell in row] for row in rows]
    widths = [min(32, max(len(row[at]) for row in [heads, *cells])) for at in range(len(heads) - 1)]

    def line(row: Sequence[str], style: str = "") -> Content:
        padded = [
            Content(cell).truncate(width, ellipsis=True, pad=True) for cell, width in zip(row, widths, strict=False)
        ]
        return Content("  ").join([*padded, Content.styled(row[-1], style or FAINT)]).stylize_before(style)

    return Content("\n").join([line(heads, FAINT), *map(line, cells)])


_SHOWN: dict[str, Callable[[Any], Content]] = {
    "plan": _plan,
    "env prune": _pruned,
    "runs list": _runs,
    "doctor": _doctor,
}
