"""The settings: defaults, then config.toml, then variables; each checked as it is read."""

from __future__ import annotations

import re
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest

from luci import config, paths
from luci.config import Settings
from luci.errors import ConfigError

FULL = """
# what I like
[run]
retry = "never"
retry_after_seconds = 1.5
attempts = 2
python = ">=3.11"
record = true
log_days = 7
log_mb = 50

[gate]
age_days = 10
releases = 1
quarantine_days = 0
builds = "always"

[envs]
kind = "conda"
prefer = ["docker"]
strangers = []
share = true
orphan_days = 1
unused_days = 2
budget_gb = 0.5
prune = false

[conda]
channels = ["https://c/channel"]

[containers]
base = "mine:{python}"
network = "host"

[index]
url = "https://host/simple"
extra_urls = ["https://a/simple", "https://b/simple"]
find_links = ["wheels"]
timeout_seconds = 3
tries = 1
fresh_seconds = 0
offline = true

[walls]
sandbox = "auto"
memory = "512m"
cpus = 1.5
pids = 64
disk = "2g"
network = false
readable = ["~/data"]
writable = ["out"]
variables = ["TOKEN"]
timeout = 20

[walls.venv]
memory = "1g"

[walls.conda]
memory = "1g"

[walls.docker]
memory = "1g"

[walls.podman]
memory = "1g"

[walls.sarus]
memory = "1g"

[walls.system]
memory = "1g"

[walls.stranger]
network = true
folders = []

[app]
theme = "light"
motion = false
plain = true
figures = "window"

[model]
provider = "ollama"
base_url = "http://127.0.0.1:1/v1"
name = "small"
planner = "smaller"
timeout_seconds = 5
tries = 1
context_tokens = 8000
request_tokens = 1
day_tokens = 2
request_cost = 0.5
day_cost = 2
price_in = 3
price_out = 15
[leave]
policy = "auto"
allow = ["run report.py"]
deny = ["write *.toml"]
[names]
yaml = "pyyaml>=6"
"zope.event" = "zope.event"
"""


@pytest.fixture
def load(tmp_path: Path):
    def loaded(text: str | None = None, **environ: str) -> Settings:
        file = tmp_path / "config.toml"
        if text is not None:
            file.write_text(text)
        return config.load(file, environ)

    return loaded


def test_without_a_file_the_defaults_hold(load):
    settings = load()
    assert settings == Settings()
    assert (settings.gate.age_days, settings.gate.releases, settings.gate.quarantine_days) == (90, 3, 3)
    assert (settings.envs.orphan_days, settings.envs.unused_days, settings.envs.budget_gb) == (14, 60, 10)


def test_every_setting_can_be_given_in_the_file(load):
    settings = load(FULL)
    for section in fields(Settings):
        given, default = getattr(settings, section.name), getattr(Settings(), section.name)
        if section.name != "names":
            assert all(getattr(given, f.name) != getattr(default, f.name) for f in fields(default)), section.name
    assert settings.names == {"yaml": "pyyaml>=6", "zope.event": "zope.event"}
    assert settings.index.extra_urls == ("https://a/simple", "https://b/simple")


