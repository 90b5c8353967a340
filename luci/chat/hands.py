"""What the tools work with: the project, who gives leave, and where all of it is written down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from luci.chat import audit
from luci.chat.ground import Ground
from luci.chat.leave import Effect, Leave, Verdict
from luci.chat.mending import Mending
from luci.chat.secrets import Secrets
from luci.chat.sessions import Sessions
from luci.chat.tools import Wrong
from luci.context import Context
from luci.errors import Interrupted
from luci.values import replace


def nobody_answers(question: str) -> str | None:
    """Answer a model's question for someone who is not there."""
    return None


@dataclass
class Hands:
    """One conversation's. `reply` answers a model's questions, None where nobody does."""

    context: Context
    ground: Ground
    leave: Leave
    secrets: Secrets
    sessions: Sessions
    session: str
    reply: Callable[[str], str | None] = nobody_answers
    mending: Mending = field(default_factory=Mending)
    declared: dict[Path, tuple[str, ...]] = field(default_factory=dict)  # by a model for its scripts, through the gate
    worked: list[Path] = field(default_factory=list)  # scripts of the model's that ran well

    @property
    def folder(self) -> Path:
        return self.ground.folder

    def may(self, effect: Effect) -> Verdict:
        """Return the verdict on an effect, written down before anything is done. Raises Wrong where it is a no."""
        shown = replace(effect, details=tuple(self.secrets.masked(line) for line in effect.details))
        verdict = self.leave.of(shown)
        told = {
            "session": self.session,
            "kind": effect.kind,
            "title": self.secrets.masked(effect.title),
            "details": list(shown.details),
            "yes": verdict.yes,
            "by": verdict.by,
            "reason": verdict.reason,
        }
        audit.add("leave", told)
        self.sessions.add(self.session, "leave", {name: told[name] for name in told if name != "session"})
        if verdict.stop:
            raise Interrupted("Stopped.")
        if not verdict.yes:
            reason = f": {verdict.reason}" if verdict.reason else ""
            raise Wrong(f"This was refused by {verdict.by}{reason}. Do not try the same again; nothing was done.")
        return verdict
