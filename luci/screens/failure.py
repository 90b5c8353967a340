"""What ended a script, and the line where, among its neighbours."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from luci.screens.plain import harmless
from luci.screens.story import Story


class Failure(Static):
    def __init__(self, story: Story) -> None:
        super().__init__()
        self._story = story

    def on_mount(self) -> None:
        self.watch(self.app, "theme", self._draw)

    def _draw(self) -> None:
        self.update(_failure(self._story, shaded=not self.app.current_theme.ansi))


def _failure(story: Story, *, shaded: bool) -> Content:
    """`shaded`: the line has a background; the terminal's own sixteen colours hold none that all others show on."""
    failed = story.failure
    if failed is None:
        return Content()
    from textual.highlight import highlight  # pygments: only where something failed

    name, colon, why = harmless(failed.error).partition(":")
    head = [Content.styled(name + colon, "bold $text-error"), Content(why)]
    if not failed.excerpt:
        return Content.assemble(*head)
    place = f"{failed.file.rpartition('/')[2]}:{failed.line}"
    code = highlight("\n".join(harmless(line) for line in failed.excerpt), language="python").split("\n")
    longest = max(line.cell_length for line in code)
    width = len(str(failed.first + len(failed.excerpt)))
    lines = [Content.assemble(*head), Content.styled(harmless(place), "$foreground 60%")]
    for number, line in enumerate(code, failed.first):
        if number == failed.line:
            gutter = Content.styled(f"❯ {number:>{width}} │ ", "bold $text-error")
            filled = Content.assemble(gutter, line.pad_right(longest - line.cell_length + 1)).stylize("on $error 20%")
            lines.append(filled if shaded else gutter + Content.styled(line.plain, "bold"))
        else:
            lines.append(Content.assemble((f"  {number:>{width}} │ ", "$foreground 40%"), line))
    return Content("\n").join(lines)
