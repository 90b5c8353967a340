"""What a model thinks before it answers: shown apart, kept apart, and never taken for the answer or for its code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from luci.chat.export import markdown
from luci.chat.messages import Replied, Replying, Thinking
from luci.chat.written import Written
from tests import model_dialects as dialects
from tests.chat.conftest import Person
from tests.model_server import ModelServer, Said

Serve = Callable[..., ModelServer]
CODE = "```python\n# file: {0}.py\nprint('{0}')\n```\n"
THOUGHTS = "First a draft:\n\n" + CODE.format("plover")


def read(*texts: str) -> tuple[str, str]:
    """The answer and the thoughts that pieces come to."""
    written = Written()
    for text in texts:
        written.take({"choices": [{"delta": {"content": text}}]})
    message = written.answer("").message
    return message.text, message.thoughts


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<think>so</think>Yes.", ("Yes.", "so")),
        ("\n<think>\n\n</think>\n\nYes.", ("Yes.", "\n\n")),
        ("<thinking>a < b</thinking>\n<think>more</think> Yes.", ("Yes.", "a < bmore")),
        ("[THINK]so[/THINK]Yes.", ("Yes.", "so")),
        ("so it is\n</think>\n\nYes.", ("Yes.", "so it is")),
        ("<think>it never ends", ("", "it never ends")),
        ("<think>it ends in </th", ("", "it ends in </th")),
        ("Yes: <think> is a tag.", ("Yes: <think> is a tag.", "")),
        ("```\n<think>\n</think>\n```\nis how.", ("```\n<think>\n</think>\n```\nis how.", "")),
        ("<thing>", ("<thing>", "")),
        ("<thin", ("<thin", "")),
    ],
)
def test_thoughts_within_the_text_are_parted_from_it_however_it_is_cut(text: str, expected: tuple[str, str]) -> None:
    for size in (1, 2, 3, 5, 8, len(text)):
        assert read(*(text[at : at + size] for at in range(0, len(text), size))) == expected, size


@pytest.mark.parametrize("within", [True, False], ids=["within the text", "beside it"])
def test_what_is_thought_is_no_answer_no_code_and_is_not_sent_back(person: Person, model: Serve, within: bool) -> None:
    said = CODE.format("hi")
    answer = Said(f"<think>{THOUGHTS}</think>{said}") if within else Said(said, thoughts=THOUGHTS)
    server = model(Said(status=400, message="tools are not supported"), answer, Said("It says hi."))
    assert person.ask("Say hi.").scripts == ("hi.py",)
    assert not (person.folder / "plover.py").exists() and "plover" not in str(server.requests[1:])
    shown = {kind: "".join(e.text for e in person.seen if isinstance(e, kind)) for kind in (Thinking, Replying)}
    assert shown[Thinking].strip() == THOUGHTS.strip() and "plover" not in shown[Replying]
    assert not any(event.anew for event in person.seen if isinstance(event, Replied))
    assert person.sessions is not None
    (session,) = person.sessions.all()
    entries = person.sessions.entries(session.id)
    assert [entry.kind for entry in entries][:3] == ["message", "thought", "message"]
    assert "print('plover')" in markdown(session, entries) and not person.sessions.search("plover")
    assert all("plover" not in message.text for message in person.sessions.messages(session.id))


def test_thoughts_whose_beginning_nobody_saw_are_taken_out_of_the_answer_at_its_end(
    person: Person, model: Serve
) -> None:
    model(Said("Hm, let me see.\n</think>\n\nForty-two."))
    assert person.ask("What is it?").text == "Forty-two."
    (end,) = [event for event in person.seen if isinstance(event, Replied)]
    assert (end.text, end.anew) == ("Forty-two.", True)
    model(Said("<think>Hm, let me see."))
    assert person.ask("What is it?").why == "the model thought, and said nothing"


def test_secrets_in_thoughts_are_masked_also_where_they_come_in_pieces(
    person: Person, model: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_TOKEN", "s3cret-of-the-shop")
    model(Said("Yes.", thoughts="The token is s3cret-of-the-shop, I think.", piece=9))
    person.ask("Well?")
    thought = "".join(event.text for event in person.seen if isinstance(event, Thinking))
    assert thought == "The token is [secret SHOP_TOKEN], I think."
    assert person.sessions is not None
    assert b"s3cret" not in b"".join(p.read_bytes() for p in person.sessions.file.parent.glob("sessions.sqlite3*"))


def test_thoughts_go_back_with_a_call_to_the_servers_that_want_them(person: Person, model: Serve) -> None:
    def asked(dialect: dialects.Dialect) -> tuple[ModelServer, dict[str, Any]]:
        call = Said("Look.", calls=(("list_files", {}),), thoughts="I look around.")
        server = model(call, Said("Seen."), dialect=dialect)
        assert person.ask("Look.").text == "Seen."
        (message,) = [message for message in server.heard() if message["role"] == "assistant"]
        return server, message

    _, message = asked(dialects.Dialect())
    assert "I look" not in str(message)
    server, message = asked(dialects.DeepSeek())
    assert message["reasoning_content"] == "I look around." and len(server.refused) == 1
    _, message = asked(dialects.OpenRouter())
    first, second = message["reasoning_details"]
    assert (first["text"], first["signature"], first["index"]) == ("I look around.", "signed", 0)
    assert second == {"type": "reasoning.encrypted", "data": "x", "index": 1}
