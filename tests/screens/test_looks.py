"""How the conversation looks, at fixed sizes, at a fixed moment, with fixed stories."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.command import CommandList
from textual.pilot import Pilot
from textual.widgets import TextArea

from luci import events
from luci import screens as luci_screens
from luci.app import LuciApp
from luci.config import AppSettings, Settings
from luci.context import Question
from luci.errors import PlanError
from luci.events import Event
from luci.runner.request import RunRequest
from luci.screens.bar import Bar
from luci.screens.card import Card
from luci.screens.jobs import Job
from luci.screens.question import QuestionPanel
from luci.screens.story import Story
from luci.terminals import Terminal
from luci.terminals.logs import plain
from tests.screens.output_host import until

NOW = 1000.0
PLAN = {"requirements": ["requests", "rich"], "python": "3.12.4", "as_of": "", "choices": []}
CHOICES = [{"requirements": ["pandas"], "reason": "the import's own name"}]
FAILED = events.Failed(
    "ZeroDivisionError: division by zero",
    "/home/ada/scripts/plot.py",
    12,
    10,
    ("def share(part, whole):", '    """Return a part in percent."""', "    return 100 * part / whole", "", ""),
)
BUILT: tuple[Event, ...] = (
    events.Working("planning", "fetch.py"),
    events.Planned(PLAN),
    events.Working("building", "Python 3.12.4"),
    events.Built("k", "/envs/k", 1.4, 2),
)
RUNNING: tuple[Event, ...] = (*BUILT, events.Started(("python", "fetch.py"), "k"))
MENDED: tuple[Event, ...] = (
    *RUNNING,
    events.Ended(1, 0.4),
    events.Missing("pandas", "/home/ada/scripts/fetch.py", 31),
    events.Planned({**PLAN, "requirements": ["requests", "rich", "pandas"], "choices": CHOICES}),
    events.Built("m", "/envs/m", 2.0, 8),
    events.Retrying(2, "pandas is missing"),
    events.Started(("python", "fetch.py"), "m"),
)
ENDED = events.Ended(0, 3.2, peak_bytes=48_300_000)


def told(*said: Event) -> Story:
    """What events amount to that came half a second apart, the last of them now."""
    story = Story(NOW - len(said) / 2)
    for number, event in enumerate(said, 1):
        story = story.after(event, NOW - (len(said) - number) / 2)
    return story


def over(*said: Event, code: int = 0) -> Story:
    return told(*said).finished(code, None, NOW)


@pytest.fixture
def look(snap_compare: Any, luci_home: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., bool]:
    monkeypatch.setattr("luci.screens.card.monotonic", lambda: NOW)
    monkeypatch.setattr("luci.screens.steps.monotonic", lambda: NOW)

    def compare(size: tuple[int, int], prepare: Callable[[Scene], Any], theme: Any = "dark") -> bool:
        app = LuciApp(Settings(app=AppSettings(theme=theme, motion=False)))

        async def before(pilot: Pilot[int]) -> None:
            await until(pilot, lambda: app.query(TextArea))
            app.home.query_one(Bar).folder = "~/scripts"
            app.home.query_one(Bar).refresh()
            app.query_one(TextArea).cursor_blink = False
            await prepare(Scene(app, pilot))
            await pilot.pause()

        return bool(snap_compare(app, terminal_size=size, run_before=before))

    return compare


class Scene:
    """The app, with cards whose stories are given."""

    def __init__(self, app: LuciApp, pilot: Pilot[int]) -> None:
        self.app, self.pilot = app, pilot

    async def card(self, title: str, story: Story, *, waits: str = "", folded: bool | None = None) -> Card:
        card = self.app.home.conversation.card(title)
        await self.pilot.pause()
        card.job = Job(card, "run", RunRequest(title.partition(" ")[0]), self.app.settings)  # never started
        card.story, card.waits = story, waits
        if folded is not None:
            card.folded = folded
        await self.pilot.pause()
        return card

    async def output(self, card: Card, log: Path, text: str) -> None:
        """Show text as the output of a card's run."""
        pane = await self.app.home.output()
        terminal = Terminal(*self.app.home._room_for_output())
        terminal.begin(log)
        terminal.say(text)
        assert terminal.settle() and card.job
        now = [NOW - 3.2]
        pane._clock = lambda: now[0]
        pane.add(card.job, card.heading, terminal)
        now[0] = NOW
        last = plain(text.encode()).decode().split()[-1]
        await until(self.pilot, lambda: pane.front and last in pane.front.visible_text())
        pane._tell()
        if card.story.is_over:
            pane.ended(card.job, card.story.exit_code or 0)
        terminal.end()

    async def several(self) -> None:
        await self.card("fetch.py --year 2025", over(*RUNNING, ENDED))
        await self.card("plot.py", over(*RUNNING, events.Ended(1, 0.4, peak_bytes=31_000_000), FAILED, code=1))
        await self.card("train.py 'north sea'", told(*MENDED), waits="It waits for your input: F3")


