"""What the sources of a project said is kept until they change, and never told wrongly."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from luci import kept, paths
from luci.runner import imports
from luci.runner.imports import Scan, Target
from luci.runner.readings import Readings
from luci.runner.script import Script, read_script
from tests.runner.conftest import Person

TARGET = Target((3, 11))
MAIN = "import helper\nfrom shop import till, stock\nimport yaml\n"
FILES = {
    "helper.py": "import sys\nsys.path.append('lib')\nimport requests\n",
    "lib/deep.py": "import numpy as np\nnp.zeros(1)\n",
    "shop/__init__.py": "from . import till\n",
    "shop/till.py": "try:\n    import ujson as json\nexcept ImportError:\n    import json\nimport deep\n",
    "shop/stock.py": "def (\n",
}
SOURCES = [
    "",
    "import six\n",
    "from . import till\n",
    "import deep, attr\n",
    "def broken(\n",
    "import helper\n",
    "\xff = '",
]


@pytest.fixture
def script(person: Person, monkeypatch: pytest.MonkeyPatch) -> Script:
    monkeypatch.setattr(kept, "YOUNG", 0)  # every file here is young, and none changes within a clock tick
    for name, text in FILES.items():
        person.write(name, text)
    return person.script(MAIN)


def scan(script: Script, readings: Readings | None = None) -> Scan:
    return imports.scan(script, TARGET, readings)


def scan_and_keep(script: Script) -> Scan:
    readings = Readings.of(script)
    found = scan(script, readings)
    readings.keep()
    return found


def cache() -> Path:
    [place] = (paths.cache() / "sources").iterdir()
    return place


def test_what_was_kept_tells_what_the_sources_tell(script):
    plain = scan(script)
    assert scan_and_keep(script) == plain
    assert scan_and_keep(script) == plain
    assert {Path(file).name for file in plain.files} == {
        "a.py",
        "deep.py",
        "helper.py",
        "till.py",
        "__init__.py",
        "stock.py",
    }
    assert any("not read" in skipped.reason for skipped in plain.skipped)


def test_a_source_that_did_not_change_is_not_read_again(script, person):
    scan_and_keep(script)
    helper = str(person.folder / "helper.py")
    known = kept.load(str(cache()))
    stamp, digest, _ = known[helper]
    kept.save(str(cache()), {**known, helper: (stamp, digest, known[script.origin][2])})
    assert "requests" not in {seen.module for seen in scan_and_keep(script).imports}


def test_all_sources_of_a_project_are_in_one_file(script, person):
    scan_and_keep(script)
    scan_and_keep(person.script("import helper, click\n", "shop/b.py"))
    assert len(kept.load(str(cache()))) == len(FILES) + 2


def test_nothing_is_written_where_nothing_is_new(script):
    scan_and_keep(script)
    before = kept.stamp(str(cache()))
    scan_and_keep(script)
    assert kept.stamp(str(cache())) == before


@pytest.mark.parametrize("content", [b"", b"garbage" * 1000, bytes(range(256)) * 20])
def test_a_damaged_cache_is_made_anew(script, content):
    plain = scan_and_keep(script)
    whole = kept.load(str(cache()))
    cache().write_bytes(content)
    assert scan_and_keep(script) == plain
    assert kept.load(str(cache())) == whole


def test_a_file_that_cannot_be_read_is_looked_at_each_time(script, person):
    (person.folder / "helper.py").unlink()
    (person.folder / "helper.py").symlink_to(person.folder / "missing.py")
    without = scan_and_keep(script)
    assert without == scan(script)
    (person.folder / "missing.py").write_text("import toml\n")
    assert "toml" in {seen.module for seen in scan_and_keep(script).imports}


def test_the_scripts_own_fault_is_told_each_time(person):
    script = person.script("def (\n")
    for _ in range(2):
        with pytest.raises(imports.BadSyntax, match=r"a\.py, line 1"):
            scan_and_keep(script)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    edits=st.lists(
        st.tuples(st.sampled_from([*FILES, "yaml.py", "attr/__init__.py"]), st.sampled_from([None, *SOURCES]))
    )
)
def test_it_agrees_with_reading_anew_whatever_changes(script, person, edits):
    for name, text in edits:
        path = person.folder / name
        if text is None:
            path.unlink(missing_ok=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="latin-1")
        assert scan_and_keep(script) == scan(read_script(str(script.path)))
