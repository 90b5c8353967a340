"""One request to the assistant and all that comes of it: text as it is written, tools as they are used."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import ClassVar, Literal, Self

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Collapsible, Markdown, Static
from textual.widgets.markdown import MarkdownStream

from luci.chat.messages import AskedAgain, Began, Changed, Replied, Replying, Spent, Thinking, Used, Using
from luci.errors import Interrupted
from luci.events import Event, Output, Retrying, Told, Walled, Warned, Working
from luci.screens.doing import Doing
from luci.screens.figures import duration
from luci.screens.heard import blocks, in_short, prose, sentence
from luci.screens.jobs import Job
from luci.screens.pieces import Difference, Thoughts, ToolLine, noted, warning
from luci.screens.plain import harmless

_LONG = 3  # seconds from which on it is told how long it takes


class Dialogue(Doing):
    """Shows a request that is followed; its job's messages come here and pass on their way up."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "stop", "Stop"),
        Binding("c", "copy", "Copy"),
        Binding("x", "run_code", "Run the code"),
        Binding("w", "save_code", "Save"),
        Binding("e", "edit_code", "Edit"),
        Binding("d", "unfold", "Details"),
        Binding("up,k", "screen.focus_previous('Card, Dialogue, #line')", "Previous", show=False),
        Binding("down,j", "screen.focus_next('Card, Dialogue, #line')", "Next", show=False),
        Binding("escape", "screen.go('conversation')", "Prompt", show=False),
    ]

    def __init__(self, request: str) -> None:
        super().__init__(request)
        self.text = ""  # of the last answer
        self._began = monotonic()
        self._stream: MarkdownStream | None = None
        self._answer: Markdown | None = None
        self._thoughts: Thoughts | None = None
        self._tool: ToolLine | None = None
        self._started: Began | None = None
        self._again: list[str] = []  # why it is asked again, as often as it is, until something comes
        self._spent = Spent(0, 0)
        self._told: tuple[str, ...] = ()
        self._clock: Timer | None = None
        self._over = False

    @property
    def is_over(self) -> bool:
        return self._over

    @property
    def is_waiting(self) -> bool:
        return self.job is None and not self._over

    def wait(self) -> None:
        self.call_after_refresh(self._foot, "it is said when the request before it is over · s takes it back")

    def compose(self) -> ComposeResult:
        yield Vertical(classes="said-by-it")
        yield Static("thinking …", classes="footing")

    # -- what the job says

    async def on_job_said_much(self, message: Job.SaidMuch) -> None:
        for event in message.job.heard():
            await self._take(event)

    def begin(self, job: Job) -> None:
        self._began = monotonic()
        self._under_way("thinking …")
        self._clock = self.set_interval(1, self._tick)
        super().begin(job)

    def _under_way(self, *told: str) -> None:
        self._told = told
        if self.is_mounted:
            self._foot(" · ".join(told))

    def _tick(self) -> None:
        """Show that it is alive: a model may write a file for a minute, and none of it can be shown before its end."""
        seconds = int(monotonic() - self._began)
        if seconds >= _LONG:
            self._foot(" · ".join([*self._told, duration(seconds) if seconds >= 60 else f"{seconds} s"]))

    async def _take(self, event: Event) -> None:
        if not isinstance(event, AskedAgain):
            self._again = []
        match event:
            case Began(session, model):
                self._started = event
                self.post_message(self.Status(session, model, 0, 0.0))
            case Replying(text):
                await self._write(text)
            case Thinking(text):
                await self._think(text)
            case Replied(text, trouble, anew):
                answer = self._answer
                await self._end_text()
                if anew and answer:  # what it began with were thoughts
                    await answer.update(prose(text))
                elif anew and text:
                    await self._add(Markdown(prose(text), open_links=False))
                self.text = text or self.text
                if trouble:
                    await self._note(f"This answer is not whole: {trouble}.")
            case AskedAgain(reason, seconds):
                await self._ask_again(sentence(reason), seconds)
            case Using(_, _, title):
                self._tool = ToolLine(title)
                await self._add(self._tool)
            case Used(_, _, ok, told) if self._tool:
                self._tool.state = "ok" if ok else "no"
                self._tool.told = in_short(told)
                self._tool.draw()
                self._tool = None
            case Changed(path, diff):
                await self._add(Difference(path, diff))
            case Output(_, text) if self._tool:
                self._tool.tail = (self._tool.tail + text)[-4000:]
                self._tool.draw()
            case Retrying() if self._tool:
                self._tool.tail = ""
            case Working(step, detail) if self._tool:
                self._tool.told = f"{step} {detail}".strip()
                self._tool.draw()
            case Walled(wall, gives) if self._tool:
                self._tool.told = f"behind {wall}: {', '.join(gives)}"
                self._tool.draw()
            case Told(text):
                await self._note(text)
            case Warned(text, hint):
                await self._note("\n".join(filter(None, [text, hint])))
            case Spent(_, _, cost, context) if self._started:
                more = (cost or 0.0) - (self._spent.cost or 0.0)
                self._spent = event
                self._under_way(self._started.model, *self._taken)
                self.post_message(self.Status(self._started.session, self._started.model, context, more))

    @property
    def _taken(self) -> list[str]:
        """What it took so far."""
        return [f"{self._spent.request:,} tokens"] if self._spent.request else []

    async def _ask_again(self, reason: str, seconds: float) -> None:
        """Say it once, however often it is asked again in a row."""
        void = self._answer if self._stream else None
        await self._end_text()
        soon = f"It is asked again in {seconds:.0f} s."
        if void:
            void.add_class("-void")
            soon = f"What came of the answer is void. {soon}"
        if self._again and self._again[-1] == reason and not void:
            self._again.append(reason)
            note = self.query(".note").last(Static)
            note.update(warning(f"{reason} {soon} ({len(self._again)} times so far)"))
            return
        self._again = [reason]
        await self._note(f"{reason} {soon}")

    async def _think(self, text: str) -> None:
        if self._thoughts is None:
            self._thoughts = Thoughts()
            await self._add(self._thoughts)
        self._thoughts.take(text)

    async def _write(self, text: str) -> None:
        if self._stream is None:
            self._end_thoughts()
            self._answer = Markdown(open_links=False)
            await self._add(self._answer)
            self._stream = Markdown.get_stream(self._answer)
        await self._stream.write(prose(text))

    def _end_thoughts(self) -> None:
        if self._thoughts:
            self._thoughts.over()
            self._thoughts = None

    async def _end_text(self) -> None:
        self._end_thoughts()
        if self._stream:
            await self._stream.stop()
            self._stream = self._answer = None

    async def _note(self, text: str) -> None:
        await self._add(noted(text))

    async def _add(self, widget: Widget) -> None:
        await self.query_one(".said-by-it").mount(widget)

    async def on_job_finished(self, message: Job.Finished) -> None:
        await self.on_job_said_much(Job.SaidMuch(message.job))
        await self._end_text()
        self._over = True
        if self._clock:
            self._clock.stop()
        if self._tool:  # it did not come to its end
            self._tool.state = "stopped"
            self._tool.draw()
        self.screen.refresh_bindings()
        took = duration(monotonic() - self._began)
        if message.error:
            self.add_class("-failed")
            error = message.error
            await self._note("\n".join(filter(None, [error.message, error.cause, error.hint])))
            self._foot(" · ".join(["stopped" if isinstance(error, Interrupted) else "it was not done", took]))
            return
        outcome = message.result
        if outcome.account:
            await self._note("\n".join(outcome.account.lines))
        self.set_class(bool(outcome.why), "-failed")
        stopped = "stopped" if outcome.why.lower().endswith(("stopped", "stopped.")) else f"stopped: {outcome.why}"
        model = [self._started.model] if self._started else []
        self._foot(" · ".join([*model, stopped if outcome.why else "done", took, *self._taken]))

    def _foot(self, text: str) -> None:
        self.query_one(".footing", Static).update(Content(harmless(text)))

    # -- what a person does

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "stop":
            return not self._over
        if action in ("run_code", "save_code", "edit_code"):
            return bool(blocks(self.text))
        return bool(self.text) if action == "copy" else True

    def action_stop(self) -> None:
        if self.job and not self._over:
            self.post_message(self.StopRequested(self.job))
        elif self.is_waiting:
            self._over = True
            self._foot("taken back: it was never said")
            self.screen.refresh_bindings()

    def focus(self, scroll_visible: bool = True) -> Self:
        """Whoever reads in it goes on to read there."""
        return super().focus(scroll_visible and not self.screen.can_view_partial(self))

    def action_unfold(self) -> None:
        """Show all that is folded, or where all of it is shown, fold it."""
        folds = list(self.query(Collapsible))
        closed = any(fold.collapsed for fold in folds)
        for fold in folds:
            fold.collapsed = not closed

    def action_copy(self) -> None:
        if blocks(self.text):
            self._choose("Copy which code?", self._copy)
        else:
            self.app.copy_to_clipboard(self.text)
            self.app.notify("The answer is copied.")

    def _copy(self, code: str) -> None:
        self.app.copy_to_clipboard(code)
        self.app.notify("The code is copied.")

    def action_run_code(self) -> None:
        self._with_code("run")

    def action_save_code(self) -> None:
        self._with_code("save")

    def action_edit_code(self) -> None:
        self._with_code("edit")

    def _with_code(self, use: Literal["run", "save", "edit"]) -> None:
        def go_on(code: str) -> None:
            self.post_message(self.CodeRequested(code, use))

        self._choose(f"{use.capitalize()} which code?", go_on)

    def _choose(self, what: str, then: Callable[[str], None]) -> None:
        """Do something with the code of the answer; where there are several blocks, with the one that is chosen."""
        from luci.screens.block_list import BlockList

        def chosen(code: str | None) -> None:
            if code is not None:
                then(code)

        found = blocks(self.text)
        if len(found) > 1:
            self.app.push_screen(BlockList(what, found), chosen)
        elif found:
            then(found[0])
        else:
            self.app.notify("There is no code in the answer.", severity="warning")
