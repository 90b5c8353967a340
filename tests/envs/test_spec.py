"""The key: equal needs are equal, however they are spelt, and nothing else is."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luci.envs.spec import EnvSpec, canonical, label_for

SPEC = EnvSpec("3.12", ("pyyaml>=6", "rich"), scope="/home/me/project", platform="linux-x86_64")


@pytest.mark.parametrize(
    "requirements",
    [
        ("rich", "PyYAML>=6"),
        ("Rich", "pyyaml >= 6"),
        ("rich", "rich", "PYYAML>=6"),
        ("  rich ", "pyyaml(>=6)"),
    ],
)
def test_the_same_needs_however_spelt_have_the_same_key(requirements):
    assert replace(SPEC, requirements=requirements).key == SPEC.key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Flask_RESTful", "flask-restful"),
        ("a.b>1,<3", "a-b<3,>1"),
        ("rich[b,a]", "rich[a,b]"),
        ("rich[My_Extra]", "rich[my-extra]"),
        ("x; python_version<'3.9'", 'X ; python_version < "3.9"'),
        ("x@https://host/x.whl", "X @ https://host/x.whl"),
    ],
)
def test_a_requirement_has_one_canonical_spelling(one, other):
    assert canonical(one) == canonical(other)


@pytest.mark.parametrize("line", ["./wheels/x.whl", "x==1 --hash=sha256:00ff", "-e ."])
def test_a_line_that_is_no_requirement_stays_as_it_is(line):
    assert canonical(f" {line} ") == line


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x==1.0", "x==1.0.0"),
        ("x>=2.0,<3.0", "x<3,>=2"),
        ("x!=1.0", "x!=1"),
        ("x==1.0+cpu", "x==1+cpu"),
        ("x==1!2.0", "x==1!2"),
        ("x==1.0RC1", "x==1rc1"),
        ("x==v1.0", "x==1"),
        ("x==1.0 --hash=sha256:aa --hash=sha256:bb", "X == 1 --hash=sha256:bb --hash=sha256:aa"),
    ],
)
def test_versions_that_are_equal_have_the_same_key(one, other):
    assert replace(SPEC, requirements=(one,)).key == replace(SPEC, requirements=(other,)).key
    assert replace(SPEC, constraints=(one,)).key == replace(SPEC, constraints=(other,)).key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x==1.0.*", "x==1.*"),
        ("x==1.0.*", "x==1.0"),
        ("x~=1.0", "x~=1.0.0"),
        ("x===1.0", "x===1.0.0"),
        ("x===1.0", "x==1.0"),
        ("x==1.0+cpu", "x==1.0"),
        ("x==1.0+cpu", "x==1.0+cpu.0"),
        ("x==1.0", "x==1.0.post0"),
        ("x==10", "x==1"),
    ],
)
def test_versions_that_differ_have_another_key(one, other):
    assert replace(SPEC, requirements=(one,)).key != replace(SPEC, requirements=(other,)).key


def test_a_version_is_shown_as_it_was_written():
    assert replace(SPEC, requirements=("x==1.0",)).requirements == ("x==1.0",)


@pytest.mark.parametrize(
    "change",
    [
        {"python": "3.11"},
        {"requirements": ("rich",)},
        {"requirements": ("pyyaml>=6,rich",)},
        {"scope": "/home/me/other"},
        {"scope": ""},
        {"kind": "conda"},
        {"implementation": "pypy"},
        {"platform": "macosx-14-arm64"},
        {"index": "index https://host/simple"},
        {"constraints": ("rich<14",)},
    ],
)
def test_every_field_is_part_of_the_key(change):
    assert replace(SPEC, **change).key != SPEC.key


def test_values_cannot_slip_from_one_field_into_another():
    assert EnvSpec("3.12", ("a",), constraints=("b",)).key != EnvSpec("3.12", ("a", "b")).key
    assert EnvSpec("3.12", scope="x").key != EnvSpec("3.12", index="x").key


def test_the_key_is_the_same_in_another_process():
    code = f"from luci.envs.spec import EnvSpec; print({SPEC!r}.key)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == SPEC.key


def test_one_more_requirement_makes_another_spec():
    assert SPEC.plus("Six").requirements == ("pyyaml>=6", "rich", "six")
    assert SPEC.plus("rich") == SPEC


def test_a_scope_with_undecodable_bytes_has_a_key():
    assert len(EnvSpec("3.12", scope="/home/\udcff").key) == 16


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("plot.py", "plot"),
        ("/a/b/My Script.PYW", "my-script"),
        ("../..", "script"),
        ("", "script"),
        ("con\x00tro\nl.py", "con-tro-l"),
        ("x" * 300, "x" * 32),
    ],
)
def test_a_label_is_short_and_safe(name, label):
    assert label_for(name) == label


@given(st.text())
def test_any_name_gives_a_label_that_a_file_can_have(name):
    label = label_for(name)
    assert 0 < len(label) <= 32
    assert set(label) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")


@given(st.text())
def test_canonical_changes_nothing_the_second_time(line):
    assert canonical(canonical(line)) == canonical(line)
