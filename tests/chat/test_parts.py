"""The smaller parts: who answers, what fits into a context, what is secret, what a change may not do."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

from luci import config
from luci.chat.budget import reckoned
from luci.chat.faults import TooLong
from luci.chat.mending import Failure, Mending
from luci.chat.messages import Message, ToolCall
from luci.chat.providers import NoModel, endpoint
from luci.chat.room import Room
from luci.chat.secrets import Secrets, known
from luci.chat.window import fitting
from luci.config import ModelSettings
from luci.errors import ConfigError


@pytest.mark.parametrize(
    "module",
    [
        "providers",
        "secrets",
        "leave",
        "mending",
        "shorten",
        "vouching",
        "converse",
        "thoughts",
        "account",
        "hiding",
        "disguise",
        "written",
    ],
    ids=str,
)
def test_the_examples_in_the_code_hold(module: str) -> None:
    found = doctest.testmod(importlib.import_module(f"luci.chat.{module}"))
    assert found.attempted and not found.failed


@pytest.mark.parametrize(
    ("settings", "environ", "expected"),
    [
        ({}, {"OPENAI_API_KEY": "key-o"}, ("openai", "https://api.openai.com/v1", "key-o")),
        ({}, {"OPENAI_API_KEY": "key-o", "OPENAI_BASE_URL": "http://h/v1"}, ("", "http://h/v1", "key-o")),
        ({}, {"OPENROUTER_API_KEY": "key-r"}, ("openrouter", "https://openrouter.ai/api/v1", "key-r")),
        (
            {"provider": "anthropic"},
            {"ANTHROPIC_API_KEY": "key-a", "OPENAI_API_KEY": "k"},
            ("anthropic", None, "key-a"),
        ),
        ({"provider": "ollama"}, {}, ("ollama", "http://127.0.0.1:11434/v1", "")),
        ({"base_url": "http://h:1/v1/chat/completions"}, {}, ("", "http://h:1/v1", "")),
        ({"provider": "openai"}, {"OPENAI_API_KEY": "k", "LUCI_API_KEY": "key-l"}, ("openai", None, "key-l")),
        (
            {"provider": "openai"},
            {"LUCI_BASE_URL": "http://l/v1", "LUCI_API_KEY": "key-l"},
            ("", "http://l/v1", "key-l"),
        ),
    ],
)
def test_who_answers(
    luci_home: Path, settings: dict[str, str], environ: dict[str, str], expected: tuple[str, str | None, str]
) -> None:
    chosen = endpoint(ModelSettings(**settings), environ)  # type: ignore[arg-type]
    name, url, key = expected
    assert (chosen.provider, chosen.key) == (name, key) and url in (None, chosen.base_url)
    assert key not in repr(chosen) or not key


def test_the_model_that_is_named_last_wins(luci_home: Path) -> None:
    settings = ModelSettings(provider="openrouter", name="mine")
    assert endpoint(settings, {"OPENROUTER_API_KEY": "r"}).model == "mine"
    environ = {"OPENROUTER_API_KEY": "r", "LUCI_MODEL": "other"}
    assert endpoint(settings, environ).model == "other"
    assert endpoint(settings, environ, "chosen").model == "chosen"


def test_a_person_may_choose_another_provider_whatever_is_configured(luci_home: Path) -> None:
    environ = {"LUCI_BASE_URL": "http://elsewhere/v1", "LUCI_MODEL": "m", "LUCI_API_KEY": "k", "GEMINI_API_KEY": "g"}
    chosen = endpoint(ModelSettings(), environ, "ollama qwen3:8b")
    assert (chosen.base_url, chosen.model, chosen.key) == ("http://127.0.0.1:11434/v1", "qwen3:8b", "")
    chosen = endpoint(ModelSettings(), environ, "google")
    assert (chosen.provider, chosen.model, chosen.key) == ("google", "gemini-2.5-pro", "g")
    chosen = endpoint(ModelSettings(), environ, "anthropic/claude-sonnet-4")  # a model's name, not a provider's
    assert (chosen.base_url, chosen.model) == ("http://elsewhere/v1", "anthropic/claude-sonnet-4")
    with pytest.raises(NoModel, match="no key for openai"):
        endpoint(ModelSettings(), environ, "openai")


def test_nobody_who_could_answer_is_said_with_what_to_do(luci_home: Path) -> None:
    with pytest.raises(NoModel, match="No model") as caught:
        endpoint(ModelSettings(), {})
    assert caught.value.hint
    with pytest.raises(NoModel, match="no key for openai") as caught:
        endpoint(ModelSettings(provider="openai"), {})
    assert "luci key set openai" in caught.value.hint
    with pytest.raises(ConfigError, match="cannot be 'opnai'"):
        config.load(environ={"LUCI_MODEL_PROVIDER": "opnai"})


def test_an_old_output_is_cut_before_anything_is_left_out_and_the_model_is_told() -> None:
    noise = "\n".join(["start", *["noise"] * 2000, "KeyError: 'x'", *["noise"] * 2000, "end"])
    call = (ToolCall("1", "run", "{}"),)
    talk = [
        Message("system", "rules"),
        Message("user", "first request"),
        Message("assistant", "", call),
        Message("tool", noise, call_id="1"),
        *[Message("user" if n % 2 else "assistant", f"turn {n} " + "word " * 300) for n in range(1, 9)],
    ]
    cut = fitting(talk, 6000)
    assert reckoned(cut) <= 6000 * 0.8
    output = next(m.text for m in cut if m.role == "tool")
    assert output.startswith("start") and "KeyError: 'x'" in output and output.endswith("end")
    less = fitting(talk, 2500)
    assert reckoned(less) <= 2500 * 0.8 and less[0].text == "rules" and less[1].text == "first request"
    assert any("left out here" in m.text for m in less) and less[-1].text == talk[-1].text
    answers = {m.call_id for m in less if m.role == "tool"}
    assert answers == {c.id for m in less for c in m.calls}  # no answer without its call, and the other way round
    assert fitting(talk[:2], 6000) == talk[:2]
    request = Message("user", "the second request, which is followed")
    after = [Message("assistant", "look", call), Message("tool", noise, call_id="1")] * 4
    told = fitting([*talk, request, *after], 2500, request)
    assert request in told and told[1].text == "first request" and reckoned(told) <= 2500 * 0.8
    long = Message("user", "what is this?\n" + noise)
    (cut,) = fitting([long], 1000, long)
    assert cut.text.startswith("what is this?") and "KeyError" in cut.text


def test_what_a_server_counts_and_refuses_tells_how_much_it_holds() -> None:
    room, error = Room(), TooLong("")
    error.room, error.counted = 4096, 30_000
    assert room.shrink(error, 10_000, 100_000) and room.fits(100_000) == 4096 // 3  # three tokens for each reckoned
    assert room.shrink(TooLong(""), 1_300, 100_000) is False  # what is left of it holds no conversation
    room = Room()
    assert room.shrink(TooLong(""), 10_000, 100_000) and room.fits(100_000) == 7_000
    room.counted(1_000, 1_500)
    assert room.fits(100_000) == 4_666 and room.for_tools


def test_secrets_are_known_by_name_by_file_and_by_shape(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("DB_PASSWORD='correct horse'\nHOST=db.example\n")
    environ = {"MY_API_KEY": "abcdefgh", "GIT_AUTHOR_NAME": "Ada Lovelace", "SSH_AUTH_SOCK": "/run/x/agent"}
    found = known(tmp_path, environ)
    text = "abcdefgh correct horse db.example Ada Lovelace /run/x/agent sk-abcdefghijklmnopqrstuv1"
    masked = found.masked(text)
    ordinary, _, shaped = masked.rpartition(" [")
    assert ordinary == "[secret MY_API_KEY] [secret DB_PASSWORD] db.example Ada Lovelace /run/x/agent"
    assert shaped.startswith("secret api-key-") and masked == found.masked(text)  # stable
    assert found.put_back("[secret MY_API_KEY]") == "abcdefgh"
    assert found.put_back("[secret MY_API_KEY]", within="nothing of it") == "[secret MY_API_KEY]"
    assert found.put_back(f"[{shaped}", within=text) == "sk-abcdefghijklmnopqrstuv1"
    pem = "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----"
    assert Secrets({}).masked(f"a {pem} b").startswith("a [secret private-key-")
    assert "hunter22" not in Secrets({}).masked("postgres://ada:hunter22@db/x")


def test_a_fix_that_hides_or_deletes_is_no_fix() -> None:
    mending = Mending()
    before = "def test_a():\n    work()\n\ntry:\n    work()\nexcept OSError:\n    raise\n"
    swallowed = before.replace("    raise", "    pass")
    assert not list(mending.objections("a.py", before, swallowed))  # nothing has failed yet
    mending.ran(Failure("builtins.OSError: gone", "a.py", 5))
    hidden = [
        swallowed,
        "import contextlib\n" + before + "with contextlib.suppress(Exception):\n    work()\n",
        before + "try:\n    work()\nexcept:\n    ...\n",
        before + "try:\n    work()\nexcept Exception:\n    import sys\n    sys.exit(0)\n",
    ]
    refused = [list(mending.objections("a.py", before, after)) for after in hidden]
    assert all("only hides" in faults[0] for faults in refused[:3]), refused
    assert "deletes tests (test_a)" in next(mending.objections("a.py", before, "work()\n"))
    fine = before + "try:\n    work()\nexcept KeyError:\n    pass\n"
    assert not list(mending.objections("a.py", before, fine))
    assert not list(mending.objections("notes.txt", before, "x = ("))


def test_errors_that_differ_only_in_numbers_and_places_are_the_same() -> None:
    one = Failure("ValueError: bad row 3 in /a/b.csv at 0x7f", "s.py")
    assert one.signature == Failure("ValueError: bad row 17 in /c/d.csv at 0x1a", "s.py").signature
    assert one.signature != Failure("ValueError: bad row 3 in /a/b.csv at 0x7f", "t.py").signature
