"""What holds for a run beside its packages: the kind of its environment, the wall around it, its limits."""

from __future__ import annotations

from textual.content import Content

from luci.screens.figures import duration
from luci.screens.plain import harmless
from luci.screens.steps import NAME
from luci.screens.story import Story


def terms(story: Story, timeout: float | None) -> Content:
    """Return a line for each thing that is not as it is for every run; nothing where all is."""
    plan = story.plan or {}
    said: list[tuple[str, str, str]] = []
    if plan.get("kind", "venv") != "venv":
        said.append(("kind", f"{plan['kind']}: {plan['kind_reason']}", ""))
    if story.wall:
        said.append(
            (
                "wall",
                ", ".join([f"{story.wall}: {story.gives[0]}", *story.gives[1:]] if story.gives else [story.wall]),
                "",
            )
        )
    said += [("not held", lack, "$text-warning") for lack in story.lacks]
    if timeout:
        said.append(("at most", duration(timeout), ""))
    return Content("\n").join(
        Content.assemble((f"  {name:<{NAME}}", "$foreground 60%"), (harmless(text), style))
        for name, text, style in said
    )
