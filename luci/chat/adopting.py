"""A script that a model wrote and that works: what it needs is written into it, from names that passed the gate."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

from luci.actions.adopt import AdoptRequest
from luci.actions.door import perform
from luci.chat.hands import Hands
from luci.chat.leave import Effect
from luci.chat.messages import Changed
from luci.chat.tools import Wrong
from luci.context import Question
from luci.errors import LuciError
from luci.events import Event, Told
from luci.values import replace


def adopt(path: Path, hands: Hands) -> Generator[Event, None, None]:
    """Add the metadata block, if there is anything to say in it and it is allowed."""
    shown = hands.ground.shown(path)
    before = path.read_text(encoding="utf-8")
    asked: list[str] = []

    def ask(question: Question) -> bool:
        try:
            verdict = hands.may(Effect("write", question.text, question.details, shown))
        except Wrong:
            return False
        asked.extend([verdict.by] if verdict.by == "you" else [])
        return True

    request = AdoptRequest(shown, hands.declared.get(path, ()), dry_run=True)
    try:
        found = yield from perform("adopt", request, hands.context)
        if found.diff and found.requirements:
            done = yield from perform("adopt", replace(request, dry_run=False), replace(hands.context, ask=ask))
            if done.written:
                hands.sessions.changed(hands.session, path, before, path.read_text(encoding="utf-8"))
                hands.note("change", {"path": str(path), "diff": done.diff})
                yield Changed(shown, hands.secrets.masked(done.diff), bool(asked))
    except LuciError as error:
        yield Told(f"What {shown} needs was not written into it: {error.message}")
