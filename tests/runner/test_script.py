"""What the person asked to run: found, read, decoded and parsed, or refused in words."""

from __future__ import annotations

import io
import os
import sys
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luci.errors import LuciError, ScriptError, UsageError
from luci.runner.grammar import parse
from luci.runner.imports import Target, scan
from luci.runner.script import BadSyntax, PythonTwo, Script, decode, read_script

pytestmark = pytest.mark.each_python

TARGET = Target((3, 11), "linux", "posix")


def test_a_script_is_named_as_given_and_lies_in_its_own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("tool.py").write_text("print(1)\n")
    script = read_script("tool.py", "file")
    assert (script.name, script.argv, script.folder) == ("tool.py", ("tool.py",), tmp_path)
    assert (script.path, script.source) == (tmp_path / "tool.py", b"print(1)\n")


def test_the_folder_of_a_linked_script_is_that_of_the_script_itself(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "tool.py").write_text("")
    (tmp_path / "link.py").symlink_to(tmp_path / "real" / "tool.py")
    script = read_script(str(tmp_path / "link.py"), "file")
    assert script.folder == tmp_path / "real"
    assert script.path == tmp_path / "link.py"


def test_a_folder_is_run_by_its_main(tmp_path):
    (tmp_path / "__main__.py").write_text("import rich\n")
    script = read_script(str(tmp_path), "file")
    assert (script.kind, script.path, script.folder) == ("folder", tmp_path / "__main__.py", tmp_path)


def test_code_and_standard_input_belong_to_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"import rich\n")))
    assert read_script("import yaml", "code").argv == ("-c", "import yaml")
    piped = read_script("-", "stdin")
    assert (piped.source, piped.folder, piped.path, piped.argv) == (b"import rich\n", tmp_path, None, ("-",))


@pytest.mark.parametrize(
    ("files", "module", "found"),
    [
        (["tool.py"], "tool", "tool.py"),
        (["pkg/__init__.py", "pkg/tool.py"], "pkg.tool", "pkg/tool.py"),
        (["pkg/__init__.py", "pkg/__main__.py", "pkg.py"], "pkg", "pkg/__main__.py"),
        (["pkg/__main__.py", "pkg.py"], "pkg", "pkg.py"),
        (["space/deep/tool.py"], "space.deep.tool", "space/deep/tool.py"),
        ([], "http.server", None),
    ],
)
def test_a_module_is_found_as_python_finds_it(tmp_path, monkeypatch, files, module, found):
    monkeypatch.chdir(tmp_path)
    for file in files:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text("")
    script = read_script(module, "module")
    assert script.path == (found and tmp_path / found)
    assert script.argv == ("-m", module)


@pytest.mark.parametrize("module", ["x/y.py", "a-b", "", "a..b", "tool.py "])
def test_what_is_no_module_name_is_a_usage_error(module):
    with pytest.raises(UsageError):
        read_script(module, "module")


def test_a_module_that_is_not_local_is_an_installed_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    script = read_script("black", "module")
    assert [one.module for one in scan(script, TARGET).imports] == ["black"]


def test_a_package_without_main_and_a_missing_submodule_are_told_apart(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "__init__.py").write_text("")
    with pytest.raises(ScriptError, match="without __main__"):
        read_script("pkg", "module")
    with pytest.raises(UsageError, match=r"no module pkg\.other"):
        read_script("pkg.other", "module")


@pytest.mark.parametrize("name", ["missing.py", "missing/tool.py", "nul\0.py", "x" * 5000])
def test_a_missing_file_is_a_usage_error(tmp_path, name):
    with pytest.raises(UsageError) as caught:
        read_script(str(tmp_path / name), "file")
    assert caught.value.exit_code == 2


def test_a_file_named_without_its_ending_is_hinted_at(tmp_path):
    (tmp_path / "tool.py").write_text("")
    with pytest.raises(UsageError) as caught:
        read_script(str(tmp_path / "tool"), "file")
    assert "tool.py" in caught.value.hint


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_a_usage_error(tmp_path):
    (tmp_path / "tool.py").write_text("")
    (tmp_path / "tool.py").chmod(0)
    with pytest.raises(UsageError, match="cannot be read"):
        read_script(str(tmp_path / "tool.py"), "file")


def test_a_pipe_is_not_read_twice(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match="not a regular file"):
        read_script(str(tmp_path / "pipe"), "file")


def archive() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        file.writestr(zipfile.ZipInfo("__main__.py"), "print(1)\n" * 100)
    return b"#!/usr/bin/env python3\n" + made.getvalue()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"print(1)\nx = '\0'\n", "line 2: there is a NUL byte"),
        (b"\x7fELF\2\1\1\0\0\0", "NUL byte"),
        ("import yaml".encode("utf-16"), "UTF-16"),
        (archive(), "zip archive"),
    ],
)
def test_what_is_no_source_is_refused_in_words(tmp_path, content, words):
    (tmp_path / "tool.py").write_bytes(content)
    with pytest.raises(ScriptError, match=words):
        read_script(str(tmp_path / "tool.py"), "file")


