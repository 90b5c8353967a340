"""What holds for a run beside its packages: the kind of its environment, the wall around it, its limits."""

from __future__ import annotations

from textual.content import Content

from luci.screens.figures import duration
from luci.screens.plain import harmless
from luci.screens.story import Story


def terms(story: Story, timeout: float | None) -> tuple[tuple[Content, Content], ...]:
    """Return a row for each thing that is not as it is for every run; none where all is."""
    plan = story.plan or {}
    said: list[tuple[str, str, str]] = []
    if plan.get("kind", "venv") != "venv":
        said.append(("kind", f"{plan['kind']}: {plan['kind_reason']}", ""))
    if story.wall:
        said.append(("wall", ": ".join(filter(None, [story.wall, ", ".join(story.gives)])), ""))
    said += [("not held", lack, "$text-warning") for lack in story.lacks]
    if timeout:
        said.append(("at most", duration(timeout), ""))
    return tuple(
        (Content.styled(f"  {name}", "$foreground 60%"), Content.styled(harmless(text), style))
        for name, text, style in said
    )