NORMAL, SMALL, LARGE = (120, 36), (80, 24), (200, 60)


def test_first_start(look: Callable[..., bool]) -> None:
    """What can be done, and where to type."""

    async def nothing(scene: Scene) -> None: ...

    assert look(NORMAL, nothing)


def test_building(look: Callable[..., bool]) -> None:
    """Steps that are over, and a bar for the one that is not."""

    async def prepare(scene: Scene) -> None:
        working = events.Working("downloading", "numpy, pandas, pyarrow", 3, 8, 41_000_000, 96_000_000)
        await scene.card("fetch.py --year 2025", told(*BUILT[:3], events.Working("resolving", "8 packages"), working))

    assert look(NORMAL, prepare)


def test_failed_beside_its_output(look: Callable[..., bool], tmp_path: Path) -> None:
    """The line that failed among its neighbours; beside it what the script wrote."""

    async def prepare(scene: Scene) -> None:
        story = over(*RUNNING, events.Ended(1, 0.4, peak_bytes=31_000_000), FAILED, code=1)
        card = await scene.card("plot.py", story)
        await scene.output(
            card, tmp_path / "log", "\x1b[32mreading\x1b[0m sales.csv\nZeroDivisionError: division by zero\n"
        )

    assert look(NORMAL, prepare)


def test_behind_a_wall(look: Callable[..., bool]) -> None:
    """The kind of environment, the wall, what it holds and what it does not."""

    async def prepare(scene: Scene) -> None:
        wall = {
            "name": "landlock",
            "gives": ["memory 512 MiB", "1 CPU"],
            "lacks": ["what it writes to /tmp"],
        }
        made = {"kind": "conda", "kind_reason": "gdal has no wheel for any Python here", "conda": ["gdal"]}
        planned = events.Planned({**PLAN, **made, "wall": wall})
        await scene.card("map.py", told(events.Working("planning", "map.py"), planned, *RUNNING[2:]))

    assert look(NORMAL, prepare)


def test_terminals_own_colours(look: Callable[..., bool]) -> None:
    """The line that failed shows also where there are sixteen colours, and luci knows none of them."""

    async def prepare(scene: Scene) -> None:
        await scene.card("plot.py", over(*RUNNING, events.Ended(1, 0.4), FAILED, code=1))

    assert look(SMALL, prepare, theme="terminal")


def test_mended(look: Callable[..., bool]) -> None:
    """What was missing, what was added, and why."""

    async def prepare(scene: Scene) -> None:
        await scene.card("fetch.py", over(*MENDED, ENDED), folded=False)

    assert look(NORMAL, prepare)


def test_no_plan(look: Callable[..., bool]) -> None:
    async def prepare(scene: Scene) -> None:
        hint = "luci config names.frobnicate NAME"
        error = PlanError("Nothing provides frobnicate.", cause="No such name is on the index.", hint=hint)
        await scene.card("odd.py", told(events.Working("planning", "odd.py")).finished(None, error, NOW))

    assert look(SMALL, prepare)


def test_question(look: Callable[..., bool]) -> None:
    """Everything that a yes covers, and one key for each answer."""

    async def prepare(scene: Scene) -> None:
        await scene.card("stranger.py", told(events.Working("planning", "stranger.py"), events.Planned(PLAN)))
        details = (
            "dingo is imported at stranger.py:1 and found by its name alone",
            "dingo 0.1, first released 3 days ago, has fewer than 3 releases",
        )
        panel = QuestionPanel(Question("install", "Install dingo?", details, yes="Install it and run", no="Do not run"))
        scene.app.push_screen(panel)
        await scene.pilot.pause()
        panel.add_class("-settled")

    assert look(NORMAL, prepare)