def test_fifty_megabytes_are_too_much(tmp_path):
    with open(tmp_path / "big.py", "wb") as file:
        file.truncate(50_000_001)
    with pytest.raises(ScriptError, match="larger than 50 MB"):
        read_script(str(tmp_path / "big.py"), "file")


def test_a_folder_without_main_is_refused(tmp_path):
    with pytest.raises(ScriptError, match=r"without __main__\.py"):
        read_script(str(tmp_path), "file")


def test_an_empty_file_imports_nothing(tmp_path):
    (tmp_path / "tool.py").write_text("")
    assert scan(read_script(str(tmp_path / "tool.py"), "file"), TARGET).imports == ()


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (b"x = '\xc3\xa9'", "x = 'é'"),
        (b"\xef\xbb\xbfx = 1", "x = 1"),
        (b"# -*- coding: latin-1 -*-\nx = '\xe9'", "# -*- coding: latin-1 -*-\nx = 'é'"),
        (b"#!/usr/bin/env -S luci run\n# vim: set fileencoding=cp1252 :\n'\x80'", None),
    ],
)
def test_a_source_is_decoded_as_python_decodes_it(source, text):
    decoded = decode(source, "tool.py")
    assert decoded == text or "€" in decoded


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (b"a = 1\nb = '\xe9'\n", "line 2: this is not utf-8"),
        (b"# coding: klingon\n", "line 1: bad encoding"),
        (b"#!/bin/x\n# coding: klingon\n", "line 2: bad encoding"),
        (b"\xef\xbb\xbf# coding: latin-1\n", "bad encoding"),
        (b"# coding: rot13\n", "bad encoding"),
        (b"# coding: hex\n", "bad encoding"),
        (b"# coding: undefined\n", "bad encoding"),
        (b"# coding: utf-7\n+2AA-\n", "bad encoding|not utf-7"),
    ],
)
def test_a_bad_encoding_is_named_with_its_line(source, words):
    with pytest.raises(ScriptError, match=words):
        decode(source, "tool.py")


@pytest.mark.parametrize(
    "source",
    [
        "print 'hello'\n",
        "import os\nprint >>log, 'x' 'y' % 3,; print\nprint >>log, x y\n",
        "try:\n    pass\nexcept ValueError, e:\n    pass\n",
        "raise ValueError, 'no'\n",
        "exec 'x = 1'\n",
        "x = 10L\n",
        "import os\nos.chmod('x', 0755)\n",
        "if a <> b:\n    pass\n",
        "x = ur'abc'\n",
        "def f(a, (b, c)):\n    pass\n",
        "if x:\n        a = 1\n\tprint 'tabs'\n",
    ],
)
def test_python_two_is_recognised(source):
    with pytest.raises(PythonTwo, match=r"line [0-9]+: this is Python 2"):
        parse(source, "tool.py")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("x = (\n", "line 1: "),
        ("a = 1\nb = = 2\n", "line 2: "),
        ("def f(:\n    pass", "line 1: "),
        ("try:\n    pass\nexcept A, B:\n    pass\n" if sys.version_info < (3, 14) else "=", "line [13]: "),
        ("'abc\n", "line 1: "),
    ],
)
def test_a_syntax_error_has_its_line_and_is_left_to_a_newer_grammar(source, words):
    with pytest.raises(BadSyntax, match=words):
        parse(source, "tool.py")


@pytest.mark.parametrize(
    "source",
    [
        "(" * 5000 + ")" * 5000,
        "-" * 100_000 + "1",
        "+".join(["1"] * 100_000),
        "a" + ".b" * 100_000,
        "not " * 50_000 + "x",
    ],
)
def test_deep_nesting_is_a_script_error(source):
    with pytest.raises(ScriptError, match="nested too deeply") as caught:
        parse(source, "tool.py")
    assert not isinstance(caught.value, BadSyntax)


def test_warnings_of_the_script_are_its_own(recwarn):
    parse("x = '\\d'\nif x is 3: pass\n", "tool.py")
    assert not recwarn.list


def piped(source: bytes) -> Script:
    return Script("stdin", "-", None, source, Path.cwd(), ("-",))


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_arbitrary_bytes_never_raise_anything_but_luci_errors(source):
    try:
        first = scan(piped(source), TARGET)
    except LuciError:
        return
    assert scan(piped(source), TARGET) == first


CODECS = [
    "latin-1",
    "utf-7",
    "utf-16",
    "idna",
    "punycode",
    "unicode_escape",
    "mbcs",
    "hz",
    "iso2022_jp",
    "zlib",
    "cp037",
]


@given(st.sampled_from(CODECS), st.binary(max_size=100))
def test_no_declared_encoding_escapes_as_a_traceback(codec, content):
    try:
        scan(piped(b"# coding: " + codec.encode() + b"\n" + content), TARGET)
    except LuciError:
        pass


@given(st.binary(max_size=100))
def test_a_file_of_arbitrary_bytes_is_read_or_refused(tmp_path_factory, content):
    file = tmp_path_factory.getbasetemp() / "arbitrary.py"
    file.write_bytes(content)
    try:
        scan(read_script(str(file), "file"), TARGET)
    except LuciError:
        pass
