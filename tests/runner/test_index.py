"""What an index holds, asked of a real one on loopback."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from luci.config import IndexSettings
from luci.envs.sources import Sources
from luci.errors import IndexFailed, Interrupted
from luci.runner.index import File, Holds, Index, Project, Use
from tests.package_index import PackageIndex

QUICK = IndexSettings(timeout_seconds=5, tries=1)


@pytest.fixture
def asking(index: PackageIndex, tmp_path: Path) -> Callable[..., Index]:
    """Open an Index on the served one. Each has the cache of the ones before."""

    def open_index(settings: IndexSettings = QUICK, **places: object) -> Index:
        return Index(Sources(**{"url": index.url, **places}), settings, tmp_path / "cache")

    return open_index


def versions(project: Project | None) -> list[str]:
    assert project is not None
    return [str(release.version) for release in project.releases]


def any_wheel(file: File) -> bool:
    return file.name.endswith("py3-none-any.whl")


def the_wheel(index: Index, name: str) -> File:
    project = index.project(name)
    assert project is not None
    return project.releases[0].wheels[0]


# -- pages


@pytest.mark.parametrize("html_only", [True, False])
def test_a_page_tells_the_same_as_html_and_as_json(index, asking, html_only):
    index.html_only = html_only
    index.add_wheel("demo", "1.0", {"demo.py": ""}, uploaded="2021-10-04T19:44:38.344884Z", requires_python=">=3.8")
    index.add_sdist("demo", "1.1", {"demo.py": ""}, uploaded="2022-01-01T00:00:00Z")
    newest, oldest = asking().project("Demo").releases
    assert (str(newest.version), newest.files[0].kind, newest.wheels) == ("1.1", "sdist", ())
    assert oldest.uploaded == datetime(2021, 10, 4, 19, 44, 38, 344884, tzinfo=UTC)
    (wheel,) = oldest.wheels
    assert (wheel.requires_python, len(wheel.sha256), wheel.metadata) == (">=3.8", 64, True)


@pytest.mark.parametrize("html_only", [True, False])
def test_an_index_may_not_tell_upload_times(index, asking, html_only):
    index.html_only, index.upload_times = html_only, False
    index.add_wheel("demo", "1.0", {"demo.py": ""})
    assert asking().project("demo").releases[0].uploaded is None


def test_releases_come_newest_first_without_yanked_and_unreadable_ones(index, asking):
    for version in ("1.10", "1.9", "2.0rc1", "not.a.version"):
        index.add_wheel("demo", version, {"demo.py": ""})
    index.add_wheel("demo", "3.0", {"demo.py": ""}, yanked=True)
    assert versions(asking().project("demo")) == ["2.0rc1", "1.10", "1.9"]


def test_what_nobody_published_is_none(index, asking):
    assert asking().project("absent") is None
    assert asking().project("../etc") is None


def test_a_page_is_believed_for_a_while_and_then_revalidated(index, asking):
    index.add_wheel("demo", "1.0", {"demo.py": ""})
    for _ in range(2):
        assert versions(asking().project("demo")) == ["1.0"]
    assert index.requests == ["/simple/demo/"]
    sent = index.sent
    impatient = IndexSettings(tries=1, fresh_seconds=0)
    assert versions(asking(impatient).project("demo")) == ["1.0"]
    assert (len(index.requests), index.sent) == (2, sent)  # 304
    index.add_wheel("demo", "2.0", {"demo.py": ""})
    assert versions(asking(impatient).project("demo")) == ["2.0", "1.0"]


@pytest.mark.parametrize("damaged", [lambda text: text[:20], lambda text: text.replace("demo", "dema")])
def test_what_was_kept_and_is_damaged_is_as_none(index, asking, tmp_path, damaged):
    index.add_wheel("demo", "1.0", {"demo.py": "", "demob.py": ""})
    for _ in range(2):
        asked = asking()
        assert newest(asked, Use("demo")) == "1.0"
        assert versions(asked.project("demo")) == ["1.0"]
        kept = list((tmp_path / "cache").rglob("*.json"))
        assert {path.relative_to(tmp_path / "cache").parts[0] for path in kept} == {"pages", "wheels"}
        for path in kept:
            path.write_text(damaged(path.read_text()))


def test_several_projects_are_asked_for_at_once(index, asking):
    for number in range(12):
        index.add_wheel(f"demo{number}", "1.0", {"demo.py": ""})
    found = asking().projects([*(f"demo{n}" for n in range(12)), "absent"])
    assert found.pop("absent") is None
    assert all(versions(project) == ["1.0"] for project in found.values())


# -- faults


def test_a_fault_that_passes_is_not_noticed(index, asking):
    index.add_wheel("demo", "1.0", {"demo.py": ""})
    index.fail("/simple/demo", 503, times=1)
    assert versions(asking(IndexSettings(tries=2)).project("demo")) == ["1.0"]
    assert len(index.requests) == 2


@pytest.mark.parametrize(
    ("fault", "word"),
    [
        (500, "500"),
        ("hang", "0.3 s"),
        ("close", "hung up"),
        ("pause", "0.3 s"),
        ("half", "broke off"),
        ("garbled", "not a project page"),
        ("redirect-loop", "circle"),
        (403, "403"),
    ],
)
def test_a_fault_that_stays_says_what_it_was(index, asking, fault, word):
    index.add_wheel("demo", "1.0", {"demo.py": ""})
    index.fail("/simple/", fault)
    with pytest.raises(IndexFailed) as failed:
        asking(IndexSettings(timeout_seconds=0.3, tries=2)).project("demo")
    assert word in failed.value.cause


@pytest.mark.parametrize("wish", ["86400", "Fri, 31 Dec 2100 23:59:59 GMT"])
def test_a_server_that_wants_to_be_left_alone_for_long_is_not_asked_again(index, asking, wish):
    index.fail("/", 429, retry_after=wish)
    waiting = asking(IndexSettings(tries=5))
    for name in ("demo", "other"):
        with pytest.raises(IndexFailed) as failed:
            waiting.project(name)
        assert "429, and wants to be left alone for " in failed.value.cause
    assert len(index.requests) == 1


@pytest.mark.parametrize("wish", ["0.4", "-3", "nan", "soon", "Thu, 01 Jan 1970 00:00:00 GMT", "99 Foo 2000", ""])
def test_a_server_that_wants_a_moment_gets_it_whatever_words_it_has(index, asking, wish):
    index.add_wheel("demo", "1.0", {"demo.py": ""})
    index.fail("/", 429, times=1, retry_after=wish)
    assert versions(asking(IndexSettings(tries=2)).project("demo")) == ["1.0"]


@pytest.mark.parametrize("fault", [500, "hang", "half"])
def test_an_old_page_serves_where_the_index_fails(index, asking, fault):
    index.etags = False  # with them, 304 has no body that could break off
    index.add_wheel("demo", "1.0", {"demo.py": ""})
    asking().project("demo")
    index.fail("/simple/", fault)
    later = asking(IndexSettings(timeout_seconds=0.3, tries=1, fresh_seconds=0))
    project = later.project("demo")
    assert versions(project) == ["1.0"]
    assert project.stale
    assert later.troubles


def test_offline_answers_from_the_cache_however_old(index, asking):
    index.add_wheel("demo", "1.0", {"demo.py": ""})
    asking().project("demo")
    asked = len(index.requests)
    offline = asking(IndexSettings(offline=True, fresh_seconds=0))
    assert versions(offline.project("demo")) == ["1.0"]
    with pytest.raises(IndexFailed, match="offline"):
        offline.project("other")
    assert len(index.requests) == asked


def test_a_server_that_is_not_there_fails_and_is_not_asked_again(index, asking):
    index.close()
    gone = asking()
    for name in ("demo", "other"):
        with pytest.raises(IndexFailed):
            gone.project(name)
    assert gone.web.asked == 1


def test_stopping_ends_the_tries(index, tmp_path):
    index.fail("/simple/", 500)
    stopped = Index(Sources(index.url), IndexSettings(tries=50), tmp_path, stop=lambda: bool(index.requests))
    with pytest.raises(Interrupted):
        stopped.project("demo")
    assert len(index.requests) == 1


def test_a_login_is_used_and_never_told(index, asking, tmp_path):
    index.credentials = ("me", "s3cret")
    index.add_wheel("demo", "1.0", {"demo.py": ""})
    private = asking(url=index.url_with("me", "s3cret"))
    assert private.holds(the_wheel(private, "demo"), "demo") is Holds.YES
    index.fail("/simple/", 500)
    with pytest.raises(IndexFailed) as failed:
        private.project("other")
    kept = [path.name + path.read_text() for path in (tmp_path / "cache").rglob("*.json")]
    assert "s3cret" not in failed.value.message + failed.value.cause + "".join(kept) + "".join(private.troubles)


def test_a_wrong_login_is_a_clear_failure(index, asking):
    index.credentials = ("me", "s3cret")
    with pytest.raises(IndexFailed) as failed:
        asking().project("demo")
    assert "401" in failed.value.cause


# -- several places


@pytest.fixture
def second(tmp_path: Path):
    with PackageIndex(tmp_path / "second") as served:
        yield served


def test_the_first_index_that_knows_it_decides(index, second, asking):
    index.add_wheel("demo", "2.0", {"demo.py": ""})
    second.add_wheel("demo", "1.0", {"demo.py": ""})
    assert versions(asking(extra_urls=(second.url,)).project("demo")) == ["1.0"]


def test_with_pips_rule_the_best_of_all_indexes_counts(index, second, asking):
    index.add_wheel("demo", "2.0", {"demo.py": ""})
    second.add_wheel("demo", "1.0", {"demo.py": ""})
    assert versions(asking(extra_urls=(second.url,), best_match=True).project("demo")) == ["2.0", "1.0"]


def test_an_index_that_was_to_decide_and_is_silent_is_not_passed_over(index, second, asking):
    index.add_wheel("demo", "2.0", {"demo.py": ""})
    second.fail("/", 500)
    with pytest.raises(IndexFailed):
        asking(extra_urls=(second.url,)).project("demo")


def test_folders_are_places_too(index, asking, tmp_path):
    made = index.add_wheel("demo", "1.0", {"demo.py": ""})
    links = tmp_path / "links"
    links.mkdir()
    (links / made.name).write_bytes(made.read_bytes())
    page = tmp_path / "mirror" / "simple" / "flat" / "index.html"
    page.parent.mkdir(parents=True)
    page.write_text(f'<a href="{made.as_uri()}">flat-3.0-py3-none-any.whl</a>')
    folders = asking(
        no_index=False,
        extra_urls=((tmp_path / "mirror" / "simple").as_uri(), (tmp_path / "absent").as_uri()),
        find_links=(links.as_uri(), (tmp_path / "absent").as_uri()),
    )
    assert versions(folders.project("flat")) == ["3.0"]
    assert folders.holds(the_wheel(folders, "demo"), "demo") is Holds.YES


def test_without_an_index_only_links_count(index, asking, tmp_path):
    made = index.add_wheel("demo", "1.0", {"demo.py": ""})
    closed = asking(no_index=True, find_links=(made.parent.as_uri(),))
    assert versions(closed.project("demo")) == ["1.0"]
    assert closed.project("other") is None
    assert index.requests == []


# -- inside wheels

FILES: dict[str, str | bytes] = {
    "plain.py": "import os\nclass Thing: pass\nA, (B, *C) = 1, (2, 3)\nD: int = 4\nE: int\n",
    "pack/__init__.py": "from .inner import *\nfrom .deep.leaf import leafy as renamed\n",
    "pack/inner.py": "def starred(): hidden = 1\nfor looped in (): pass\n",
    "pack/deep/leaf.py": "try:\n    import fast as leafy\nexcept ImportError:\n    leafy = None\n",
    "pack/_speed.cpython-311-x86_64-linux-gnu.so": b"\x7fELF",
    "pack/typed.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from x import OnlyTyped\n",
    "lazy/__init__.py": "def __getattr__(name):\n    return load(name)\n",
    "renamer/__init__.py": "def __getattr__(name):\n    if name == 'old':\n        return 1\n    raise KeyError\n",
    "maker.py": "import sys\nsys.modules[__name__ + '.made'] = object()\n",
    "older.py": "print 'Python 2'\n",
    "starry.py": "from elsewhere import *\n",
    "demo-1.0.data/purelib/moved/__init__.py": "HERE = 1\n",
    "data/file.txt": "no module",
}


@pytest.mark.parametrize("ranges", [True, False], ids=["ranges", "downloads"])
@pytest.mark.parametrize(
    ("module", "names", "answer"),
    [
        ("plain", (), Holds.YES),
        ("plain", ("Thing", "A", "B", "C", "D", "os", "__file__"), Holds.YES),
        ("plain", ("E",), Holds.NO),
        ("plain", ("gone",), Holds.NO),
        ("plain.deeper", (), Holds.NO),
        ("pack", ("inner", "starred", "looped", "renamed", "*"), Holds.YES),
        ("pack", ("hidden",), Holds.NO),
        ("pack.deep", ("leaf",), Holds.YES),
        ("pack.deep", ("other",), Holds.NO),
        ("pack.deep.leaf", ("leafy",), Holds.YES),
        ("pack._speed", (), Holds.YES),
        ("pack._speed", ("go",), Holds.UNKNOWN),
        ("pack.typed", ("OnlyTyped",), Holds.NO),
        ("lazy", ("anything",), Holds.UNKNOWN),
        ("lazy.below", (), Holds.NO),
        ("renamer", ("old",), Holds.YES),
        ("renamer", ("new",), Holds.NO),
        ("maker.made", (), Holds.UNKNOWN),
        ("older", ("x",), Holds.UNKNOWN),
        ("starry", ("x",), Holds.UNKNOWN),
        ("moved", ("HERE",), Holds.YES),
        ("data", (), Holds.NO),
        ("absent", (), Holds.NO),
    ],
)
def test_a_wheel_tells_what_it_holds(index, asking, ranges, module, names, answer):
    index.ranges = ranges
    index.add_wheel("demo", "1.0", FILES)
    asked = asking()
    assert asked.holds(the_wheel(asked, "demo"), module, names) is answer


def test_a_big_wheel_is_read_in_parts(index, asking):
    noise = os.urandom(2_000_000)
    index.add_wheel("demo", "1.0", {"demo/a.bin": noise, "demo/__init__.py": "X = 1\n", "demo/z.bin": noise[::-1]})
    asked = asking()
    wheel = the_wheel(asked, "demo")
    index.sent = 0
    assert asked.holds(wheel, "demo", ["X"]) is Holds.YES
    assert index.sent < 60_000


def test_what_is_inside_is_asked_once_and_kept(index, asking):
    index.add_wheel("demo", "1.0", FILES)
    first = asking()
    assert first.holds(the_wheel(first, "demo"), "plain", ["Thing"]) is Holds.YES
    asked = len(index.requests)
    index.fail("/", 500)
    later = asking()
    assert later.holds(the_wheel(later, "demo"), "plain", ["gone"]) is Holds.NO
    assert len(index.requests) == asked


def test_declared_import_names_answer_without_a_look_inside(index, asking):
    index.add_wheel("demo", "1.0", {"other.py": ""}, import_names=["demo", "space.part"])
    asked = asking()
    wheel = the_wheel(asked, "demo")
    answers = [asked.holds(wheel, module) for module in ("demo", "space", "other", "demo.below")]
    assert answers == [Holds.YES, Holds.YES, Holds.NO, Holds.NO]
    assert index.requests.count(f"/files/{wheel.name}.metadata") == 1


def test_unadvertised_metadata_saves_a_download(index, asking):
    index.advertise_metadata = index.ranges = False
    index.add_wheel("demo", "1.0", {"demo.py": ""}, import_names=["demo"])
    asked = asking()
    assert asked.holds(the_wheel(asked, "demo"), "demo") is Holds.YES
    assert index.requests[-1].endswith(".metadata")


def test_advertised_metadata_that_is_not_served_is_no_failure(index, asking):
    index.serve_metadata = False
    index.add_wheel("demo", "1.0", {"demo.py": ""}, import_names=["demo"])
    asked = asking()
    assert asked.holds(the_wheel(asked, "demo"), "demo") is Holds.YES


@pytest.mark.parametrize("ranges", [True, False])
def test_a_broken_wheel_holds_nothing_and_is_told(index, asking, ranges):
    index.ranges = ranges
    index.add_wheel("demo", "1.0", FILES, broken=True)
    asked = asking()
    assert asked.holds(the_wheel(asked, "demo"), "plain") is Holds.NO
    assert "demo-1.0" in asked.troubles[0]


def test_half_of_a_part_is_asked_for_again(index, asking):
    index.add_wheel("demo", "1.0", FILES)
    index.fail("/files/demo-1.0-py3-none-any.whl", "half", times=1)
    index.advertise_metadata = False
    asked = asking(IndexSettings(tries=2))
    assert asked.holds(the_wheel(asked, "demo"), "plain", ["Thing"]) is Holds.YES


# -- the right version


def newest(asked: Index, *uses: Use, **more: object) -> str:
    release = asked.newest_holding(asked.project("demo"), uses, more.pop("fits", any_wheel), **more)
    return str(release.version) if release else ""


def test_the_newest_release_is_asked_first(index, asking):
    for version in ("1.0", "2.0"):
        index.add_wheel("demo", version, {"demo.py": "X = 1\n"})
    asked = asking()
    assert newest(asked, Use("demo", ("X",))) == "2.0"
    assert not any("1.0" in path for path in index.requests)


def test_a_dropped_name_leads_to_the_last_release_that_has_it(index, asking):
    for major in range(5):
        for minor in range(12):
            has = (major, minor) <= (2, 7)
            index.add_wheel("demo", f"{major}.{minor}", {"demo.py": "OLD = 1\n" if has else "NEW = 1\n"})
    asked = asking()
    assert newest(asked, Use("demo", ("OLD",))) == "2.7"
    assert len({path for path in index.requests if path.endswith(".whl")}) < 15


def test_a_dropped_module_is_found_where_all_releases_share_a_major(index, asking):
    for minor in range(20):
        old = {"demo/old.py": ""} if 3 <= minor <= 9 else {}
        index.add_wheel("demo", f"0.{minor}.0", {"demo/__init__.py": "", **old})
    assert newest(asking(), Use("demo.old")) == "0.9.0"


def test_all_uses_must_be_held_by_one_release(index, asking):
    index.add_wheel("demo", "1.0", {"demo.py": "OLD = 1\n"})
    index.add_wheel("demo", "2.0", {"demo.py": "OLD = NEW = 1\n"})
    index.add_wheel("demo", "3.0", {"demo.py": "NEW = 1\n"})
    assert newest(asking(), Use("demo", ("OLD",)), Use("demo", ("NEW",))) == "2.0"


def test_a_project_that_never_had_it_costs_few_looks(index, asking):
    for minor in range(40):
        index.add_wheel("demo", f"0.{minor}", {"demo.py": ""})
    assert newest(asking(), Use("stranger")) == ""
    assert len({path for path in index.requests if path.endswith(".whl")}) == 1


def test_pre_releases_count_only_alone(index, asking):
    index.add_wheel("demo", "2.0rc1", {"demo.py": ""})
    assert newest(asking(), Use("demo")) == "2.0rc1"
    index.add_wheel("demo", "1.0", {"demo.py": ""})
    assert newest(asking(IndexSettings(fresh_seconds=0)), Use("demo")) == "1.0"


def test_what_does_not_fit_or_is_too_young_is_passed_over(index, asking):
    index.add_wheel("demo", "1.0", {"demo.py": ""}, uploaded="2020-01-01T00:00:00Z")
    index.add_wheel("demo", "2.0", {"demo.py": ""}, uploaded="2024-01-01T00:00:00Z")
    index.add_wheel("demo", "3.0", {"demo.py": ""}, tag="cp27-none-win32")
    index.add_wheel("demo", "4.0", {"demo.py": ""}, uploaded=None)
    asked = asking()
    assert newest(asked, Use("demo")) == "4.0"
    assert newest(asked, Use("demo"), before=datetime(2025, 1, 1, tzinfo=UTC)) == "2.0"
    assert newest(asked, Use("demo"), before=datetime(2022, 1, 1, tzinfo=UTC)) == "1.0"
    assert newest(asked, Use("demo"), fits=lambda file: "win32" in file.name) == "3.0"


def test_pages_on_disk_are_compact_json(index, asking, tmp_path):
    index.add_wheel("demo", "1.0", {"demo.py": ""})
    asking().project("demo")
    (page,) = (tmp_path / "cache" / "pages").rglob("demo.json")
    assert json.loads(page.read_text())["files"][0][0] == "demo-1.0-py3-none-any.whl"
