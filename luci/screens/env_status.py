"""The lines below the environments: how far work is, and what came of it."""

from __future__ import annotations

from typing import Any

from textual.content import Content
from textual.widgets import Static

from luci.events import Reached, Working
from luci.screens.figures import count
from luci.screens.plain import harmless
from luci.screens.progress import bar


class EnvStatus(Static):
    """Nothing, a sentence, or a bar."""

    @property
    def is_told(self) -> bool:
        return self.has_class("-told")

    def say(self, text: str, *, failed: bool = False) -> None:
        self._show(Content(harmless(text)), failed=failed)

    def progress(self, now: Working, reached: Reached | None) -> None:
        """Draw how far it is: of several environments which one, and of one how many of its packages."""
        many = reached if reached and reached.total > 1 else None
        done, total = (now.done, now.total) if now.total else (many.done, many.total) if many else (0, 0)
        which = f"{many.done + 1} of {many.total}  {many.subject}  " if many else ""
        told = f"{now.step} {now.detail}".strip()
        line = Content.assemble(
            (bar(done, total) + Content("  ")) if total else "",
            harmless(which),
            (f"{now.done}/{now.total}  " if now.total else "", "$foreground 60%"),
            harmless(told if told != which.strip() else ""),
            ("   esc stops it", "$foreground 60%"),
        )
        self._show(line)

    def _show(self, line: Content, *, failed: bool = False) -> None:
        self.set_class(bool(line), "-told")
        self.set_class(failed, "-failed")
        self.update(line)


def verified(found: dict[str, list[str]]) -> str:
    """Return what the result of `env verify` amounts to."""
    faults = [f"{name}: {fault}" for name, faults in found.items() for fault in faults]
    whole = sum(not faults for faults in found.values())
    if not faults:
        return f"{environments(whole)} {'is' if whole == 1 else 'are'} whole: no file is missing or changed."
    return "\n".join([f"{environments(len(found) - whole)} with faults, {whole} whole.", *faults])


def updated(told: list[dict[str, Any]]) -> str:
    """Return what the result of `env update` amounts to."""
    lines = [_changes(env) for env in told if env["changes"]]
    same = sum(not env["changes"] for env in told)
    return "\n".join([*lines, *([f"{environments(same)} up to date."] if same else [])])


def _changes(env: dict[str, Any]) -> str:
    listed = (f"{c['name']} {c['before'] or 'new'} -> {c['after'] or 'gone'}" for c in env["changes"])
    return f"{env['label']}: {', '.join(listed)}"


def environments(number: int) -> str:
    return count(number, "environment")
