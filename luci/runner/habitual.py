"""The imports that nobody wrote: libraries make them where they are used as a source uses them."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from luci.runner.habits import NAMES, TELLING, Habit, gone, of_texts
from luci.runner.seen import Pending, Where


def habitual(
    tree: ast.Module,
    text: str,
    written: list[Pending],
    calls: Iterable[tuple[Habit, ast.Call, Where]],
    taken: Iterable[tuple[str, ...]],
    aliases: dict[str, str],
) -> list[Pending]:
    """Return them beside what is `written`. `calls` are those that show a habit, `taken` are names with the attributes
    taken from them, ("np", "float"), and `aliases` what such names stand for."""
    libraries = {one.module.partition(".")[0] for one in written if not one.level}
    found: dict[tuple[str, str, Where], Pending] = {}

    def add(place: tuple[int, int], module: str, where: Where, why: str, until: str = "") -> None:
        found.setdefault((module, why, where), Pending(place, module, 0, (), "", (), not until, where, why, until))

    for habit, call, where in calls:
        if habit.library in libraries and (habit.needs or habit.until):
            what = ast.unparse(call.func).rpartition(".")[2] + (f"({habit.keyword}=…)" if habit.keyword else "")
            why = f"{habit.library} needs it for {what}" if habit.needs else what
            add((call.lineno, call.col_offset), habit.needs or habit.library, where, why, habit.until)
    for one, module, name in _names_of(written, taken, aliases):
        if needs := NAMES.get(module, {}).get(name, ""):
            add(one.place, needs, one.where, f"{module.partition('.')[0]} needs it for {name}")
        if until := gone(module, name):
            add(one.place, module, one.where, name, until)
    unsure = Where(guarded=True)  # a text may be there for another reason
    for needs, library, line in of_texts(tree, text, libraries):
        add((line, 0), needs, unsure, f"{library} needs it for an address in the source")
    return list(found.values())


def _names_of(
    written: list[Pending], taken: Iterable[tuple[str, ...]], aliases: dict[str, str]
) -> Iterator[tuple[Pending, str, str]]:
    """Yield each name that is taken from a module, with the module and the import that makes it known."""
    telling = [one for one in written if one.module.partition(".")[0] in TELLING and not (one.level or one.dynamic)]
    for one in telling:
        above, _, last = one.module.rpartition(".")
        yield from ((one, one.module, name) for name in one.names)
        yield from [(one, above, last)] if above else []
        for root, *names in taken:
            path = aliases.get(root, "")
            if root == one.bound or (path.rpartition(".")[0] == one.module and path.rpartition(".")[2] in one.names):
                whole = [path, *names]
                yield from ((one, ".".join(whole[:n]), whole[n]) for n in range(1, len(whole)))
