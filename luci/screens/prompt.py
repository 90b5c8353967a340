"""Where a person types: lines of commands, completed as they are typed, remembered, searched."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import OptionList, Static, TextArea
from textual.widgets.option_list import Option

from luci import typed
from luci.actions.completion import NOTHING, Candidate, Named, complete, takes_more
from luci.screens.plain import harmless
from luci.screens.remembered import remember

_SEARCH_ROWS = 50


class Line(TextArea):
    """The text itself."""

    async def _on_key(self, event: events.Key) -> None:
        """Act on the prompt's own keys here, in their turn: a binding would be quicker than the letters before it."""
        prompt = self.parent
        if isinstance(prompt, Prompt) and (action := prompt.action_for(event.key)):
            event.stop()
            event.prevent_default()
            prompt.look()
            action()

    def update_suggestion(self) -> None:
        prompt = self.parent
        self.suggestion = prompt.ghost() if isinstance(prompt, Prompt) else ""

    @property
    def before_cursor(self) -> str:
        return self.get_text_range((0, 0), self.cursor_location)

    def replace_all(self, text: str) -> None:
        """Set the text, so that it can be undone."""
        self.replace(text, (0, 0), self.document.end, maintain_selection_offset=False)
        self.move_cursor(self.document.end)


class Offers(OptionList, can_focus=False):
    """What could come next; the prompt moves in it."""

    def on_option_list_option_selected(self, message: OptionList.OptionSelected) -> None:
        message.stop()
        self.screen.query_one(Prompt).take_clicked()