def test_quitting_while_something_runs(look: Callable[..., bool]) -> None:
    async def prepare(scene: Scene) -> None:
        await scene.several()
        await scene.app.action_quit()
        await scene.pilot.pause()
        scene.app.screen.add_class("-settled")

    assert look(SMALL, prepare)


def test_narrow(look: Callable[..., bool]) -> None:
    """One place at a time; the latest in sight."""

    async def prepare(scene: Scene) -> None:
        await scene.several()

    assert look(SMALL, prepare)


def test_commands_offered_while_typing(look: Callable[..., bool]) -> None:
    async def prepare(scene: Scene) -> None:
        await scene.card("fetch.py --year 2025", over(*RUNNING, ENDED))
        await scene.pilot.press("slash")

    assert look(SMALL, prepare)


def test_wide(look: Callable[..., bool], tmp_path: Path) -> None:
    """Conversation and output side by side, with room for both."""

    async def prepare(scene: Scene) -> None:
        await scene.several()
        card = scene.app.home.conversation.cards[-1]
        await scene.output(card, tmp_path / "log", "epoch 1 of 20\r\nepoch 2 of 20\r\nGo on? [Y/n] \x1b[1myes")

    assert look(LARGE, prepare)


def test_light(look: Callable[..., bool]) -> None:
    async def prepare(scene: Scene) -> None:
        await scene.several()

    assert look(NORMAL, prepare, theme="light")


def test_help(look: Callable[..., bool]) -> None:
    async def prepare(scene: Scene) -> None:
        await scene.pilot.press("f1")

    assert look(NORMAL, prepare)


def test_palette(look: Callable[..., bool]) -> None:
    async def prepare(scene: Scene) -> None:
        await scene.pilot.press("ctrl+p")
        await scene.pilot.press(*"envir")
        await until(scene.pilot, lambda: scene.app.screen.query_one(CommandList).option_count)
        scene.app.screen.query_one("CommandInput").cursor_blink = False  # type: ignore[attr-defined]

    assert look(SMALL, prepare)


async def talk(scene: Scene) -> Any:
    """A request to the assistant that is nearly done."""
    from luci.chat import messages as said
    from luci.screens.dialogue import Dialogue

    home = scene.app.home
    scene.app.stylesheet.read(str(Path(luci_screens.__file__).parent / "dialogue.tcss"))
    dialogue: Dialogue = home.conversation.dialogue("sizes.py: print the sizes of the files here, the largest first")
    await scene.pilot.pause()
    dialogue._began = NOW - 12
    for event in (
        said.Began("261121-3bd5a2", "claude-sonnet-4.5"),
        said.Replying("I write it with `humanize`, which knows the units:\n\n1. list the files\n2. sort them\n"),
        said.Replied("…"),
        said.Using("1", "write_file", "write_file sizes.py"),
        said.Used("1", "write_file", True, "sizes.py is written."),
        said.Using("2", "run", "run sizes.py"),
        events.Output("stdout", "   1.2 MB  photo.png\n 263 Bytes  sizes.py\n"),
        said.Used("2", "run", True, "exit code 0 after 0.3 s, behind bwrap (no network, writes ~/scripts)"),
        said.Using("3", "read_file", "read_file ../secret.txt"),
        said.Used("3", "read_file", False, "error: This was refused by you: not yours."),
        said.Replying("`sizes.py` **works**. Run it with:\n\n```bash\nluci run sizes.py\n```\n"),
        said.Replied("…"),
        said.Spent(4100, 4100, 0.02, 2960),
    ):
        await dialogue._take(event)
        await scene.pilot.pause()
    await scene.pilot.pause(0.3)


def test_the_assistant_at_work(look: Callable[..., bool]) -> None:
    assert look((100, 40), talk)


def test_a_difference_that_waits_for_a_yes(look: Callable[..., bool]) -> None:
    async def ask(scene: Scene) -> Any:
        from luci.chat.ground import diff
        from luci.chat.leave import Effect, question_of

        before = "import humanize\n\nprint(humanize.natural_size(10))\n"
        after = before.replace("natural_size", "naturalsize")
        lines = tuple(diff(before, after, "sizes.py").splitlines())
        effect = Effect("write", "Change sizes.py?", lines, "sizes.py", text=after)
        panel = QuestionPanel(question_of(effect))
        scene.app.push_screen(panel)
        await until(scene.pilot, lambda: panel.is_settled)

    assert look((100, 30), ask)
