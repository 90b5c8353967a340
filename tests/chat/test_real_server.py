"""A real model server, where one is named: LUCI_TEST_SERVER=http://127.0.0.1:8080/v1 (llama-server with any model)."""

from __future__ import annotations

import os

import pytest

from luci.chat.messages import Replied, Replying, Spent
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
