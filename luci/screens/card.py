"""One action as it happens and as it ended: a card in the conversation."""

from __future__ import annotations

from pathlib import PurePath
from time import monotonic
from typing import Any, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Static

from luci.screens.columns import Columns
from luci.screens.doing import Doing
from luci.screens.failure import Failure
from luci.screens.figures import duration
from luci.screens.jobs import Job
from luci.screens.plain import harmless
from luci.screens.results import shown
from luci.screens.steps import NAME, Steps
from luci.screens.story import Story
from luci.screens.terms import terms
from luci.units import amount

_FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
FRAME = 0.1  # seconds
_MARKS = {"done": "✓", "failed": "✗", "stopped": "■"}


class Card(Doing):
    """An action and its story. It is the target of its job, whose messages pass it on their way up."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,space", "fold", "Fold"),
        Binding("r", "again", "Run again"),
        Binding("o", "output", "Output"),
        Binding("e", "edit", "Edit"),
        Binding("i", "pictures", "Images"),
        Binding("s", "stop", "Stop"),
        Binding("up,k", "screen.focus_previous('Card, #line')", "Previous", show=False),
        Binding("down,j", "screen.focus_next('Card, #line')", "Next", show=False),
        Binding("escape", "screen.go('conversation')", "Prompt", show=False),
    ]

    story: reactive[Story] = reactive(Story(0.0), init=False)
    folded = reactive(False, init=False)
    waits = reactive("", init=False)  # what the script waits for

    class Wish(Message):
        """What a person wants of the card's job."""

        def __init__(self, job: Job) -> None:
            self.job = job
            super().__init__()

    class Again(Wish):
        """The same is to be done again."""

    class OutputRequested(Wish):
        """What it wrote is to be shown."""

    class PicturesRequested(Message):
        """The images that it made are to be shown."""

        def __init__(self, files: tuple[str, ...]) -> None:
            self.files = files
            super().__init__()

    class EditRequested(Message):
        """A file is to be opened at a line."""

        def __init__(self, path: str, line: int) -> None:
            self.path, self.line = path, line
            super().__init__()

    def __init__(self, title: str) -> None:
        super().__init__(title)
        self.result: Any = None
        self.set_reactive(Card.story, Story(monotonic()))
        self._touched = False  # a person folded or unfolded it: it stays as they want it
        self._frame = 0
        self._timer: Timer | None = None

    @property
    def is_over(self) -> bool:
        return self.story.is_over

    def compose(self) -> ComposeResult:
        with Horizontal(classes="head"):
            yield Static("●", classes="mark")
            yield Static(Content(harmless(self.heading).replace("\n", " ")), classes="title")
            yield Static("", classes="outcome")
        yield Static("", classes="plan")
        yield Columns(indent=NAME + 2, classes="terms")
        yield Steps()
        yield Static("", classes="waits")
        yield Static("", classes="made")
        yield Vertical(classes="more")

    def on_mount(self) -> None:
        self._pace()
        self._draw()

    def on_job_said(self, message: Job.Said) -> None:
        self.story = self.story.after(message.event, monotonic())

    def on_job_finished(self, message: Job.Finished) -> None:
        self.result = message.result
        self.story = self.story.finished(message.result, message.error, monotonic(), stopped=message.job.is_stopped)

    def watch_story(self, before: Story, story: Story) -> None:
        if story.is_over and not self._touched:
            self.set_reactive(Card.folded, story.state != "failed" and self.is_run and not story.remarks)
        if self.is_mounted:
            if story.state != before.state:
                self._pace()
            self._draw()
            if _more(story) != _more(before):
                self._draw_more()

    def watch_folded(self) -> None:
        self._draw()

    def watch_waits(self) -> None:
        self._draw()

    def _pace(self) -> None:
        """Tick as often as there is something new to see."""
        if self._timer:
            self._timer.stop()
        self._timer = self.set_interval(FRAME if self._spins else 1.0, self._tick)

    def _tick(self) -> None:
        if self.story.is_over or not self.app.is_running:
            if self._timer:
                self._timer.stop()
            return
        self._frame += 1
        if isinstance(self.parent, Widget) and not self.region.overlaps(self.parent.region):
            return  # it is scrolled away
        self.query_one(Steps).refresh()
        self._tell_mark()
        self._tell_outcome()

    @property
    def _is_still(self) -> bool:
        return self.app.animation_level == "none"

    @property
    def _spins(self) -> bool:
        """While luci works. What a script does is seen in its output; of it, the seconds are told."""
        return self.story.state == "working" and not self._is_still

    def _tell_mark(self) -> None:
        frame = _FRAMES[self._frame % len(_FRAMES)] if self._spins else "●"
        self.query_one(Steps).frame = frame
        self.query_one(".mark", Static).update(_MARKS.get(self.story.state, frame), layout=False)

    def _tell_outcome(self) -> None:
        """Ten times a second: all of the screen is only laid out again where this takes another number of cells."""
        outcome, told = self.query_one(".outcome", Static), self._outcome()
        outcome.update(told, layout=told.cell_length != outcome.size.width)

    def _draw(self) -> None:
        story = self.story
        for state in ("working", "running", "done", "failed", "stopped"):
            self.set_class(story.state == state, f"-{state}")
        self.set_class(self.folded, "-folded")
        self.set_class(not story.mendings.steps, "-unmended")
        self.set_class(story.state == "done" and not self.is_run, "-resulted")
        self._tell_mark()
        self._tell_outcome()
        plan = self.query_one(".plan", Static)
        plan.update(story.planned)
        plan.display = bool(story.planned)
        held = self.query_one(Columns)
        held.rows = terms(story, getattr(self.job.request, "timeout", None) if self.job else None)
        held.display = bool(held.rows) and not self.folded
        waits = self.query_one(".waits", Static)
        waits.update(self.waits)
        waits.display = bool(self.waits) and not story.is_over
        made = self.query_one(".made", Static)
        made.update(_made(story, self.has_focus))
        made.display = bool(story.pictures)
        self.query_one(Steps).story = story.mendings if self.folded else story
        self.refresh_bindings()

    def _outcome(self) -> Content:
        story = self.story
        took = (story.ended if story.ended is not None else monotonic()) - story.began
        parts = [duration(took)]
        if story.peak_bytes:
            parts.append(amount(story.peak_bytes))
        if story.outcome:
            parts.insert(0, story.outcome)
        return Content(" · ".join(parts))

    def _draw_more(self) -> None:
        more = self.query_one(".more", Vertical)
        more.remove_children()
        more.mount_all(_remarks(self.story))
        if self.job and self.result is not None and (result := shown(self.job.name, self.result)):
            more.mount(Static(result, classes="result"))

    # what a person does with it

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "stop":
            return not self.story.is_over
        if action == "again":
            return self.story.is_over
        if action == "output":
            return self.is_run
        if action == "edit":
            return bool(self.story.failure and self.story.failure.file)
        if action == "pictures":
            return bool(self.story.pictures)
        return True

    def on_focus(self) -> None:
        self._draw()

    def on_blur(self) -> None:
        self._draw()

    def on_click(self, event: events.Click) -> None:
        if isinstance(event.widget, Static) and event.widget.has_class("made"):
            self.action_pictures()
        else:
            self.action_fold()

    def action_fold(self) -> None:
        self._touched = True
        self.folded = not self.folded

    def action_again(self) -> None:
        if self.job:
            self.post_message(self.Again(self.job))

    def action_stop(self) -> None:
        if self.job:
            self.post_message(self.StopRequested(self.job))

    def action_output(self) -> None:
        if self.job:
            self.post_message(self.OutputRequested(self.job))

    def action_pictures(self) -> None:
        if self.story.pictures:
            self.post_message(self.PicturesRequested(self.story.pictures))

    def action_edit(self) -> None:
        if (failure := self.story.failure) and failure.file:
            self.post_message(self.EditRequested(failure.file, failure.line))


