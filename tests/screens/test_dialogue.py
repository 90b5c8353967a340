"""The assistant in the app: what a person types, sees and decides; the model is a scripted server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from textual.widgets import Collapsible, Input, Markdown, OptionList, Static, TextArea

from luci import paths
from luci.chat.messages import Message
from luci.chat.sessions import Sessions
from luci.screens.bar import Bar
from luci.screens.block_list import BlockList
from luci.screens.dialogue import Dialogue
from luci.screens.model_list import ModelList
from luci.screens.pieces import Difference, ToolLine
from luci.screens.question import QuestionPanel
from luci.screens.retold import Retold
from luci.screens.session_list import MessageList, SessionList
from tests.model_server import ModelServer, Said
from tests.screens.app_host import Person, opened, text_of
from tests.screens.environments_host import played

pytestmark = pytest.mark.usefixtures("project")


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    with ModelServer() as server:
        for name, value in server.environ.items():
            monkeypatch.setenv(name, value)
        yield server


def write(path: str, content: str) -> tuple[str, object]:
    return ("write_file", {"path": path, "content": content})


def last(person: Person) -> Dialogue:
    return person.home.query(Dialogue).last()


async def over(person: Person) -> Dialogue:
    await person.until(lambda: person.home.query(Dialogue) and last(person).is_over)
    await person.pilot.pause()
    return last(person)


@played
async def test_a_request_is_followed_with_a_question_for_each_effect(model: ModelServer, project: Path) -> None:
    used = {"prompt_tokens": 1200, "completion_tokens": 30}
    calls = (write("leap.py", "import quokka\nprint(quokka.hop() * 2)\n"), ("run", {"script": "leap.py"}))
    model.script += [
        Said("I **write** it.", calls=calls),
        Said("It leaps:\n\n```python\nprint('code')\n```\n\n```python\nprint('other')\n```\n", usage=used),
    ]
    async with opened() as person:
        await person.say("make it leap")
        panel = await person.asked()
        assert panel.question.text == "Write leap.py?" and "+import quokka" in panel.question.details
        assert list(panel.choices) == ["y", "s", "e", "n", "q"]
        await person.press("enter", "space")  # nothing is approved by an accident
        assert isinstance(person.app.screen, QuestionPanel) and not (project / "leap.py").exists()
        for words in ("Write leap.py?", "Run leap.py?", "Install quokka?", "Write this into leap.py?"):
            panel = await person.asked()
            assert panel.question.text == words
            above = panel.query_one("#question").region.y  # what led to the question is seen above it
            await person.until(lambda above=above: 0 < person.home.query(ToolLine).last().region.bottom <= above)
            await person.press("y")
        dialogue = await over(person)
        tools = list(dialogue.query(ToolLine))
        assert [(tool.title, tool.state) for tool in tools] == [("write_file leap.py", "ok"), ("run leap.py", "ok")]
        assert "hophop" in tools[1].tail and "exit code 0" in tools[1].told
        assert dialogue.query(Markdown).first().source == "I **write** it."
        assert person.home.query_one(Bar).model == "scripted · 1.2k"
        assert not person.home.running
        dialogue.focus()
        await person.press("c")
        await person.until(lambda: isinstance(person.app.screen, BlockList))
        await person.press("enter")  # the last
        assert person.app.clipboard == "print('other')\n"
        await person.press("x")
        await person.until(lambda: isinstance(person.app.screen, BlockList))
        await person.press("up", "enter")
        await person.until(lambda: person.cards and person.cards[-1].story.is_over)
        assert person.cards[-1].story.outcome == "exit 0"
        assert " · behind " in text_of(person.cards[-1])  # a model wrote it


@played
async def test_a_no_comes_with_words_and_an_edit_is_what_is_written(
    model: ModelServer, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model.script += [
        Said(calls=(write("one.py", "print(1)\n"),)),
        Said(calls=(("ask_user", {"question": "Which name?"}),)),
        Said(calls=(write("two.py", "print(2)\n"),)),
        Said("So be it."),
    ]
    async with opened() as person:
        await person.say("write it down")
        await person.asked()
        await person.press("n")
        await person.until(lambda: person.app.screen.query_one(Input).display)
        await person.type("not one")
        await person.press("enter")
        await person.until(lambda: isinstance(person.app.screen, QuestionPanel) and len(model.requests) > 1)
        panel = await person.asked()
        assert panel.question.text == "Which name?"
        await person.until(lambda: isinstance(person.app.focused, Input))
        await person.type("two")
        await person.press("enter")
        await person.until(lambda: len(model.requests) > 2)
        panel = await person.asked()
        panel._edited("print('mine')\n")  # what came back from the person's editor, which needs a terminal
        dialogue = await over(person)
        assert dialogue.text == "So be it." and (project / "two.py").read_text() == "print('mine')\n"
        assert "not one" in model.told(1) and model.told(2) == "two" and not (project / "one.py").exists()


@played
async def test_a_stop_keeps_what_was_said_whatever_is_under_way_and_the_session_goes_on(
    model: ModelServer, project: Path
) -> None:
    (project / "waits.py").write_text("import time\nprint('begun', flush=True)\ntime.sleep(600)\n")
    runs = ("run", {"script": "waits.py"})
    model.script += [
        Said("It begins and never ends", fault="silence"),
        Said("It runs.", calls=(runs,)),
        Said("It asks.", calls=(runs,)),
        Said(status=503, headers={"retry-after": "100"}, message="Loading model"),
        Said("Here again."),
    ]
    async with opened() as person:

        async def stopped(words: str, ready: Callable[[], object], key: str) -> Dialogue:
            if words:
                person.prompt.line.focus()
                before = len(person.home.query(Dialogue))
                await person.say(words)
                await person.until(lambda: len(person.home.query(Dialogue)) > before)
            await person.until(ready)
            if key == "s":
                last(person).focus()
            await person.press(key)
            dialogue = await over(person)
            assert "stopped" in text_of(dialogue).lower() and not person.home.running
            return dialogue

        await person.say("tell me a long story please")
        await person.until(lambda: person.home.query(Dialogue) and last(person).query(Markdown))
        assert person.home.query_one(Bar).running == 0 and len(person.home.running) == 1
        dialogue = last(person)
        assert not dialogue.check_action("run_code", ())  # there is none
        said = [
            "tell me a long story please",
            "ask me first now",
            "run it for me now",
            "try it once more",
            "go on please",
        ]
        asks = lambda: person.app.screen.has_class("-settled")  # noqa: E731 - keys are heard from then on
        await person.say("this is thought better of")
        await person.say(said[1])
        await person.until(lambda: len(person.home.query(Dialogue)) == 3 and person.home.query(Dialogue)[1].is_mounted)
        assert [each.is_waiting for each in person.home.query(Dialogue)] == [False, True, True]
        for each in person.home.query(Dialogue)[1], dialogue:
            each.focus()
            await person.press("s")
        await person.until(lambda: dialogue.is_over)
        assert "stopped" in text_of(dialogue) and dialogue.query_one(Markdown).source.startswith("It")
        asked = await stopped("", asks, "q")  # the one that waited
        assert asked.query_one(Markdown).source == "It runs."
        person.home._ongoing().granted.add("run")
        ran = await stopped(said[2], lambda: "begun" in "".join(t.tail for t in last(person).query(ToolLine)), "s")
        assert ran.query_one(Markdown).source == "It asks." and ran.query_one(ToolLine).state == "stopped"
        await stopped(said[3], lambda: "It is asked again" in text_of(last(person)), "s")
        person.prompt.line.focus()
        await person.say(said[4])
        await person.until(lambda: len(person.home.query(Dialogue)) == 6)
        assert (await over(person)).text == "Here again."
        assert [m["content"] for m in model.heard() if m["role"] == "user"] == said


@played
async def test_without_a_model_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENROUTER_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    async with opened() as person:
        await person.say("please plot the moon")
        dialogue = await over(person)
        assert "No model is configured." in text_of(dialogue) and "luci config model.provider" in text_of(dialogue)
        assert isinstance(person.app.focused, TextArea)


@played
async def test_a_conversation_is_chosen_resumed_as_it_was_forked_written_down_and_deleted(
    model: ModelServer, project: Path
) -> None:
    model.script += [
        Said("I **write** it.", calls=(write("vault[b].py", "print('leap')\n"), ("run", {"script": "vault[b].py"}))),
        Said("It leaps."),
        Said("An answer."),
        Said("Again."),
    ]
    for kept in paths.state().glob("sessions.sqlite3*"):  # of other tests
        kept.unlink()
    async with opened() as person:
        await person.say("/sessions")
        await person.until(lambda: isinstance(person.app.screen, SessionList))
        shown = lambda: "\n".join(str(part.content) for part in person.app.screen.query(Static) if part.display)  # noqa: E731
        await person.until(lambda: "no conversation yet" in shown())
        await person.press("escape")
        await person.say("make it leap now")
        await person.asked()
        await person.press("s")  # writes are not asked about any more, and shown all the same
        await person.asked()
        await person.press("y")
        dialogue = await over(person)
        assert [diff.title for diff in dialogue.query(Difference)] == [r"vault\[b].py  +1 -0"]  # shown, not obeyed
        await person.say("and now something else")
        await person.until(lambda: len(person.home.query(Dialogue)) == 2 and last(person).is_over)
    async with opened((80, 24)) as person:
        await person.press("ctrl+p")
        await person.type("sessions")
        await person.until(lambda: person.app.screen.query("OptionList").first().highlighted == 0)
        await person.press("enter")
        await person.until(lambda: isinstance(person.app.screen, SessionList))
        listed = person.app.screen
        assert isinstance(listed, SessionList)
        await person.until(lambda: listed.here)
        await person.press("slash")
        await person.type("x")
        await person.until(lambda: not listed.here)
        for words, found in (("something leap", False), ("something", True)):  # each in one entry, not in one another's
            listed.query_one(Input).value = words
            await person.until(lambda found=found: bool(listed.here) is found)
        session = listed.here
        await person.press("down", "x")
        await person.until(lambda: list(project.glob("session-*.md")))
        assert "It leaps." in next(project.glob("session-*.md")).read_text()
        await person.press("enter")
        await person.until(lambda: len(person.home.query(Retold)) == 2)
        first, second = person.home.query(Retold)
        assert [tool.title for tool in first.query(ToolLine)] == ["write_file vault[b].py", "run vault[b].py"]
        assert [fold.title for fold in first.query(Collapsible)] == [r"vault\[b].py  +1 -0", "what came of it"]
        assert [text.source for text in first.query(Markdown)] == ["I **write** it.", "It leaps."]
        assert first.query(ToolLine).last().told.startswith("exit code 0") and second.text == "An answer."
        assert all(fold.collapsed for fold in first.query(Collapsible))
        first.focus()
        await person.press("d")
        assert not any(fold.collapsed for fold in first.query(Collapsible))
        assert "<data" not in "\n".join(str(part.content) for part in first.query(Static))
        person.prompt.line.focus()
        await person.say("/sessions")
        await person.until(lambda: isinstance(person.app.screen, SessionList) and person.app.screen.here)
        await person.press("f")
        await person.until(lambda: isinstance(person.app.screen, MessageList))
        await person.press("up", "enter")  # the person's own last request: it comes back to be said otherwise
        await person.until(lambda: person.prompt.text == "and now something else")
        assert len(person.home.query(Retold)) == 3  # the fork has the first request alone
        await person.press("enter")
        await over(person)
        assert [m["content"] for m in model.heard() if m["role"] == "user"][1:] == ["and now something else"]
        await person.say("/sessions leap")
        await person.until(lambda: isinstance(person.app.screen, SessionList) and person.app.screen.here)
        listed = person.app.screen
        assert isinstance(listed, SessionList)
        while listed.here != session:
            await person.press("down")
        await person.press("d")
        panel = await person.asked()
        assert panel.question.text == f"Delete the session {session}?"
        await person.press("y")
        await person.until(lambda: session not in [option.id for option in listed.query_one(OptionList).options])


@played
async def test_a_long_conversation_opens_at_its_end_and_the_rest_comes_as_it_is_scrolled_to(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("luci.screens.past.MOST", 16)
    monkeypatch.setattr("luci.screens.retold.ENTRIES", 7)  # read together, wherever that parts a request
    kept = Sessions()
    session = kept.begin(project)
    for number in range(24):
        kept.add(session, "message", Message("user", f"request {number}").as_dict())
        kept.add(session, "message", Message("assistant", f"answer {number}").as_dict())
    kept.close()
    async with opened((100, 20)) as person:
        conversation = person.home.conversation
        person.home.switch("", session)
        shown = lambda: [retold.heading for retold in person.home.query(Retold)]  # noqa: E731
        numbers = lambda: [int(heading.split()[1]) for heading in shown()]  # noqa: E731
        await person.until(lambda: shown() and shown()[-1] == "request 23")
        assert len(shown()) < 16
        seen: set[int] = set()
        while 0 not in numbers():
            first = numbers()[0]
            conversation.scroll_home(animate=False)
            await person.until(lambda first=first: numbers()[0] < first)
            assert numbers() == list(range(numbers()[0], numbers()[-1] + 1)) and len(numbers()) <= 24
            seen |= set(numbers())
        assert len(seen) == 24 and numbers()[-1] < 23  # what is far away went
        await person.until(lambda: not conversation._bringing)
        person.prompt.line.focus()
        await person.say("/rnu")  # something new is shown at the end
        await person.until(lambda: numbers()[-1] == 23 and numbers()[0] > 8)


@played
async def test_another_model_answers_from_the_next_request_on_and_knows_what_was_said(model: ModelServer) -> None:
    model.script += [Said("One."), Said("Two.")]
    model.models = ("scripted", "scripted-two", "other", "text-embedding")
    async with opened() as person:
        bar = person.home.query_one(Bar)
        await person.until(lambda: bar.model == "scripted")  # before anybody asked it anything
        await person.say("first of all")
        await over(person)
        await person.say("model")
        await person.until(
            lambda: isinstance(person.app.screen, ModelList) and listed(person)[:3] == list(model.models[:3])
        )
        await person.type("two")
        assert listed(person) == ["scripted-two"]
        await person.press("enter")
        await person.until(lambda: bar.model == "scripted-two")
        await person.say("and then")
        await person.until(lambda: len(person.home.query(Dialogue)) == 2)
        await over(person)
        assert [request["model"] for request in model.requests] == ["scripted", "scripted-two"]
        said = [message["content"] for message in model.heard()]
        assert "first of all" in said and "One." in said and "and then" in said
        await person.type("model scripted-")
        assert person.offers == ["scripted-two"]  # now that it is known
        await person.say("model scripted-tow")  # the servers of some take names that they do not list
        await person.until(lambda: any("It has scripted-two" in reply for reply in person.replies))
        assert bar.model == "scripted-tow"


@played
async def test_without_a_model_luci_does_what_it_can_by_itself() -> None:
    async with opened() as person:
        await person.say("What does hop.py need?")
        await person.until(lambda: person.cards and person.cards[-1].story.is_over)
        assert person.cards[-1].heading == "plan hop.py" and "quokka" in text_of(person.cards[-1])
        assert person.replies == ["No model is set up. I take it for: plan hop.py"]
        await person.say("search our conversations for full moons")
        await person.until(lambda: isinstance(person.app.screen, SessionList))
        assert person.app.screen.query_one(Input).value == "full moons"
        await person.press("escape")
        await person.say("model")
        await person.until(lambda: isinstance(person.app.screen, ModelList) and "openai" in listed(person))
        await person.press("escape")
        await person.say("Draw a full moon.")
        await person.until(lambda: "Without a model" in person.replies[-1])
        assert last(person).has_class("-failed") and len(person.home.query(Dialogue)) == 1


def listed(person: Person) -> list[str]:
    return [str(option.id) for option in person.app.screen.query_one(OptionList).options]
