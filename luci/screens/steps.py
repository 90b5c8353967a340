"""The steps of one action, a line each: what, of what, how long."""

from __future__ import annotations

from time import monotonic

from textual.content import Content
from textual.geometry import Size
from textual.reactive import reactive
from textual.widget import Widget

from luci.screens.figures import duration
from luci.screens.plain import harmless
from luci.screens.progress import BAR, bar
from luci.screens.story import Step, Story

NAME, TOOK = 12, 8  # cells for what a step is called, and for how long it took


class Steps(Widget):
    """The steps of a story as far as it went; `frame` stands before the one that lasts."""

    story: reactive[Story | None] = reactive(None, layout=True)
    frame = reactive("●")

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return sum(len(self._lines(step, width)) for step in self.story.steps) if self.story else 0

    def render(self) -> Content:
        steps = self.story.steps if self.story else ()
        return Content("\n").join(line for step in steps for line in self._lines(step, self.content_size.width))

    def _lines(self, step: Step, width: int) -> list[Content]:
        """One line; what was mended and why is told in full, on as many as that takes."""
        over = step.ended is not None
        mark = Content.styled("✗", "$text-error") if step.failed else Content.styled("✓", "$text-success")
        if not over:
            mark = Content.styled(self.frame, "$text-accent")
        name = Content.styled(f"{step.shown:<{NAME}}", "" if over else "bold")
        took = duration((step.ended if step.ended is not None else monotonic()) - step.began)
        time_ = Content.styled(took.rjust(TOOK), "$foreground 60%")
        room = max(1, width - NAME - TOOK - 3)
        detail = Content(harmless(step.detail).replace("\n", " "))
        if step.total and not over:
            detail = _progress(step, room)
        first, *rest = detail.wrap(room) if step.name == "mending" else [detail]
        shown = first.truncate(room, ellipsis=True, pad=True)
        return [
            Content.assemble(mark, " ", name, shown, " ", time_),
            *(Content.assemble(" " * (NAME + 2), line) for line in rest),
        ]


def _progress(step: Step, room: int) -> Content:
    """How much of a step is done, where that is known."""
    count = (f" {step.done}/{step.total}", "$foreground 60%")
    return Content.assemble(bar(step.done, step.total, min(BAR, room // 2)), count, "  ", harmless(step.detail))
