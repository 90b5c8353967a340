"""What a traceback on stderr tells is what the start-up hook would have told."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from luci.runner.diagnose import Cause, Report
from luci.runner.last_words import SIZE, Tail, report_of
from tests.envs.test_hook import VERSIONS, interpreter

NESTED = """
import json
def inner():
    try:
        import first_of_all
    except ImportError:
        import not_here.below
json.loads("1")
inner()
"""


@pytest.mark.parametrize("version", VERSIONS)
def test_every_python_is_understood(tmp_path: Path, version: str) -> None:
    script = tmp_path / "a.py"
    script.write_text(NESTED)
    environ = {**os.environ, "FORCE_COLOR": "1"}  # colours where it knows any
    command = [interpreter(version), "-S", str(script)]
    said = subprocess.run(command, capture_output=True, text=True, check=False, env=environ).stderr
    report = report_of(said, 0.5, (3, 11))
    assert report and (report.kind, report.name) == (
        "ModuleNotFoundError",
        "not_here.below" if version == "2.7" else "not_here",
    )
    assert (report.file, report.line, report.frames) == (str(script), 7, ((str(script), 9), (str(script), 7)))
    assert (report.seconds, report.printed, report.main) == (0.5, True, True)
    if version != "2.7":  # which tells the last exception alone
        assert report.causes == (Cause("ModuleNotFoundError", "first_of_all", "No module named 'first_of_all'"),)


def test_frames_of_libraries_are_not_the_scripts() -> None:
    text = """Traceback (most recent call last):
  File "/home/me/a.py", line 3, in <module>
    importlib.import_module("b")
  File "/usr/lib/python3.12/importlib/__init__.py", line 90, in import_module
  File "<frozen importlib._bootstrap>", line 1387, in _gcd_import
  File "/env/lib/python3.12/site-packages/b.py", line 1, in <module>
    import c
ModuleNotFoundError: No module named 'c'
"""
    report = report_of(text, 0, (3, 12))
    assert report and (report.file, report.line) == ("/home/me/a.py", 3)
    assert (report.raised_file, report.raised_line) == ("/env/lib/python3.12/site-packages/b.py", 1)


@pytest.mark.parametrize(
    ("last", "kind", "name"),
    [
        ("ImportError: cannot import name 'x' from 'y' (/p/y.py)", "ImportError", ""),
        ("importlib.metadata.PackageNotFoundError: No package metadata was found for y", "ModuleNotFoundError", "y"),
    ],
)
def test_every_kind_of_failed_import_is_told_apart(last: str, kind: str, name: str) -> None:
    head = 'Traceback (most recent call last):\n  File "a.py", line 1, in <module>\n'
    report = report_of(f"{head}{last}\r\n", 0, (3, 12))
    assert report and (report.kind, report.name) == (kind, name)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ModuleNotFoundError: No module named 'y'\n",
        "Traceback (most recent call last):\n  File 'a.py'\nValueError: No module named 'y'\n",
        "Traceback (most recent call last):\n  x\nImportError: y\n\n"
        "Traceback (most recent call last):\n  x\nKeyError: y\n",
    ],
    ids=["nothing", "no traceback", "another error", "an earlier traceback"],
)
def test_what_did_not_end_in_a_failed_import_is_none(text: str) -> None:
    assert report_of(text, 0, (3, 12)) is None


def test_a_tail_keeps_the_end_alone() -> None:
    tail = Tail()
    for _ in range(3):
        tail.write(b"x" * SIZE)
    tail.write(b"end")
    assert (len(tail.kept), tail.kept[-4:]) == (SIZE, b"xend")


def test_a_report_without_frames_is_a_whole_one() -> None:
    report = report_of("Traceback (most recent call last):\nModuleNotFoundError: No module named 'y'\n", 0, ())
    expected = Report("ModuleNotFoundError", "y", "No module named 'y'", "ModuleNotFoundError", frames=(("", 0),))
    assert report and replace(report, traceback="") == expected