class Prompt(Horizontal):
    """The line, its mark, and above it the list of what could come next, on which the meaning of most keys depends."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "enter", "Run"),
        Binding("tab", "complete", "Complete"),
        Binding("ctrl+r", "search", "Search"),
        Binding("shift+tab", "back", "Cards"),
        Binding("shift+enter,alt+enter,ctrl+j", "newline", "New line", show=False),
        Binding("up", "earlier", "Earlier", show=False),
        Binding("down", "later", "Later", show=False),
        Binding("pageup", "look_back", "Scroll back", show=False),
        Binding("pagedown", "look_on", "Scroll on", show=False),
        Binding("escape", "escape", "Close", show=False),
        Binding("ctrl+c", "clear", "Clear", show=False),
        # ctrl+z is for the shell, as everywhere; many terminals send ctrl+/ as ctrl+_
        Binding("ctrl+underscore,alt+z", "undo", "Undo", show=False),
        Binding("ctrl+y,alt+shift+z", "redo", "Redo", show=False),
    ]

    mode: reactive[str] = reactive("")  # what the list shows: "", "complete" or "search"

    class Submitted(Message):
        """The person pressed enter."""

        def __init__(self, text: str) -> None:
            self.text = text
            super().__init__()

    class Interrupted(Message):
        """The person pressed ctrl+c, and there was nothing to clear."""

    def __init__(self, named: Mapping[str, Named] = NOTHING, *, id: str = "prompt") -> None:
        """`named` is for `completion.complete`."""
        super().__init__(id=id)
        self._named = named
        self._lines: list[str] | None = None  # typed before, the oldest first; read when first needed
        self._at = 0  # how many lines back
        self._draft = ""
        self._seen = ""  # the text before the cursor that the list was made for
        self._candidates: list[Candidate] = []
        self._found: list[str] = []
        self.offers: Offers | None = None
        self._moved = False  # the person moved in the list: enter takes from it

    def compose(self) -> ComposeResult:
        yield Static("❯", classes="mark")
        yield Line(
            id="line",
            show_line_numbers=False,
            soft_wrap=True,
            tab_behavior="focus",
            compact=True,
            highlight_cursor_line=False,
            placeholder="Say what you want, a script's path, or /",
        )

    def action_for(self, key: str) -> Callable[[], None] | None:
        bound = self._bindings.key_to_bindings.get(key)
        return getattr(self, f"action_{bound[0].action}") if bound else None

    @property
    def line(self) -> Line:
        return self.query_one(Line)

    @property
    def text(self) -> str:
        return self.line.text

    @text.setter
    def text(self, text: str) -> None:
        self.line.replace_all(text)

    @property
    def lines(self) -> list[str]:
        if self._lines is None:
            self._lines = typed.load()
        return self._lines

    def ghost(self) -> str:
        """Return the rest of the latest line that begins as this one does."""
        line = self.line
        text = line.text
        if not text or "\n" in text or self.mode or line.cursor_location != line.document.end:
            return ""
        return next((old[len(text) :] for old in reversed(self.lines) if old.startswith(text) and "\n" not in old), "")

    # what is typed

    @on(TextArea.Changed)
    def _typed(self, event: TextArea.Changed) -> None:
        event.stop()
        self.look()

    def look(self) -> None:
        """Offer what goes with the line as it is now, if it is another than at the last look."""
        before = self.line.before_cursor
        if before == self._seen:
            return
        self._seen, self._moved = before, False
        if self.mode == "search":
            self._show_found()
            return
        word = "" if before[-1:].isspace() else (before.split() or [""])[-1]
        wants = before.startswith("/") or "/" in word or takes_more(before)
        self._offer(complete(before, self._named) if wants and self._is_at_end else [])

    @property
    def _is_at_end(self) -> bool:
        return self.line.cursor_location == self.line.document.end

    def _offer(self, candidates: list[Candidate]) -> None:
        before = self.line.before_cursor
        new = [c for c in candidates if before[c.start :] != c.text.rstrip()]
        self._candidates = new
        self._show("complete" if new else "", _options([(c.shown, c.about) for c in new]))

    def _show(self, mode: str, options: list[Content]) -> None:
        self.mode = mode
        listed = self.offers
        if not mode:
            if listed:
                self.offers = None
                listed.remove()
            return
        if listed:
            listed.set_options(map(Option, options))
        else:
            self.offers = listed = Offers(*map(Option, options), compact=True)
            assert isinstance(self.parent, Widget)
            self.parent.mount(listed, before=self)
        listed.highlighted = 0 if options else None

    def watch_mode(self, mode: str) -> None:
        self.set_class(mode == "search", "-search")
        if self.is_mounted:
            self.query_one(".mark", Static).update("?" if mode == "search" else "❯")

    # what keys do

    def action_enter(self) -> None:
        line = self.line
        if self.mode == "search":
            self._take_found()
            return
        if self.mode == "complete" and (self._moved or self._is_unfinished_command()):
            chosen = self._take()
            if chosen is None or chosen.text.endswith((" ", "/")):
                return
        if line.text.endswith("\\"):
            line.replace_all(line.text[:-1] + "\n")
            return
        text = line.text.strip()
        self._close()
        if not text:
            return
        self.remember(text)
        line.replace_all("")
        self.post_message(self.Submitted(text))

    def _is_unfinished_command(self) -> bool:
        text = self.line.text
        return (
            text.startswith("/") and " " not in text and any(c.text.rstrip().startswith(text) for c in self._candidates)
        )

    def remember(self, text: str) -> None:
        if text in self.lines:
            self.lines.remove(text)
        self.lines.append(text)
        self._at = 0
        remember(text)

    def action_newline(self) -> None:
        self.line.insert("\n")

    def action_complete(self) -> None:
        if self.mode == "search":
            self._take_found()
        elif self.mode == "complete":
            self._take()
        elif not self.line.text:
            self.screen.focus_next()
        elif self.line.suggestion:
            self.line.insert(self.line.suggestion)
        else:
            self._offer(complete(self.line.before_cursor, self._named))
            if len(self._candidates) == 1:
                self._take()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return action != "back" or bool(self.screen.query("Card, Dialogue"))

    def action_back(self) -> None:
        """Go to the last card."""
        if cards := self.screen.query("Card, Dialogue"):
            cards.last().focus()

    def action_look_back(self) -> None:
        """Scroll the conversation while its prompt keeps the focus."""
        for conversation in self.screen.query("#conversation"):
            conversation.scroll_page_up()

    def action_look_on(self) -> None:
        for conversation in self.screen.query("#conversation"):
            conversation.scroll_page_down()

    def action_earlier(self) -> None:
        self._move(-1)

    def action_later(self) -> None:
        self._move(1)

    def _move(self, way: int) -> None:
        line = self.line
        if self.mode and self.offers:
            self._moved = True
            self.offers.action_cursor_up() if way < 0 else self.offers.action_cursor_down()
        elif way < 0 and line.cursor_location[0] > 0:
            line.action_cursor_up()
        elif way > 0 and line.cursor_location[0] < line.document.end[0]:
            line.action_cursor_down()
        else:
            self._recall(way)

    def _recall(self, way: int) -> None:
        """Go through the lines typed before; below the latest is what was being typed."""
        at = self._at - way
        if not 0 <= at <= len(self.lines):
            return
        if self._at == 0:
            self._draft = self.line.text
        self._at = at
        self._put(self.lines[-at] if at else self._draft)

    def _put(self, text: str) -> None:
        """Set the line, and offer nothing: up and down go on through the lines."""
        self.line.replace_all(text)
        self._seen = self.line.before_cursor

    def action_search(self) -> None:
        if self.mode == "search":
            self._move(1)
            return
        self._draft = self.line.text
        self.mode = "search"
        self._show_found()

    def _show_found(self) -> None:
        self._found = typed.search(self.lines, self.line.text)[:_SEARCH_ROWS]
        self._show("search", _options([(text.replace("\n", " ⏎ "), "") for text in self._found]))

    def action_undo(self) -> None:
        self.line.undo()

    def action_redo(self) -> None:
        self.line.redo()

    def action_escape(self) -> None:
        if self.mode == "search":
            self._close()
            self._put(self._draft)
        elif self.mode:
            self._close()

    def action_clear(self) -> None:
        line = self.line
        if self.mode == "search":
            self.action_escape()
        elif line.selected_text:
            self.app.copy_to_clipboard(line.selected_text)
        elif line.text:
            line.replace_all("")
            self._at = 0
        else:
            self.post_message(self.Interrupted())

    # the list

    def take_clicked(self) -> None:
        if self.mode == "search":
            self._take_found()
        else:
            self._take()
        self.line.focus()

    def _take(self) -> Candidate | None:
        """Put the highlighted candidate into the line."""
        at = self.offers.highlighted if self.offers else None
        if at is None or at >= len(self._candidates):
            return None
        chosen = self._candidates[at]
        self._close()
        first = self.line.before_cursor[: chosen.start]
        place = (first.count("\n"), len(first) - first.rfind("\n") - 1)
        self.line.replace(chosen.text, place, self.line.cursor_location)
        return chosen

    def _take_found(self) -> None:
        at = self.offers.highlighted if self.offers else None
        text = self._found[at] if at is not None and at < len(self._found) else self.line.text
        self._close()
        self._put(text)

    def _close(self) -> None:
        self._candidates = []
        self._show("", [])

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        if self.mode == "complete":
            self._close()


def _options(rows: list[tuple[str, str]]) -> list[Content]:
    width = max((len(shown) for shown, about in rows if about), default=0)
    return [
        Content.assemble(f"{harmless(shown):<{width}}", (f"  {harmless(about)}" if about else "", "$foreground 60%"))
        for shown, about in rows
    ]
