"""What a script's last words say of where it ended."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from luci.runner.failure import failed
from luci.runner.script import read_script

SOURCE = 'table = {"a": 1}\n\n\ndef look(key):\n    return table[key]\n\n\nlook("b")\n'


def last_words(path: Path, **variables: str) -> str:
    return subprocess.run([sys.executable, path], capture_output=True, text=True, env=variables, check=False).stderr


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "look.py"
    path.write_text(SOURCE)
    return path


def test_a_failure_names_the_line_and_shows_those_around_it(script):
    found = failed(last_words(script), read_script(str(script)))
    assert (found.error, found.file, found.line, found.first) == ("KeyError: 'b'", str(script), 5, 2)
    assert found.excerpt[found.line - found.first] == "    return table[key]"


def test_colours_in_a_traceback_are_no_part_of_it(script):
    coloured = last_words(script).replace("KeyError", "\x1b[1;35mKeyError\x1b[0m").replace("\n", "\r\n")
    assert failed(coloured, read_script(str(script))).error == "KeyError: 'b'"


def test_where_a_library_failed_the_line_that_called_it_is_told(tmp_path):
    path = tmp_path / "deep.py"
    path.write_text('import json\n\n\njson.loads("[1,")\n')
    found = failed(last_words(path), read_script(str(path)))
    assert (found.line, found.error.partition(":")[0]) == (4, "json.decoder.JSONDecodeError")


def test_of_an_exception_while_another_was_handled_the_last_is_told(tmp_path):
    path = tmp_path / "two.py"
    path.write_text("try:\n    1 / 0\nexcept ZeroDivisionError:\n    int('x')\n")
    found = failed(last_words(path), read_script(str(path)))
    assert (found.line, found.error.partition(":")[0]) == (4, "ValueError")


def test_last_words_that_are_no_traceback_are_no_failure(script):
    assert failed("usage: look.py KEY\n", read_script(str(script))) is None


def test_a_traceback_that_a_script_only_talks_about_shows_no_file_of_others(script, tmp_path):
    other = tmp_path.parent / "secret.py"
    words = f'Traceback (most recent call last):\n  File "{other}", line 1, in <module>\nKeyError: 1\n'
    found = failed(words, read_script(str(script)))
    assert (found.file, found.excerpt) == ("", ())