@pytest.mark.parametrize(
    ("name", "text", "section", "key", "value"),
    [
        ("LUCI_RUN_RETRY", "always", "run", "retry", "always"),
        ("LUCI_RUN_ATTEMPTS", "3", "run", "attempts", 3),
        ("LUCI_GATE_AGE_DAYS", "0.5", "gate", "age_days", 0.5),
        ("LUCI_ENVS_SHARE", "yes", "envs", "share", True),
        ("LUCI_ENVS_PRUNE", "0", "envs", "prune", False),
        ("LUCI_ENVS_PRUNE", "", "envs", "prune", False),
        ("LUCI_INDEX_URL", "https://other/simple", "index", "url", "https://other/simple"),
        ("LUCI_INDEX_EXTRA_URLS", "https://a https://b", "index", "extra_urls", ("https://a", "https://b")),
        ("LUCI_INDEX_EXTRA_URLS", "", "index", "extra_urls", ()),
    ],
)
def test_a_variable_comes_before_the_file(load, name, text, section, key, value):
    assert getattr(getattr(load(FULL, **{name: text}), section), key) == value


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[run", "cannot be read"),
        ("[rum]\n", "unknown section [rum]"),
        ("run = 1\n", "unknown section [run]"),
        ("[run]\nretries = 3\n", "[run] has an unknown key retries"),
        ("[run]\nretry = 'sometimes'\n", "[run] retry cannot be 'sometimes'"),
        ("[run]\nretry = ['auto']\n", "[run] retry cannot be ['auto']"),
        ("[run]\nrecord = 'maybe'\n", "[run] record wants true or false"),
        ("[run]\nrecord = 1\n", "[run] record wants true or false"),
        ("[run]\nattempts = -1\n", "[run] attempts wants a number that is not negative"),
        ("[run]\nattempts = 2.5\n", "[run] attempts wants"),
        ("[run]\nattempts = true\n", "[run] attempts wants a number"),
        ("[gate]\nage_days = nan\n", "[gate] age_days wants a number"),
        ("[gate]\nage_days = 'soon'\n", "[gate] age_days wants a number"),
        ("[run]\npython = 3.12\n", "[run] python cannot be 3.12"),
        ("[index]\nextra_urls = [1]\n", "[index] extra_urls wants a list of strings"),
        ("[index]\nextra_urls = 1\n", "[index] extra_urls wants a list of strings"),
        ("[names]\nyaml = 1\n", "[names] wants lines like"),
        ("names = 'x'\n", "[names] wants lines like"),
        ("[names]\nyaml = ''\n", "[names] yaml"),
        ("[names]\nyaml = '>=6'\n", "[names] yaml"),
    ],
)
def test_what_cannot_be_is_said_with_its_file_and_place(load, tmp_path, text, words):
    with pytest.raises(ConfigError) as error:
        load(text)
    assert (error.value.exit_code, str(tmp_path / "config.toml") in error.value.message) == (2, True)
    assert words in error.value.message


@pytest.mark.parametrize("name", ["LUCI_RUN_RETRY", "LUCI_RUN_ATTEMPTS", "LUCI_ENVS_SHARE"])
def test_a_variable_that_cannot_be_is_said_by_its_name(load, name):
    with pytest.raises(ConfigError, match=name):
        load(**{name: "nonsense"})


def test_a_folder_or_bytes_in_the_place_of_the_file_are_said(tmp_path):
    (tmp_path / "config.toml").write_bytes(b"\xff\xfe")
    for file in (tmp_path, tmp_path / "config.toml"):
        with pytest.raises(ConfigError, match="cannot be read"):
            config.load(file, {})


def test_a_settings_value_cannot_be_changed(load):
    with pytest.raises(AttributeError):
        load().run.retry = "never"


def test_one_variable_moves_every_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("LUCI_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("LUCI_CONFIG", raising=False)
    for place in (paths.data(), paths.cache(), paths.state(), paths.envs(), paths.config_file()):
        assert place.is_relative_to(tmp_path / "home")


def test_a_variable_names_another_config_file(monkeypatch, tmp_path):
    monkeypatch.setenv("LUCI_CONFIG", str(tmp_path / "my.toml"))
    (tmp_path / "my.toml").write_text("[run]\nretry = 'ask'\n")
    assert config.load(environ={}).run.retry == "ask"


def test_every_setting_is_documented_with_its_default_and_every_documented_one_is_real():
    page = (Path(__file__).parents[1] / "docs" / "settings.md").read_text(encoding="utf-8")
    told, section = {}, ""
    for line in page.splitlines():
        cells = [cell.strip() for cell in line.strip("| ").split(" | ")] if line.startswith("| ") else []
        if line.startswith("| |"):
            cells = ["", *(cell.strip() for cell in line.removeprefix("| |").strip("| ").split(" | "))]
        if len(cells) < 3 or cells[0] == "section":
            continue
        section = cells[0].strip("`[]") if cells[0].startswith("`[") and "," not in cells[0] else section
        keys, defaults = (re.findall(r"`([^`]*)`", cell) for cell in cells[1:3])
        if cells[0].startswith("`[walls.venv]") or section == "names":
            continue
        for at, key in enumerate(keys if keys != ["[walls]"] else ()):
            told[f"{section}.{key}"] = defaults[at if len(defaults) == len(keys) else 0] if defaults else None
    real = [key for key in config.keys() if key.count(".") == 1]  # noqa: SIM118
    assert sorted(told) == sorted([*real, "walls.stranger.folders"])
    for key in real:
        section, _, name = key.partition(".")
        if told[key] is not None:
            default = getattr(getattr(config.Settings(), section), name)
            assert tomllib.loads(f"told = {told[key]}")["told"] == (
                list(default) if default.__class__ is tuple else default
            )
