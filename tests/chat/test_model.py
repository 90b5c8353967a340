"""What a model server may do, and what luci makes of it. The server is real, and speaks over HTTP."""

from __future__ import annotations

import json
import ssl
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from luci.chat.messages import Answer, AskedAgain, Message, Replying, ToolCall, Usage
from luci.chat.model import Model, ModelError, NoTools
from luci.chat.providers import Endpoint
from luci.config import ModelSettings
from luci.events import Event
from tests.model_dialects import piece
from tests.model_server import ModelServer, Said
from tests.raw_server import RawServer

SOON = {"retry-after": "0.01"}  # so that no test waits for the usual delay
HELLO = [Message("user", "hello")]


def ask(
    server: ModelServer | RawServer, stop: Callable[[], bool] = lambda: False, **settings: Any
) -> tuple[Answer, list[Event]]:
    endpoint = Endpoint("", server.url, "scripted", "key", "the test")
    steps = Model(endpoint, ModelSettings(**settings), stop).answer(HELLO)
    seen = []
    while True:
        try:
            seen.append(next(steps))
        except StopIteration as end:
            return end.value, seen


def served(*script: Said) -> ModelServer:
    return ModelServer(*script)


def test_an_answer_comes_in_pieces_and_as_a_whole() -> None:
    with served(Said("One two three four.", usage={"prompt_tokens": 5, "completion_tokens": 4})) as server:
        answer, seen = ask(server)
        assert answer.message == Message("assistant", "One two three four.")
        assert answer.usage == Usage(5, 4)
        assert "".join(e.text for e in seen if isinstance(e, Replying)) == "One two three four." and len(seen) > 1
        assert server.keys == ["Bearer key"]
        assert server.requests[0]["stream"] is True


def test_tool_calls_are_put_together_from_their_pieces() -> None:
    calls = (("run", {"script": "a.py"}), ("plan", '{"script": "ü'))
    with served(Said("Two.", calls=calls, piece=3)) as server:
        answer, _ = ask(server)
        assert answer.message.calls == (
            ToolCall("c0", "run", '{"script": "a.py"}'),
            ToolCall("c1", "plan", '{"script": "ü'),
        )


def test_an_answer_in_one_piece_is_taken_too() -> None:
    with served(Said("All at once.", calls=(("run", {}),), fault="whole")) as server:
        answer, _ = ask(server)
        assert answer.message.text == "All at once." and answer.message.calls[0].name == "run"


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_passing_fault_is_tried_again(status: int) -> None:
    with served(Said(status=status, headers=SOON), Said(status=status, headers=SOON), Said("Now.")) as server:
        answer, seen = ask(server)
        assert answer.message.text == "Now."
        assert [e.seconds for e in seen if isinstance(e, AskedAgain)] == [0.01, 0.01]


def test_a_fault_that_does_not_pass_ends_in_words() -> None:
    with served(*[Said(status=500, message="out of tea", headers=SOON)] * 2) as server:
        with pytest.raises(ModelError) as caught:
            ask(server, tries=2)
        assert caught.value.message == "127.0.0.1 answered 500." and caught.value.cause == "out of tea"
        assert len(server.requests) == 2


def test_who_wants_to_be_left_alone_for_long_is() -> None:
    with served(Said(status=429, headers={"retry-after": "3600"})) as server:
        with pytest.raises(ModelError, match="too much to do") as caught:
            ask(server)
        assert "3600 s" in caught.value.cause and len(server.requests) == 1


def test_a_wrong_key_is_said_and_not_tried_again() -> None:
    with served(Said(status=401, message="no such key")) as server:
        with pytest.raises(ModelError) as caught:
            ask(server)
        assert caught.value.message == "127.0.0.1 does not accept the key."
        assert caught.value.hint == "The key comes from the test." and len(server.requests) == 1


def test_a_page_is_no_answer() -> None:
    with served(Said(fault="html")) as server, pytest.raises(ModelError, match="text/html"):
        ask(server)


def test_tools_that_are_not_taken_are_told_apart() -> None:
    with served(Said(status=400, message="this model does not support tools")) as server, pytest.raises(NoTools):
        ask(server)


