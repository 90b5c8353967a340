"""Choices that were made before for the same imports, while what the package index said then still holds.

An answer of the index is believed as long as its page is (`[index] fresh_seconds`), and no longer than until time alone
would change the choice: a release that comes of age. What rests on an answer that failed is never kept.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from luci import kept, paths
from luci.envs.interpreters import Interpreter
from luci.runner.choices import Choice, Knowledge
from luci.runner.imports import Import
from luci.runner.table import table
from luci.values import replace

_PLANS = 500  # kept, at most
_FIELDS = ("module", "requirements", "source", "reason", "status", "doubts", "kind", "wheel", "as_of", "dated")


def recalled(imports: Sequence[Import], known: Knowledge, python: Interpreter) -> list[Choice] | None:
    """Return the choices for these imports as they were made before; None where they must be made anew."""
    if known.index is None or known.table is not table():
        return None
    answer = kept.load(_place(imports, known, python))
    if answer is None or not answer["since"] <= time.time() < answer["until"]:
        return None
    if any(kept.stamp(path) != stamp for path, stamp in answer["pages"].items()):
        return None
    for path, stamp in answer["pages"].items():
        known.index.hear(path, stamp, answer["until"])
    return [_restored(fields, imports) for fields in answer["choices"]]


def remember(imports: Sequence[Import], known: Knowledge, python: Interpreter, made: Sequence[Choice]) -> None:
    """Keep the choices for the next time, if nothing they rest on failed."""
    if known.index is None or known.table is not table() or known.troubles or known.index.troubles:
        return
    now = time.time()
    guessed = any(choice.source == "index" for choice in made)
    until = known.index.believed_until(now, known.gate if guessed else None)
    if until <= now:
        return
    place = _place(imports, known, python)
    numbers = {id(seen): number for number, seen in enumerate(imports)}
    choices = [{**{n: getattr(c, n) for n in _FIELDS}, "imports": [numbers[id(i)] for i in c.imports]} for c in made]
    pages = {path: stamp for path, (stamp, _) in known.index.heard.items()}
    kept.save(place, {"since": now, "until": until, "pages": pages, "choices": choices})
    kept.drop_oldest(str(paths.cache() / "choices"), _PLANS)


def _place(imports: Sequence[Import], known: Knowledge, python: Interpreter) -> str:
    """Where the choices lie that follow from all this: a file named by a digest of it. Lines do not count."""
    asked = (
        [replace(seen, line=0) for seen in imports],
        known.declared,
        sorted(known.config.items()),
        sorted(known.learned.items()),
        sorted(known.approved),
        known.gate,
        known.index and known.index.asks,
        python,
    )
    return str(paths.cache() / "choices" / kept.digest(repr(asked).encode("utf-8", "surrogatepass")))


def _restored(fields: dict[str, Any], imports: Sequence[Import]) -> Choice:
    return Choice(**{**fields, "imports": tuple(imports[number] for number in fields["imports"])})
