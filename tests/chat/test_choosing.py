"""A person chooses who answers, for one conversation."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest

from luci import config, paths
from luci.actions.door import done
from luci.chat import offers
from luci.context import Context
from luci.events import Warned
from tests.chat.conftest import Person
from tests.model_server import ModelServer, Said


def test_who_is_chosen_gets_the_request_alone_and_no_key_and_price_of_others(
    person: Person, model: Callable[..., ModelServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = ModelServer(Said("Mine."), models=("own", "second"))
    configured = model(Said("A plan."), Said("Theirs."), Said("Theirs, too."))
    monkeypatch.setenv("LUCI_MODEL_PLANNER", "planner")
    monkeypatch.setenv("LUCI_MODEL_PRICE_IN", "3")
    monkeypatch.setenv("LUCI_MODEL_REQUEST_COST", "1")
    monkeypatch.setenv("LUCI_MODEL_PROVIDER", "llamacpp")
    monkeypatch.setenv("LUCI_MODEL_BASE_URL", chosen.url)
    with chosen:
        assert person.ask("Who?").text == "Theirs."
        assert [request["model"] for request in configured.requests] == ["planner", "scripted"]
        assert not [event for event in person.seen if isinstance(event, Warned)]
        assert person.ask("Who?", model="llamacpp").text == "Mine."
        assert [request["model"] for request in chosen.requests] == ["own"] and len(configured.requests) == 2
        assert "key-for-tests-only" not in str(chosen.keys)
        (warned,) = [event for event in person.seen if isinstance(event, Warned)]
        assert "price of this model is not known" in warned.text


def test_a_server_that_is_not_up_is_told_and_others_can_be_chosen_all_the_same(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as there:
        free = there.getsockname()[1]
    monkeypatch.setenv("LUCI_BASE_URL", f"http://127.0.0.1:{free}/v1")
    offer = done("models", "some", Context(config.load()))
    assert "cannot be reached" in offer.doubt and "cannot be reached" in offer.told and "openai" in offer.others
    file = paths.config_file().with_name("keys.toml")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("openai = 'k'\n")
    file.chmod(0o644)  # which stops nobody who types
    assert "ollama" in offers.known(config.load())
    file.unlink()


def test_another_model_of_the_same_server_is_planned_for_all_the_same(
    person: Person, model: Callable[..., ModelServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = model(Said("A plan."), Said("So."))
    monkeypatch.setenv("LUCI_MODEL_PLANNER", "planner")
    person.ask("Go.", model="larger")
    assert [request["model"] for request in server.requests] == ["planner", "larger"]
