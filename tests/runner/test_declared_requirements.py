"""Reading requirements files: what pip would read, and nothing that stops a script."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luci.runner.declared.requirements import RequirementsFile, expanded
from luci.runner.declared.values import Declared


def read(folder: Path, text: str | bytes, **environ: str) -> RequirementsFile:
    path = folder / "requirements.txt"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return RequirementsFile(folder, environ).read(path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("six", ["six"]),
        ("  PyYAML >= 6 , < 7  # why", ["pyyaml<7,>=6"]),
        ("# only a comment\n\n   # another", []),
        ("a[x,y] ~= 1.0 ; python_version < '3.9'", ['a[x,y]~=1.0; python_version < "3.9"']),
        ("a \\\n  >=1 \\\n  ,<2\nb", ["a<2,>=1", "b"]),
        ("a \\\n# a comment ends it\nb", ["a", "b"]),
        ("a>=1 \\", ["a>=1"]),
        ("a (>=1)", ["a>=1"]),
        ("a==${V}", ["a==2"]),
        ("a\r\nb\rc", ["a", "b", "c"]),
        ("\ufeffa", ["a"]),
        ("a\nb".encode("utf-16"), ["a", "b"]),
        (b"a # caf\xe9", ["a"]),
        ("a @ https://files.example/a-1.zip ; os_name=='nt'", ['a @ https://files.example/a-1.zip ; os_name == "nt"']),
        (
            "https://files.example/Some_Tool-1.0-py3-none-any.whl",
            ["some-tool @ https://files.example/Some_Tool-1.0-py3-none-any.whl"],
        ),
        ("https://files.example/a-1.0.tar.gz#sha256=00", ["a @ https://files.example/a-1.0.tar.gz#sha256=00"]),
        ("https://files.example/download", ["https://files.example/download"]),
        (
            "git+https://git.example/a@v1#egg=A[x]&subdirectory=py",
            ["a[x] @ git+https://git.example/a@v1#subdirectory=py"],
        ),
        ("-e git+ssh://git@git.example/a#egg=a", ["a @ git+ssh://git@git.example/a"]),
        ("--editable=git+https://git.example/a", ["git+https://git.example/a"]),
    ],
)
def test_a_line_is_read_as_pip_reads_it(tmp_path: Path, text: str | bytes, expected: list[str]) -> None:
    file = read(tmp_path, text, V="2")
    assert file.problems == []
    assert [declared.line for declared in file.requirements] == expected


def test_a_line_tells_where_it_stands_and_keeps_its_hashes(tmp_path: Path) -> None:
    file = read(tmp_path, "\n# one\na==1 \\\n    --hash=sha256:00 \\\n    --hash sha256:11\n    # via b\nc\n")
    assert file.requirements == [
        Declared("a==1", "a", "requirements.txt:3", ("sha256:00", "sha256:11")),
        Declared("c", "c", "requirements.txt:7"),
    ]


def test_local_paths_become_absolute_and_are_named_where_they_name_themselves(tmp_path: Path) -> None:
    (tmp_path / "tool").mkdir()
    (tmp_path / "tool" / "pyproject.toml").write_text('[project]\nname = "My.Tool"')
    (tmp_path / "old").mkdir()
    (tmp_path / "w-1.0-py3-none-any.whl").touch()
    file = read(tmp_path, "-e ./tool[x]\n./old\nw-1.0-py3-none-any.whl\nn @ ./old\ntool/ ; os_name == 'nt'\nfile:old\n")
    tool, old, wheel = ((tmp_path / name).as_uri() for name in ("tool", "old", "w-1.0-py3-none-any.whl"))
    assert file.problems == []
    assert [declared.line for declared in file.requirements] == [
        f"my-tool[x] @ {tool}",
        old,
        f"w @ {wheel}",
        f"n @ {old}",
        f'my-tool @ {tool} ; os_name == "nt"',
        old,
    ]


def test_included_files_are_read_relative_to_the_file_that_names_them(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "base.txt").write_text("b\n-r ../requirements.txt\n-c limits.txt")  # a circle, too
    (tmp_path / "more" / "limits.txt").write_text("c<3\n-r other.txt")
    (tmp_path / "more" / "other.txt").write_text("d<4")
    file = read(tmp_path, "a\n-r more/base.txt\n")
    assert file.requirements == [
        Declared("a", "a", "requirements.txt:1"),
        Declared("b", "b", "more/base.txt:1"),
        Declared("c<3", "c", "more/limits.txt:1", constraint=True),
        Declared("d<4", "d", "more/other.txt:1", constraint=True),
    ]
    assert [path.name for path in file.files] == ["requirements.txt", "base.txt", "limits.txt", "other.txt"]


def test_index_options_are_kept(tmp_path: Path) -> None:
    file = read(
        tmp_path,
        "-i https://one.example/simple\n--extra-index-url=https://two.example/simple\n--find-links wheels\n"
        "--pre\n--no-index\n--prefer-binary\nsix\n",
    )
    assert file.problems == []
    assert file.index.url == "https://one.example/simple"
    assert file.index.extra_urls == ("https://two.example/simple",)
    assert file.index.find_links == ((tmp_path / "wheels").as_uri(),)
    assert file.index.no_index
    assert file.index.prereleases


def test_variables_in_network_urls_stay_for_who_opens_the_url(tmp_path: Path) -> None:
    text = "-i https://me:${TOKEN}@one.example/simple\na @ git+https://${TOKEN}@git.example/a\nb @ file:///${PLACE}/b\n"
    file = read(tmp_path, text, TOKEN="secret", PLACE="srv")
    assert file.index.url == "https://me:${TOKEN}@one.example/simple"
    assert [declared.line for declared in file.requirements] == [
        "a @ git+https://${TOKEN}@git.example/a",
        "b @ file:///srv/b",
    ]
    assert expanded(file.index.url, {"TOKEN": "secret"}) == "https://me:secret@one.example/simple"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("a b c", "'a b c' is not used"),
        ("a>=1.0.banana", "is not used"),
        ("./missing", "there is no such file or folder"),
        ("-r missing.txt", "missing.txt cannot be read: there is no such file"),
        ("-r .", "there is no such file"),
        ("-r https://files.example/list.txt", "files from the network are not read"),
        ("--trusted-host one.example", "--trusted-host is not followed"),
        ("--banana", "option --banana not recognized"),
        ("-e 'unbalanced", "No closing quotation"),
        ("-i https://me:password@one.example extra", "extra is not an option"),
        ("-r ${MISSING}", "${MISSING} cannot be read"),
        ("six --global-option=x", "requirements.txt:2: --global-option is not followed"),
    ],
)
def test_a_line_that_cannot_be_used_is_named_and_the_rest_is_read(tmp_path: Path, line: str, said: str) -> None:
    file = read(tmp_path, f"first\n{line}\nlast\n")
    assert said in file.problems[0]
    assert "password" not in file.problems[0]
    assert {"first", "last"} <= {declared.name for declared in file.requirements}


def test_a_pipe_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "requirements.txt")
    file = RequirementsFile(tmp_path).read(tmp_path / "requirements.txt")
    assert file.problems == ["requirements.txt cannot be read: there is no such file"]


def test_a_long_chain_of_files_ends(tmp_path: Path) -> None:
    for n in range(1000):
        (tmp_path / f"r{n}.txt").write_text(f"-r r{n + 1}.txt")
    file = RequirementsFile(tmp_path).read(tmp_path / "r0.txt")
    assert len(file.files) == 100
    assert "more than 100 files" in file.problems[0]


PIECES = [
    "-r ",
    "-c ",
    "-e ",
    "-i ",
    "--hash=",
    " --hash=sha256:0",
    " ; ",
    "a",
    "[x]",
    "==1",
    " @ ",
    "https://",
    "file:",
    "#egg=",
]
PIECES += [
    "./",
    "git+",
    "${A}",
    "\\\n",
    "\n",
    " # ",
    "'",
    '"',
    "\0",
    "~",
    "(",
    ".whl",
    "python_version < '3'",
    "é",
    "\ud800",
]


@given(st.text() | st.lists(st.sampled_from(PIECES)).map("".join))
def test_any_text_is_read_to_its_end(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = read(Path(folder), text.encode("utf-8", "surrogatepass"), A="value")
        assert all(declared.line for declared in file.requirements)