def _made(story: Story, focused: bool) -> Content:
    """Name what a run made, the last first, and the way to see it."""
    sure = [file for file in story.pictures if file not in story.perhaps]
    unsure = [file for file in story.pictures if file in story.perhaps]
    key = f"{'i' if focused else 'a click, or shift+tab and i,'} shows {'it' if len(story.pictures) == 1 else 'them'}"
    parts = [Content.assemble("made ", (_named(sure), "$text-accent"))] if sure else []
    if unsure:
        doubt = f", which {'it' if sure else 'this'} or another run made"
        parts.append(Content.assemble("" if sure else "there is ", (_named(unsure), "$text-accent"), doubt))
    return Content.assemble(Content(", and ").join(parts), (f"  {key}", "$foreground 60%"))


def _named(files: list[str]) -> str:
    names = [harmless(PurePath(file).name).replace("\n", " ") for file in reversed(files)]
    return ", ".join(names[:2]) + (f" and {len(names) - 2} more" if len(names) > 2 else "")


def _more(story: Story) -> tuple[object, ...]:
    return story.remarks, story.failure, story.error, story.is_over


def _remarks(story: Story) -> list[Widget]:
    shown: list[Widget] = []
    for remark in story.remarks:
        text = Content.assemble(
            ("warning  ", "bold $text-warning") if remark.warning else ("", ""),
            harmless(remark.text),
            (f"\n{harmless(remark.hint)}", "$foreground 60%") if remark.hint else "",
        )
        shown.append(Static(text, classes="remark"))
    if story.failure:
        shown.append(Failure(story))
    if error := story.error:
        rows = [
            ("bold $text-error", error.message),
            ("$foreground 60%", error.cause),
            ("", error.hint and f"→ {error.hint}"),
        ]
        text = Content("\n").join(Content.styled(harmless(said), style) for style, said in rows if said)
        shown.append(Static(text, classes="remark"))
    return shown
