"""What the tools work with: the project, who gives leave, and where all of it is written down."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from luci.chat import audit
from luci.chat.ground import Ground
from luci.chat.leave import NOBODY, Effect, Leave, Verdict
from luci.chat.mending import Mending
from luci.chat.secrets import Secrets
from luci.chat.sessions import Kind, Sessions
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
    agreed: set[tuple[str, ...]] = field(default_factory=set)  # places of packages that a person said yes to
    worked: list[Path] = field(default_factory=list)  # scripts of the model's that ran well

    @property
    def folder(self) -> Path:
        return self.ground.folder

    def may(self, effect: Effect, said: str = "") -> Verdict:
        """Return the verdict on an effect, written down before anything is done. Raises Wrong where it is a no.

        What the model `said` itself is shown as it is: it was told of no secret, and a file of the project's could call
        a piece of code one.
        """
        secrets = self.secrets.unlike(said)
        shown = replace(effect, details=tuple(secrets.masked(line) for line in effect.details))
        verdict = self.leave.of(shown)
        told = {
            "kind": effect.kind,
            "title": effect.title,
            "details": list(shown.details),
            "yes": verdict.yes,
            "by": verdict.by,
            "reason": verdict.reason,
        }
        self.audit("leave", told)
        self.note("leave", told)
        if verdict.stop:
            raise Interrupted("Stopped.")
        if not verdict.yes:
            self.mending.refused.append(effect.title)
            reason = f": {verdict.reason}" if verdict.reason else ""
            by = "" if verdict.by == NOBODY else f" by {verdict.by}"
            raise Wrong(f"This was refused{by}{reason}. Do not try the same again; nothing was done.")
        return verdict

    def note(self, kind: Kind, told: Mapping[str, Any]) -> int:
        """Write down what happens in the session, secrets masked wherever they stand; return its number."""
        return self.sessions.add(self.session, kind, self.secrets.masked_within(told))

    def audit(self, what: str, told: Mapping[str, Any]) -> None:
        """Write down what is about to be done, secrets masked. Raises OSError: then it must not be done."""
        audit.add(what, {"session": self.session, **self.secrets.masked_within(told)})
