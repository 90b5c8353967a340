"""Choices are made once for the same imports, as long as what the package index said is believed."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from luci import kept, paths
from luci.config import GateSettings
from luci.runner.plan import Plan
from tests.package_index import PackageIndex
from tests.runner.conftest import Person

DAY = 86_400


@pytest.fixture(autouse=True)
def believing(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUCI_INDEX_FRESH_SECONDS", "600")


@pytest.fixture
def shelf(index: PackageIndex) -> PackageIndex:
    """Two distributions that only the index speaks for, one of which nobody trusts yet, and one that is well known."""
    for version in ("1.0", "1.1", "1.2"):
        index.add_wheel("quokka", version, {"quokka.py": "hop = 1\n"})
    index.add_wheel("dingo", "0.1", {"dingo.py": ""})
    index.add_wheel("requests", "1.0", {"requests/__init__.py": "", "requests/old.py": ""})
    index.add_wheel("requests", "2.0", {"requests/__init__.py": ""})
    return index


def choices() -> list[Path]:
    folder = paths.cache() / "choices"
    return sorted(folder.iterdir()) if folder.exists() else []


def told(plan: Plan) -> list[tuple[object, ...]]:
    return [(c.module, c.requirements, c.status, c.reason, c.doubts, [i.line for i in c.imports]) for c in plan.choices]


SOURCE = "import quokka\nimport requests.old, yaml\nimport dingo\nfrom sklearn import svm\n"


def test_the_same_imports_get_the_same_choices(person, shelf):
    first = person.plan(SOURCE)
    [place] = choices()
    assert told(person.plan(SOURCE)) == told(first)
    place.unlink()
    assert told(person.plan(SOURCE)) == told(first)


def test_they_are_taken_from_what_was_kept(person, shelf):
    person.plan(SOURCE)
    [place] = choices()
    known = kept.load(str(place))
    known["choices"][0]["reason"] = "as it was kept"
    kept.save(str(place), known)
    assert any(choice.reason == "as it was kept" for choice in person.plan(SOURCE).choices)


def test_a_script_that_grew_elsewhere_keeps_them_with_its_new_lines(person, shelf):
    first = person.plan(SOURCE)
    moved = person.plan("# a comment\n\n" + SOURCE + "\nprint('more')\n")
    assert len(choices()) == 1
    assert [[n - 2 for n in lines] for *_, lines in told(moved)] == [lines for *_, lines in told(first)]
    assert [row[:-1] for row in told(moved)] == [row[:-1] for row in told(first)]


@pytest.mark.parametrize(
    "source",
    [
        SOURCE.replace("requests.old", "requests"),
        SOURCE.replace("import dingo", "try:\n    import dingo\nexcept ImportError:\n    pass"),
        SOURCE + "import attr\n",
        SOURCE + "quokka.hop\n",
    ],
)
def test_other_imports_get_choices_of_their_own(person, shelf, source):
    person.plan(SOURCE)
    before = told(person.plan(source))
    assert len(choices()) == 2
    for place in choices():
        place.unlink()
    assert told(person.plan(source)) == before


def test_who_lets_a_name_in_gets_another_choice(person, shelf):
    assert [c.module for c in person.plan(SOURCE).asked] == ["dingo"]
    assert person.plan(SOURCE, allow=frozenset({"dingo"})).asked == ()
    assert [c.module for c in person.plan(SOURCE).asked] == ["dingo"]


@pytest.mark.parametrize(
    ("variable", "value"), [("LUCI_GATE_RELEASES", "9"), ("LUCI_GATE_AGE_DAYS", "90000"), ("LUCI_INDEX_TRIES", "2")]
)
def test_other_settings_ask_anew(person, shelf, variable, value, monkeypatch):
    person.plan(SOURCE)
    monkeypatch.setenv(variable, value)
    person.plan(SOURCE)
    assert len(choices()) == 2


def test_what_rests_on_an_answer_that_failed_is_not_kept(person, shelf):
    shelf.fail("/simple/quokka/", 500)
    assert person.plan(SOURCE).problems
    assert choices() == []
    shelf.recover()
    assert "quokka" in person.plan(SOURCE).names()


def test_what_rests_on_a_wheel_that_is_none_is_not_kept(person, shelf):
    shelf.add_wheel("quokka", "1.3", {"quokka.py": ""}, broken=True)
    assert person.plan(SOURCE).problems
    assert choices() == []


def test_what_was_not_found_is_looked_for_when_the_answer_is_old(person, shelf, monkeypatch):
    assert [c.status for c in person.plan("import bilby").choices] == ["none"]
    for version in ("1.0", "1.1", "1.2"):
        shelf.add_wheel("bilby", version, {"bilby.py": ""})
    assert [c.status for c in person.plan("import bilby").choices] == ["none"]
    monkeypatch.setattr(time, "time", lambda now=time.time: now() + 601)
    assert [c.status for c in person.plan("import bilby").choices] == ["install"]


def test_nothing_is_kept_where_no_answer_is_believed(person, shelf, monkeypatch):
    monkeypatch.setenv("LUCI_INDEX_FRESH_SECONDS", "0")
    person.plan(SOURCE)
    assert choices() == []


def test_a_page_that_came_anew_makes_the_choices_anew(person, shelf, monkeypatch):
    person.plan("import requests.old")
    shelf.add_wheel("requests", "3.0", {"requests/__init__.py": "", "requests/old.py": ""})
    for page in (paths.cache() / "index" / "pages").rglob("requests.json"):
        page.unlink()
    assert person.plan("import requests.old").names() == ["requests"]


def test_a_clock_that_was_set_back_is_not_trusted(person, shelf, monkeypatch):
    person.plan("import requests.old")
    shelf.add_wheel("requests", "3.0", {"requests/__init__.py": "", "requests/old.py": ""})
    monkeypatch.setattr(time, "time", lambda now=time.time: now() - 3600)
    assert person.plan("import requests.old").names() == ["requests"]


def test_choices_last_as_long_as_their_pages(person, shelf):
    person.plan("import requests.old")
    known = kept.load(str(choices()[0]))
    assert known["until"] == pytest.approx(known["since"] + 600, abs=60)


def test_guesses_last_no_longer_than_until_a_release_comes_of_age(index, person, monkeypatch):
    now = datetime.now(UTC)
    monkeypatch.setenv("LUCI_INDEX_FRESH_SECONDS", str(900 * DAY))

    def uploaded(days: float) -> str:
        return (now - timedelta(days=days)).isoformat()

    for version, days in (("1.0", 80), ("1.1", 30), ("1.2", 2.5)):
        index.add_wheel("quokka", version, {"quokka.py": ""}, uploaded=uploaded(days))
    plan = person.plan("import quokka")
    assert plan.known.index is not None
    until = plan.known.index.believed_until(now.timestamp(), GateSettings(age_days=90, quarantine_days=3))
    assert until == pytest.approx((now + timedelta(days=0.5)).timestamp(), abs=1)
    until = plan.known.index.believed_until(now.timestamp(), GateSettings(age_days=90, quarantine_days=0))
    assert until == pytest.approx((now + timedelta(days=1)).timestamp(), abs=1)  # it is a day older
    until = plan.known.index.believed_until(now.timestamp(), GateSettings(age_days=80.25, quarantine_days=0))
    assert until == pytest.approx((now + timedelta(days=0.25)).timestamp(), abs=1)
    assert plan.known.index.believed_until(now.timestamp()) > (now + timedelta(days=800)).timestamp()


def test_a_release_that_comes_of_age_is_taken_although_the_pages_are_believed(index, person, monkeypatch):
    monkeypatch.setenv("LUCI_INDEX_FRESH_SECONDS", str(900 * DAY))
    for version, days in (("1.0", 400), ("1.1", 300), ("1.2", 2)):
        uploaded = (datetime.now(UTC) - timedelta(days=days)).isoformat()
        index.add_wheel("quokka", version, {"quokka.py": ""}, uploaded=uploaded)
    assert "1.1" in person.plan("import quokka").choices[0].reason
    later = datetime.now(UTC) + timedelta(days=2)

    class Later(datetime):
        @classmethod
        def now(cls, tz=None):
            return later

    monkeypatch.setattr(time, "time", later.timestamp)
    monkeypatch.setattr("luci.runner.guesses.datetime", Later)
    assert "1.2" in person.plan("import quokka").choices[0].reason
