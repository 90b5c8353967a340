"""The servers that luci names, each in its own dialect: what it refuses, how it cuts an answer, what it counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from luci.chat import providers
from luci.chat.messages import Answer, AskedAgain, Message, ToolCall
from luci.chat.model import Model, ModelError, NoTools, TooLong
from luci.chat.providers import PROVIDERS, Endpoint, serves_models
from luci.chat.written import Written
from luci.config import ModelSettings
from luci.events import Event, Warned
from tests import model_dialects as dialects
from tests.chat.conftest import Person
from tests.model_server import ModelServer, Said

HELLO = [Message("system", "Be good."), Message("user", "one"), Message("user", "two")]
TOOLS = [{"type": "function", "function": {"name": "run", "parameters": {"type": "object", "properties": {}}}}]
TWO = (("run", {"script": "a.py"}), ("run", {"script": "b.py"}))
NAMES: dict[str, Callable[[], dialects.Dialect]] = {
    "openai": dialects.OpenAI,
    "openrouter": dialects.OpenRouter,
    "anthropic": dialects.Anthropic,
    "google": dialects.Google,
    "ollama": dialects.Ollama,
    "lmstudio": dialects.LMStudio,
    "llamacpp": dialects.LlamaCpp,
    "vllm": dialects.VLLM,
}


def model(server: ModelServer, name: str = "", **settings: Any) -> Model:
    endpoint = Endpoint(name, server.url, "scripted", "key", "the test")
    return Model(endpoint, ModelSettings(**settings), lambda: False)


def ask(asked: Model, messages: list[Message] = HELLO, most: int = 0) -> tuple[Answer, list[Event]]:
    steps, seen = asked.answer(messages, TOOLS, most), []
    while True:
        try:
            seen.append(next(steps))
        except StopIteration as end:
            return end.value, seen


@pytest.mark.parametrize("name", NAMES)
def test_each_server_is_asked_as_it_wants_and_understood_as_it_answers(name: str) -> None:
    said = Said(
        "Two.", calls=TWO if name != "lmstudio" else TWO[:1], usage={"prompt_tokens": 9, "completion_tokens": 3}
    )
    with ModelServer(said, Said("Done."), dialect=NAMES[name]()) as server:
        asked = model(server, name)
        answer, seen = ask(asked, most=400_000)
        assert [(call.name, call.arguments) for call in answer.message.calls] == [
            (tool, f'{{"script": "{arguments["script"]}"}}') for tool, arguments in said.calls
        ]
        assert len({call.id for call in answer.message.calls}) == len(said.calls)
        assert answer.message.whole and not any(isinstance(event, AskedAgain) for event in seen)
        assert (answer.usage.prompt or 0) > 0 and answer.usage.completion == 3
        told = [Message("tool", "ok", call_id=call.id) for call in answer.message.calls]
        silent = Message("assistant", "", whole=False)  # one that was stopped before it said anything
        after, _ = ask(asked, [*HELLO, silent, Message.of(answer.message.as_dict()), *told])
        assert after.message.text == "Done."
        sent = server.requests[0]
        limit = sent.get("max_completion_tokens" if name == "openai" else "max_tokens")
        assert limit == 32_000  # and not the budget of a day, which no server writes


def test_what_a_server_wants_back_with_a_call_is_for_that_server_alone() -> None:
    call = ToolCall("1", "run", "{}", {"by": "google", "extra_content": {"google": {"thought_signature": "s"}}})
    message = Message.of(Message("assistant", "", (call,)).as_dict())
    assert message.as_wire("google")["tool_calls"][0]["extra_content"]["google"]["thought_signature"] == "s"
    assert "extra_content" not in message.as_wire("openai")["tool_calls"][0]
    with ModelServer(Said("Hi."), dialect=dialects.Google()) as server:  # the call is of another model
        answer, _ = ask(model(server, "google"), [*HELLO, message, Message("tool", "ok", call_id="1")])
        assert answer.message.text == "Hi." and len(server.refused) == 1


def test_bad_calls_of_the_past_do_not_make_a_server_refuse_all_that_follows() -> None:
    wire = Message("assistant", "", (ToolCall("1", "no such tool!", '{"path": "unfin'),)).as_wire()
    assert wire["content"] is None
    assert wire["tool_calls"][0]["function"] == {"name": "no_such_tool_", "arguments": "{}"}


@pytest.mark.parametrize(
    ("dialect", "name", "expected"),
    [
        (dialects.OpenAI(most=16_000), "openai", {}),
        (dialects.OpenAI(most=16_000), "", {}),  # unknown as a base URL: the old word, then the new one, then none
        (dialects.Unverified(), "openai", {"max_completion_tokens": 32_000}),
        (dialects.OpenRouter(most=900), "openrouter", {"max_tokens": 900}),
        (dialects.Anthropic(most=8_192), "anthropic", {}),
        (dialects.VLLM(room=4_096), "vllm", {}),
    ],
    ids=["openai", "as openai", "unverified", "openrouter", "anthropic", "vllm"],
)
def test_a_refused_limit_or_stream_is_left_out_and_stays_so(
    dialect: dialects.Dialect, name: str, expected: dict[str, int]
) -> None:
    with ModelServer(Said("Hi."), Said("Again."), dialect=dialect) as server:
        asked = model(server, name)
        answer, seen = ask(asked, most=400_000)
        assert answer.message.text == "Hi." and not any(isinstance(event, AskedAgain) for event in seen)
        sent = server.requests[0]
        assert {key: told for key, told in sent.items() if key.startswith("max_")} == expected
        refusals = len(server.refused)
        ask(asked, most=400_000)
        assert len(server.refused) == refusals > 0  # it is learnt


@pytest.mark.parametrize("dialect", [dialects.NoToolsInOllama(), dialects.LlamaCppWithoutJinja()], ids=["400", "500"])
def test_tools_that_are_not_taken_are_told_apart_in_each_wording(dialect: dialects.Dialect) -> None:
    with ModelServer(dialect=dialect) as server, pytest.raises(NoTools):
        ask(model(server))


@pytest.mark.parametrize(
    "words",
    [
        "An assistant message with 'tool_calls' must be followed by tool messages",
        "Invalid schema for function 'run'",
        "Invalid 'messages[2].tool_calls[0].id'",
    ],
)
def test_a_refusal_that_only_names_tools_does_not_take_them_away(words: str) -> None:
    with ModelServer(Said(status=400, message=words)) as server:
        with pytest.raises(ModelError) as caught:
            ask(model(server))
        assert not isinstance(caught.value, NoTools) and caught.value.cause == words


def test_an_error_in_the_middle_of_a_stream_is_told_in_the_servers_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("luci.chat.model.DELAYS", (0.01,))
    ends = [{"index": 0, "delta": {"content": ""}, "finish_reason": "error"}]
    errors = (
        {"id": "1", "error": {"code": 502, "message": "the provider went away"}, "choices": ends},  # OpenRouter
        {"object": "error", "message": "the provider went away", "code": 500},  # vLLM
        {"error": {"message": "the provider went away", "type": "server_error"}},
    )
    for error in errors:
        with ModelServer(Said("half of", fault="error", error=error), Said("All of it.")) as server:
            answer, seen = ask(model(server))
            assert answer.message == Message("assistant", "All of it.")
            (again,) = [event for event in seen if isinstance(event, AskedAgain)]
            assert "the provider went away" in again.reason
    paid = {"error": {"code": 402, "message": "Insufficient credits"}}
    with ModelServer(Said("half of", fault="error", error=paid)) as server:
        answer, seen = ask(model(server))
        assert not answer.message.whole and not any(isinstance(event, AskedAgain) for event in seen)


def test_comments_that_keep_a_stream_alive_are_no_silence_and_cost_is_told() -> None:
    with ModelServer(Said("Hi.", alive=18), dialect=dialects.OpenRouter()) as server:
        answer, _ = ask(model(server, "openrouter", timeout_seconds=1, tries=1))
        assert answer.message.text == "Hi." and answer.usage.cost == 0.00125


def test_calls_are_told_apart_however_their_pieces_are_cut() -> None:
    def calls(*parts: dict[str, Any]) -> list[tuple[str, str]]:
        written = Written()
        for part in parts:
            written.take({"choices": [{"delta": {"tool_calls": [part]}}]})
        return [(call.name, call.arguments) for call in written.answer("").message.calls]

    def part(name: str = "", arguments: str = "", **more: Any) -> dict[str, Any]:
        return {"function": {"name": name, "arguments": arguments}, **more}

    both = [("a", '{"x": 1}'), ("b", '{"y": 2}')]
    assert calls(part("a", '{"x": 1}', index=0, id="1"), part("b", '{"y": 2}', index=0, id="2")) == both
    assert calls(part("a", '{"x": 1}', index=0), part("b", '{"y": 2}', index=0)) == both
    assert calls(part("a", '{"x"', index=0, id="1"), part("a", ": 1}", index=0, id="1")) == both[:1]
    assert calls(part("a", '{"x"', index=0, id="1"), part("", ": 1}", index=0, id="2")) == both[:1]
    assert calls(part("a", '{"x": 1}{"x": 2}', index=0, id="1")) == [("a", '{"x": 1}'), ("a", '{"x": 2}')]
    interleaved = (part("a", "", index=0, id="1"), part("b", "", index=1, id="2"), part("", '{"x": 1}', index=0))
    assert calls(*interleaved, part("", '{"y": 2}', index=1)) == both
    assert calls(part("a", {"x": 1}, index=None)) == both[:1]  # type: ignore[arg-type]  # a server that sends a value


def test_the_newest_of_a_family_and_the_first_that_speaks_are_taken() -> None:
    offered = {
        "anthropic": (("claude-opus-4-1", "claude-sonnet-4-20250514", "claude-sonnet-4-5-20250929"), -1),
        "google": (("gemini-2.5-flash", "gemini-2.0-pro", "gemini-2.5-pro"), -1),
        "openrouter": (("anthropic/claude-sonnet-4", "anthropic/claude-3.7-sonnet", "anthropic/claude-sonnet-4.5"), -1),
        "lmstudio": (("qwen3-coder",), 0),
    }
    for name, (names, expected) in offered.items():
        with ModelServer(models=names, dialect=NAMES[name]()) as server:
            endpoint = Endpoint(name, server.url, "", "key", "", PROVIDERS[name].family)
            assert Model(endpoint, ModelSettings(), lambda: False).name == names[expected]


def test_a_web_server_at_a_usual_port_is_no_model_server(monkeypatch: pytest.MonkeyPatch) -> None:
    with ModelServer() as server:
        assert serves_models(server.url) and not serves_models(f"{server.url}/chat")
        found = {name: provider for name, provider in PROVIDERS.items() if not provider.local}
        found["ollama"] = providers.Provider("ollama", server.url)
        monkeypatch.setattr(providers, "PROVIDERS", found)
        assert [provider.name for provider in providers.servers_here()] == ["ollama"]


def test_a_model_that_holds_less_is_told_less(person: Person, model: Callable[..., ModelServer]) -> None:
    big = "\n".join(f"line {n} of a long file" for n in range(3000))
    (person.folder / "big.txt").write_text(big)
    server = model(
        Said(calls=(("read_file", {"path": "big.txt", "lines": 3000}),)),
        Said("Read."),
        dialect=dialects.LlamaCpp(room=9_000),
    )
    assert person.ask("Read it.").text == "Read."
    assert len(server.refused) >= 1 and any(isinstance(e, Warned) and "more than" in e.text for e in person.seen)
    server.dialect = dialects.LlamaCpp(room=3_000)  # which leaves nothing for the tools
    server.script += [Said("All of it?")]
    person.seen.clear()
    assert person.ask("What is in this?\n" + big).text == "All of it?"
    told = [event.text for event in person.seen if isinstance(event, Warned)]
    assert "(3,000 tokens)" in told[0] and "longer than what the model is told (about 3,000 tokens)" in told[1], told
    assert "tools" not in server.requests[-1] and server.told().startswith("What is in this?\nline 0")
    assert server.told().endswith("line 2999 of a long file") and not any("drop" in text for text in told)
    server.dialect = dialects.LlamaCpp(room=100)
    with pytest.raises(TooLong):
        person.ask("And now?")


def test_a_prompt_that_lost_its_beginning_is_found_out_also_when_half_of_it_is_there(
    person: Person, model: Callable[..., ModelServer]
) -> None:
    (person.folder / "big.txt").write_text("word and word\n" * 900)
    model(
        *[Said(calls=(("read_file", {"path": "big.txt", "lines": n}),)) for n in (900, 899)],
        Said("Read."),
        dialect=dialects.Ollama(room=4_096),
    )
    person.ask("Read it.")
    assert any(isinstance(event, Warned) and "drop the beginning" in event.text for event in person.seen)


def test_an_answer_with_nothing_in_it_is_no_success(person: Person, model: Callable[..., ModelServer]) -> None:
    model(Said(""))
    assert person.ask("Hello?").why == "the model said nothing"


def test_a_small_model_of_a_local_server_is_asked_to_do_without_tools_and_within_what_it_holds(
    person: Person, model: Callable[..., ModelServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("luci.chat.model.DELAYS", (0.01,))
    script = Said("```python\n# file: hi.py\nprint('hi')\n```\n")
    server = model(script, Said("It says hi."), dialect=dialects.LlamaServer(3_000, loading=2))
    monkeypatch.delenv("LUCI_MODEL")  # so that it is asked for its name
    steps = person.talk().model.ready()
    assert len(list(steps)) == 2  # it was waited for
    assert person.ask("Say hi.").scripts == ("hi.py",)
    first = server.requests[0]
    assert "tools" not in first and first["max_tokens"] < 3_000
    server.dialect = dialects.LlamaServer(100_000, tells=False)
    server.script += [Said("I cannot."), script, Said("It says hi.")]
    assert person.ask("Say hi.").scripts == ("hi.py",)
    assert "tools" in server.requests[2] and "tools" not in server.requests[3]
    assert [message["content"] for message in server.heard(3) if message["role"] == "assistant"] == []


def test_what_local_servers_tell_of_their_models_is_read() -> None:
    class Ollama(dialects.Ollama):
        def tells(self, path: str) -> Any:
            rows = [{"name": "other", "context_length": 1}, {"name": "scripted", "context_length": 4096}]
            return {"models": rows} if path == "/api/ps" else None

    class VLLM(dialects.VLLM):
        def models(self, names: tuple[str, ...]) -> dict[str, Any]:
            return {"data": [{"id": name, "max_model_len": 8192} for name in names]}

    for dialect, room in ((Ollama(), 4096), (VLLM(), 8192), (dialects.Dialect(), 0)):
        with ModelServer(dialect=dialect) as server:
            assert model(server).served.room == room and model(server).served.tools
