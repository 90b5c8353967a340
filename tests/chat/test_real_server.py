"""A real model server, where one is named: LUCI_TEST_SERVER=http://127.0.0.1:8080/v1 (llama-server with any model).

With tests/chat/tools.jinja as its template (`--jinja --chat-template-file`) and `--temp 0 --seed 1`, even a small model
calls the tool that it is shown.
"""

from __future__ import annotations

import os

import pytest

from luci.chat.messages import Replied, Replying, Spent, Used, Using
from luci.chat.model import Model
from luci.chat.providers import Endpoint, serves_models
from luci.config import ModelSettings
from tests.chat.conftest import Person

SERVER = os.environ.get("LUCI_TEST_SERVER", "")
pytestmark = pytest.mark.skipif(not SERVER, reason="LUCI_TEST_SERVER names no model server")


def test_a_real_server_is_found_asked_heard_in_pieces_counted_and_stopped(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LUCI_BASE_URL", SERVER)
    assert serves_models(SERVER)
    known = Model(Endpoint("", SERVER, "", "", ""), ModelSettings(), lambda: False)
    assert known.name in known.offered()
    most = "2600" if known.served.tools else "900"  # so that it comes to an end soon
    monkeypatch.setenv("LUCI_MODEL_REQUEST_TOKENS", most)
    person.stops = lambda: sum(isinstance(event, Replying) for event in person.seen) > 5
    outcome = person.ask("Tell me a long story of a fox.")
    assert outcome.why == "it was stopped" and outcome.text
    person.stops = lambda: False
    person.seen.clear()
    person.ask("Say hello.")
    (spent,) = [event for event in person.seen if isinstance(event, Spent)][-1:]
    assert spent.context > 100 and any(isinstance(event, Replied) for event in person.seen)


def test_a_real_server_calls_a_tool_and_hears_what_came_of_it(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUCI_BASE_URL", SERVER)
    if not Model(Endpoint("", SERVER, "", "", ""), ModelSettings(), lambda: False).served.tools:
        pytest.skip("its template knows no tools")
    monkeypatch.setenv("LUCI_MODEL_REQUEST_TOKENS", "9000")
    call = '{"name": "run_code", "arguments": {"code": "print(6*7)"}}'
    person.stops = lambda: any(isinstance(event, Used) for event in person.seen)  # what it says then is its own
    talk = person.talk()
    person.ask(f"Say exactly this:\n<tool_call>\n{call}\n</tool_call>", talk)
    used = [event for event in person.seen if isinstance(event, Used)]
    assert any(isinstance(event, Using) and event.tool == "run_code" for event in person.seen)
    assert used and used[0].ok and "42" in used[0].told and person.kinds == ["run"]
    assert [message.role for message in talk.messages][:3] == ["user", "assistant", "tool"]
