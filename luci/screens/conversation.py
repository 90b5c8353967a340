"""What was asked and what came of it, from top to bottom."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget
from textual.widgets import Static

from luci.screens.card import Card
from luci.screens.columns import Columns
from luci.screens.doing import Doing
from luci.screens.past import AT_FIRST, AT_ONCE, Gap, Past, said_line
from luci.screens.plain import harmless

if TYPE_CHECKING:
    from luci.screens.dialogue import Dialogue
    from luci.screens.retold import Said

MOST = 120  # things that are here together: what is older is in the sessions and the runs
NEAR = 2  # heights of what is in sight
_ABOUT = (
    "Runs a Python script that has imports and nothing else: finds the packages, keeps an environment for them,"
    " and mends what turns out missing."
)
_FIRST = (
    ("run FILE.py", "run a script with all it imports"),
    ("plan FILE.py", "see what that would install, and why"),
    ("envs", "look at the environments"),
    ("/", "every command, completed as you type"),
)


class Welcome(Columns):
    """What a person can do, while nothing was done yet."""

    def __init__(self) -> None:
        super().__init__(_first("what you want, once a model is set up"), indent=15)

    def tell_of_model(self) -> None:
        self.rows = _first("what you want: it is written, run and mended")

    def _lines(self, width: int) -> list[Content]:
        about = Content.styled(_ABOUT, "$foreground 60%")
        return [*about.wrap(width), Content(""), *super()._lines(width)]


def _first(say: str) -> tuple[tuple[Content, Content], ...]:
    lines = (("say it", say), *_FIRST)
    return tuple((Content.styled(typed, "bold $text-accent"), Content(about)) for typed, about in lines)


class Conversation(VerticalScroll, can_focus=False):
    """Lines that were typed, cards of what was done, and replies. It follows its end unless the person scrolled up."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._past = Past()
        self._grows_above = False  # what is looked at stays where it is meanwhile
        self._bringing = self._wants_end = False

    def compose(self) -> ComposeResult:
        yield Welcome()

    def on_mount(self) -> None:
        self.anchor()

    def on_resize(self) -> None:
        self.refresh(layout=True)  # where its end is was reckoned with the size before

    def give_way(self, rows: int) -> None:
        """Leave so many rows of the screen, counted from below, to what lies over it: the end is to be seen above."""
        below = self.screen.size.height - self.region.bottom - self.styles.margin.bottom
        self.styles.margin = (0, 0, max(0, rows - below), 0)

    def said(self, text: str) -> None:
        """Show a line that the person typed."""
        self._add(said_line(text))

    def reply(self, text: str, hint: str = "", *, error: bool = False) -> None:
        lines = [Content.styled(harmless(text), "$text-error" if error else "")]
        if hint:
            lines.append(Content.styled(harmless(hint), "$foreground 60%"))
        self._add(Static(Content("\n").join(lines), classes="reply"))

    def retell(self, pieces: Iterator[list[Said]]) -> None:
        """Show a past conversation as it was, its end first: what is older comes when somebody scrolls to it."""
        self._past = Past(pieces)
        for widget in self._past.above(AT_FIRST):
            self._add(widget)
        self.call_after_refresh(self._look_near)

    # -- what is near

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if self._past.has_more_below and new_value - old_value > 3 * self.size.height:
            self.call_next(self._show_the_end)
        elif self._is_near_above() or self._is_near_below():
            self.call_next(self._look_near)

    def watch_virtual_size(self, before: Size, now: Size) -> None:
        if self._grows_above:
            self.scroll_y = self.scroll_target_y = max(0, self.scroll_y + now.height - before.height)

    def _is_near_above(self) -> bool:
        return self._past.has_more_above and self.scroll_y < NEAR * self.size.height

    def _is_near_below(self) -> bool:
        gap = next(iter(self.query(Gap)), None)
        if gap is None or not (place := gap.virtual_region):  # one that is not laid out has no size
            return False
        return place.y < self.scroll_y + (1 + NEAR) * self.size.height

    def _is_far(self, widget: Widget) -> bool:
        """Whether it is twice as far from sight as what is near: what goes does not come back at once."""
        place, far = widget.virtual_region, 2 * NEAR * self.size.height
        return place.bottom < self.scroll_y - far or place.y > self.scroll_y + self.size.height + far

    async def _look_near(self) -> None:
        """Bring what is just out of sight; what is far from it goes once that is laid out."""
        if self._bringing or not self.is_attached:
            return
        if self._is_near_above():
            await self._hold()
            before = self._past.first_shown
            await self.mount_all(self._past.above(AT_ONCE), before=before)
            self._when_laid_out(self._brought_above)
        elif self._is_near_below():
            self._bringing = True
            await self.mount_all(self._past.below(AT_ONCE), before=self.query_one(Gap))
            self._when_laid_out(self._brought_below)

    async def _brought_above(self) -> None:
        self._grows_above = False
        if gone := self._past.too_many_below(self._is_far):
            if not self.query(Gap):
                await self.mount(Gap(), after=gone[0])
            await self.remove_children(gone)
        self._when_laid_out(self._brought)

    async def _brought_below(self) -> None:
        if not self._past.has_more_below:
            await self.query(Gap).remove()
        if gone := self._past.too_many_above(self._is_far):
            await self._hold()
            await self.remove_children(gone)
        self._when_laid_out(self._brought)

    def _brought(self) -> None:
        self._grows_above = self._bringing = False
        self.call_next(self._show_the_end if self._wants_end else self._look_near)

    def _when_laid_out(self, then: Callable[[], object]) -> None:
        """Do something when what was put here has its size: text takes one layout for its blocks and one for itself."""
        self.call_after_refresh(self.call_after_refresh, self.call_after_refresh, then)

    async def _hold(self) -> None:
        """Keep what is looked at where it is until all is brought; at the end, the anchor does."""
        self._bringing = True
        if not self.is_vertical_scroll_end:
            await self.stop_animation("scroll_y", complete=False)
            self._grows_above = True

    async def _show_the_end(self) -> None:
        """Show the last of what was said, whatever was looked at before."""
        if self._bringing:
            self._wants_end = True
            return
        self._wants_end = False
        if not self._past.has_more_below:
            return
        self._bringing = True
        gone = self._past.to_the_end()
        await self.mount_all(self._past.above(AT_FIRST), before=self.query_one(Gap))
        await self.remove_children([*gone, *self.query(Gap)])
        self.anchor()
        self._when_laid_out(self._brought)

    def card(self, title: str) -> Card:
        card = Card(title)
        self._add(card)
        return card

    def dialogue(self, request: str) -> Dialogue:
        """Show a request to the assistant, and what comes of it."""
        from luci.screens.dialogue import Dialogue  # with Markdown, which the first paint does without

        self.said(request)
        dialogue = Dialogue(request)
        self._add(dialogue)
        return dialogue

    @property
    def doings(self) -> list[Doing]:
        """All that is or was done here, from top to bottom."""
        return [child for child in self.children if isinstance(child, Doing)]

    @property
    def cards(self) -> list[Card]:
        return list(self.query(Card))

    def clear(self) -> list[Card]:
        """Take away all but what still runs; return the cards that went."""
        over = [child for child in self.children if not (isinstance(child, Doing) and not child.is_over)]
        self._past = Past()
        self.remove_children(over)
        return [child for child in over if isinstance(child, Card)]

    def _add(self, widget: Widget) -> None:
        self.query(Welcome).remove()
        self.mount(widget)
        if self._past.has_more_below:
            self.call_next(self._show_the_end)
        over = [child for child in self.children if not (isinstance(child, Doing) and not child.is_over)]
        gone = over[: max(0, len(self.children) - MOST)]
        self._past.went(gone)
        self.remove_children(gone)
        self.anchor()
        self.screen.refresh_bindings()