@pytest.mark.parametrize("fault", ["drop", "garbage"])
def test_an_answer_that_breaks_off_is_asked_for_again(fault: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("luci.chat.model.DELAYS", (0.01,))
    with served(Said("half of it is", fault=fault), Said("All of it.")) as server:
        answer, seen = ask(server)
        assert answer.message == Message("assistant", "All of it.")
        assert any(isinstance(e, AskedAgain) for e in seen)


def test_an_answer_that_always_breaks_off_is_marked_and_its_calls_are_void(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("luci.chat.model.DELAYS", (0.01,))
    longer = Said("This is the longer piece of the two.", calls=(("run", {"script": "a.py"}),), fault="drop")
    with served(longer, Said("Short one.", fault="drop")) as server:
        answer, _ = ask(server, tries=2)
        assert not answer.message.whole and answer.why_not_whole == "it broke off"
        assert answer.message.text.startswith("This is") and not answer.message.calls


def test_silence_is_not_waited_for_without_end() -> None:
    with served(Said("It begins and then", fault="silence")) as server:
        answer, _ = ask(server, tries=1, timeout_seconds=0.3)
        assert not answer.message.whole and answer.message.text


def test_a_stop_keeps_what_was_said_and_the_server_hears_of_it() -> None:
    for said, kept in ((Said("It begins and then", fault="silence"), "It begi"), (Said(fault="waits"), "")):
        with served(said) as server:
            heard: list[Event] = []

            def stop(
                server: ModelServer = server, heard: list[Event] = heard, waits: bool = said.fault == "waits"
            ) -> bool:
                return bool(server.requests) if waits else bool(heard)

            steps = Model(Endpoint("", server.url, "scripted", "", ""), ModelSettings(), stop).answer(HELLO)
            with pytest.raises(StopIteration) as end:
                while True:
                    heard.append(next(steps))
            assert end.value.value.message == Message("assistant", kept, whole=False)
            assert wait_for(lambda server=server: server.left)  # it writes for nobody any more


def test_a_stop_while_it_waits_to_ask_again_keeps_what_was_said() -> None:
    with served(Said("half of it is", fault="drop")) as server:
        heard: list[Event] = []
        stop = lambda: any(isinstance(event, AskedAgain) for event in heard)  # noqa: E731
        steps = Model(Endpoint("", server.url, "scripted", "", ""), ModelSettings(), stop).answer(HELLO)
        with pytest.raises(StopIteration) as end:
            while True:
                heard.append(next(steps))
        answer = end.value.value
        assert answer.message.text.startswith("half") and not answer.message.whole and len(server.requests) == 1


def wait_for(fact: Callable[[], object]) -> bool:
    end = time.monotonic() + 60
    while not fact() and time.monotonic() < end:
        time.sleep(0.01)
    return bool(fact())


def test_a_cut_at_the_limit_of_length_is_marked() -> None:
    with served(Said("And so", reason="length")) as server:
        answer, _ = ask(server)
        assert answer.why_not_whole == "it reached the model's limit of length"


def test_a_refusal_is_an_answer() -> None:
    with served(Said(refusal="I will not.")) as server:
        answer, _ = ask(server)
        assert answer.message == Message("assistant", "I will not.")


def test_nobody_there_is_said_with_the_address() -> None:
    with served() as server:
        url = server.url
    with pytest.raises(ModelError, match=r"127\.0\.0\.1 cannot be reached"):
        steps = Model(Endpoint("", url, "m", "", ""), ModelSettings(tries=1), lambda: False).answer(HELLO)
        list(steps)


def test_without_a_name_the_first_that_is_offered_is_taken() -> None:
    with ModelServer(Said("Hi."), models=("small", "large")) as server:
        model = Model(Endpoint("", server.url, "", "", ""), ModelSettings(), lambda: False)
        list(model.answer(HELLO))
        assert server.requests[0]["model"] == "small"


STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


def events(*told: object, end: bytes = b"\n") -> bytes:
    """The bytes of a stream of server-sent events."""
    texts = (each if isinstance(each, str) else json.dumps(each, ensure_ascii=False) for each in told)
    return b"".join(b"data: " + text.encode() + end + end for text in texts)


def test_an_answer_is_understood_however_its_bytes_come() -> None:
    strange = "Grüße 🦊\u2028\x85."
    said = (piece({"role": "assistant", "content": None}), piece({"content": strange}), piece({}, "stop"))
    whole = STREAM + events(*said, "[DONE]")
    parts = events(*said)
    for name, sent in {
        "each byte alone": [whole[at : at + 1] for at in range(len(whole))],
        "other ends of lines": [STREAM + events(*said, "[DONE]", end=b"\r\n")],
        "other fields": [whole.replace(b"data: {", b": PROCESSING\n\nevent: message\ndata: {")],
        "no end but the reason": [STREAM + parts],
        "broken behind the reason": [CHUNKED + b"%x\r\n" % len(parts) + parts + b"\r\n"],
    }.items():
        with RawServer(sent) as server:
            answer, _ = ask(server, tries=1)
            assert answer.message == Message("assistant", strange), name
    old = [
        piece({"function_call": part}) for part in ({"name": "run", "arguments": ""}, {"arguments": '{"script":"a"}'})
    ]
    with RawServer([STREAM + events(*old, piece({}, "function_call"), "[DONE]")]) as server:
        (call,) = ask(server)[0].message.calls
        assert (call.name, call.arguments) == ("run", '{"script":"a"}') and call.id


def test_silence_behind_the_end_of_an_answer_is_no_fault() -> None:
    with served(Said("That is all.", fault="lingers")) as server:
        answer, seen = ask(server, timeout_seconds=0.3)
        assert answer.message == Message("assistant", "That is all.") and len(server.requests) == 1
        assert not any(isinstance(event, AskedAgain) for event in seen)


def test_an_answer_without_end_is_cut_off() -> None:
    with served(Said("It begins. " + "And so it goes on, again. " * 20_000)) as server:
        answer, _ = ask(server)
        assert answer.why_not_whole == "the model writes the same without end" and len(answer.message.text) < 9_000
        assert wait_for(lambda: server.left)  # and nothing more of it is paid for


def test_an_address_that_leads_elsewhere_or_that_nobody_vouches_for_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sends_on = b"HTTP/1.1 301 Moved\r\nLocation: https://h.example/v1/chat/completions\r\nContent-Length: 0\r\n\r\n"
    with RawServer([sends_on]) as server, pytest.raises(ModelError, match="sends on") as caught:
        ask(server)
    assert caught.value.hint.endswith("model.base_url https://h.example/v1")
    key, certificate = str(tmp_path / "key.pem"), str(tmp_path / "certificate.pem")
    made = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=here -addext subjectAltName=IP:127.0.0.1"
    subprocess.run([*made.split(), "-keyout", key, "-out", certificate], check=True, capture_output=True)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate, key)
    with RawServer([STREAM + events(piece({"content": "Hi."}, "stop"))], tls=tls) as server:
        with pytest.raises(ModelError, match="Nobody vouches") as caught:
            ask(server)
        assert "SSL_CERT_FILE" in caught.value.hint and not server.paths
        monkeypatch.setenv("SSL_CERT_FILE", certificate)
        assert ask(server)[0].message.text == "Hi."
