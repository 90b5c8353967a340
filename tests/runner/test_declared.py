"""What a script's block and its project's files declare."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luci.errors import LuciError, ScriptError
from luci.runner.declared import Declarations, Declared, inline, project, project_root


def block(*lines: str) -> str:
    return "\n".join(
        ["import x", "# /// script", *(f"# {line}" if line else "#" for line in lines), "# ///", "x.run()"]
    )


def lines(declarations: Declarations | None, *, constraint: bool = False) -> list[str]:
    assert declarations is not None
    return [declared.line for declared in declarations.requirements if declared.constraint is constraint]


def origins(declarations: Declarations | None) -> dict[str, str]:
    assert declarations is not None
    return {declared.name: declared.origin for declared in declarations.requirements}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project's root, with nothing in it yet."""
    (tmp_path / ".git").mkdir()
    return tmp_path


# -- the script's own block


def test_a_block_is_alone_and_complete() -> None:
    declared = inline(
        block('requires-python = ">=3.12"', "dependencies = [", '  "PyYAML>=6",', "", '  "rich[jupyter]",', "]")
    )
    assert declared == Declarations(
        (
            Declared("pyyaml>=6", "pyyaml", "PEP 723 block"),
            Declared("rich[jupyter]", "rich", "PEP 723 block"),
        ),
        complete=True,
        requires_python=">=3.12",
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "import yaml",
        "# /// script\n# dependencies = []",  # never closed
        "# /// script\nimport x\n# ///",
        " # /// script\n # ///",
        "#/// script\n# ///",
        "# /// other\n# dependencies = 1\n# ///",
    ],
)
def test_without_a_closed_script_block_nothing_is_declared(text: str) -> None:
    assert inline(text) is None


@pytest.mark.parametrize("text", ["# /// script\n# ///", block("", "# a comment"), block().replace("\n", "\r\n")])
def test_an_empty_block_says_that_nothing_is_needed(text: str) -> None:
    assert inline(text) == Declarations(complete=True)


def test_the_last_closing_line_of_a_comment_closes_the_block() -> None:
    declared = inline(block('dependencies = ["rich"]', "[tool.notes]", 'text = """', "///", '"""'))
    assert lines(declared) == ["rich"]


def test_blocks_of_other_tools_are_left_alone() -> None:
    assert lines(inline("# /// pyproject\n# [broken\n# ///\n\n" + block('dependencies = ["six"]'))) == ["six"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (block("dependencies = [", '  "six",', "  oops", "]"), "(line 5)"),
        (block('dependencies = ["six"]') + "\n" + block(), "lines 2 and 7"),
        (block('dependencies = "six"'), "dependencies wants a list of strings"),
        (block("dependencies = [1]"), "dependencies wants a list of strings"),
        (block("requires-python = 3.11"), "requires-python wants a string"),
        (block("", 'requires-python = "new"'), "(line 4): requires-python is 'new'"),
        (block("dependencies = [", '"six",', '"a b",', "]"), "(line 5): 'a b'"),
        (block("tool = 1"), "tool wants a table"),
        (block('dependencies = ["a"]', "[tool.uv.sources]", 'a = { index = "mine" }'), "no index named mine"),
        (block('dependencies = ["a"]', "[tool.uv.sources]", "a = { workspace = true }"), "names no git, url, path or"),
        (block("a = " + "[" * 5000), "nested too deeply"),
    ],
)
def test_a_block_that_cannot_be_read_is_an_error_with_its_line(text: str, said: str) -> None:
    with pytest.raises(ScriptError) as error:
        inline(text)
    assert said in error.value.message
    assert error.value.hint


def test_uv_settings_of_a_block_choose_the_index(tmp_path: Path) -> None:
    declared = inline(
        block(
            'dependencies = ["torch", "six"]',
            "[tool.uv]",
            'exclude-newer = "2026-01-01T00:00:00Z"',
            'constraint-dependencies = ["numpy<2"]',
            'override-dependencies = ["x"]',
            'find-links = ["wheels"]',
            "[[tool.uv.index]]",
            'name = "main"',
            'url = "https://packages.example/simple"',
            "default = true",
            "[[tool.uv.index]]",
            'url = "https://more.example/simple"',
            "[[tool.uv.index]]",
            'name = "gpu"',
            'url = "https://gpu.example/simple"',
            "explicit = true",
            "[tool.uv.sources]",
            'torch = [{ index = "gpu", marker = "sys_platform == \'linux\'" }]',
        ),
        tmp_path,
    )
    assert declared is not None
    assert declared.index.url == "https://packages.example/simple"
    assert declared.index.extra_urls == ("https://more.example/simple",)
    assert declared.index.find_links == ((tmp_path / "wheels").as_uri(),)
    assert declared.index.exclude_newer == "2026-01-01T00:00:00Z"
    assert declared.index.only == (("torch", "https://gpu.example/simple", "sys_platform == 'linux'"),)
    assert lines(declared, constraint=True) == ["numpy<2"]
    assert lines(declared) == ["torch", "six"]
    assert declared.problems == ("PEP 723 block: [tool.uv] override-dependencies is not used here",)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('{ git = "https://git.example/a", tag = "v1" }', ["a[x] @ git+https://git.example/a@v1"]),
        (
            '{ git = "https://git.example/a", rev = "1f", subdirectory = "py" }',
            ["a[x] @ git+https://git.example/a@1f#subdirectory=py"],
        ),
        ('{ url = "https://files.example/a-1.zip" }', ["a[x] @ https://files.example/a-1.zip"]),
        (
            '{ url = "https://files.example/a.zip", marker = "os_name == \'nt\'" }',
            ['a[x] @ https://files.example/a.zip ; os_name == "nt"', "a[x]>=1"],
        ),
    ],
)
def test_a_source_becomes_a_direct_reference(source: str, expected: list[str]) -> None:
    assert lines(inline(block('dependencies = ["A[x]>=1"]', "[tool.uv.sources]", f"a = {source}"))) == expected


def test_paths_in_a_block_are_relative_to_the_script(tmp_path: Path) -> None:
    text = block('dependencies = ["a", "b @ ./b.zip", "c @ file:c"]', "[tool.uv.sources]", 'a = { path = "../a" }')
    urls = [(tmp_path / name).as_uri() for name in ("a", "script/b.zip", "script/c")]
    assert lines(inline(text, tmp_path / "script")) == [f"a @ {urls[0]}", f"b @ {urls[1]}", f"c @ {urls[2]}"]


@given(st.text() | st.text("# /script\n=[]\"'ad").map(lambda text: "# /// script\n# " + text + "\n# ///"))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        inline(text)
    except LuciError as error:
        assert error.hint


# -- the project's root


def test_the_project_is_the_nearest_folder_with_a_project_file(folder: Path) -> None:
    (folder / "tool").mkdir()
    (folder / "tool" / "setup.cfg").touch()
    assert project_root(folder / "tool") == folder / "tool"
    assert project_root(folder / "other" / "deep") == folder


def test_a_requirements_file_is_a_root_only_where_nothing_else_is(tmp_path: Path) -> None:
    (tmp_path / "examples" / "one").mkdir(parents=True)
    (tmp_path / "examples" / "requirements.txt").touch()
    assert project_root(tmp_path / "examples" / "one") == tmp_path / "examples"
    (tmp_path / ".git").mkdir()
    assert project_root(tmp_path / "examples" / "one") == tmp_path


def test_neither_home_nor_what_is_above_it_is_a_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".git").mkdir()
    (tmp_path / "requirements.txt").write_text("six")
    assert project_root(tmp_path / "scripts") is None
    assert project(tmp_path / "scripts") is None
    assert lines(project(tmp_path)) == ["six"]  # beside the script


def test_files_in_a_folder_that_is_open_to_all_are_nobodys_project(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("six")
    (tmp_path / "pyproject.toml").touch()
    tmp_path.chmod(0o1777)
    assert project(tmp_path) is None
    assert project(tmp_path / "mine") is None


# -- the project's files


def test_a_folder_without_project_files_declares_nothing(folder: Path) -> None:
    assert project(folder) is None


def test_project_declarations_are_not_complete(folder: Path) -> None:
    (folder / "requirements.txt").write_text("six")
    declared = project(folder)
    assert declared is not None
    assert not declared.complete
    assert declared.files == (folder / "requirements.txt",)


def test_pyproject_declares_dependencies_extras_and_groups(folder: Path) -> None:
    (folder / "pyproject.toml").write_text(
        """
        [project]
        name = "My_Tool"
        requires-python = ">=3.10"
        dependencies = ["requests>=2 ; python_version < '4'"]
        [project.optional-dependencies]
        plot = ["matplotlib"]
        all = ["my-tool[plot]", "rich"]
        [dependency-groups]
        test = ["pytest>8", { include-group = "lint" }]
        lint = ["ruff"]
        [tool.uv]
        dev-dependencies = ["mypy"]
        """
    )
    declared = project(folder)
    assert declared is not None
    assert lines(declared) == ['requests>=2; python_version < "4"', "matplotlib", "rich", "pytest>8", "ruff", "mypy"]
    assert declared.requires_python == ">=3.10"
    assert origins(declared) == {
        "requests": "pyproject.toml [project]",
        "matplotlib": "pyproject.toml [project.optional-dependencies] plot",
        "rich": "pyproject.toml [project.optional-dependencies] all",
        "pytest": "pyproject.toml [dependency-groups] test",
        "ruff": "pyproject.toml [dependency-groups] lint",
        "mypy": "pyproject.toml [tool.uv] dev-dependencies",
    }


def test_the_first_file_that_names_a_distribution_wins(folder: Path) -> None:
    (folder / "pylock.toml").write_text(
        'lock-version = "1.0"\ncreated-by = "t"\n[[packages]]\nname = "a"\nversion = "1"\n'
        'sdist = { url = "https://files.example/a-1.tar.gz", hashes = { sha256 = "00" } }\n'
    )
    (folder / "pyproject.toml").write_text(
        '[project]\ndependencies = ["a==2", "b==2"]\noptional-dependencies = { x = ["f==6", "e==6"] }\n'
        '[tool.poetry.dependencies]\nb = "3"\nc = "3"\n'
    )
    (folder / "requirements.txt").write_text("c==4\nd==4 ; os_name == 'nt'\nd==4.1 ; os_name != 'nt'\n")
    (folder / "requirements-dev.txt").write_text("d==5\ne==5\n")
    expected = ["a==1", "b==2", "c==3", 'd==4; os_name == "nt"', 'd==4.1; os_name != "nt"', "e==5", "f==6"]
    assert lines(project(folder)) == expected


def test_lists_beside_the_script_come_before_those_of_the_root(folder: Path) -> None:
    (folder / "examples").mkdir()
    (folder / "examples" / "requirements.txt").write_text("a==1")
    (folder / "requirements.txt").write_text("a==2\nb==2")
    declared = project(folder / "examples")
    assert lines(declared) == ["a==1", "b==2"]
    assert origins(declared) == {"a": "examples/requirements.txt:1", "b": "requirements.txt:2"}


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ('"*"', "a"),
        ('"^1.2.3"', "a<2,>=1.2.3"),
        ('"^0.2.3"', "a<0.3,>=0.2.3"),
        ('"^0.0.3"', "a<0.0.4,>=0.0.3"),
        ('"^0"', "a<1,>=0"),
        ('"^2.0b1"', "a<3,>=2.0b1"),
        ('"~1"', "a<2,>=1"),
        ('"~1.2.3"', "a<1.3,>=1.2.3"),
        ('"~=1.4"', "a~=1.4"),
        ('"1.5"', "a==1.5"),
        ('"1.*"', "a==1.*"),
        ('">=1,<3,!=2.1"', "a!=2.1,<3,>=1"),
        ('">= 1 <3"', "a<3,>=1"),
        ('"^1 || ^2.1"', "a<3,>=2.1"),
        ('{ version = "^1", optional = true, extras = ["x"] }', "a[x]<2,>=1"),
        ('{ version = "1", python = "^3.8" }', 'a==1; python_version >= "3.8" and python_version < "4"'),
        ('{ version = "1", python = ">=3.8.1" }', 'a==1; python_full_version >= "3.8.1"'),
        (
            '{ version = "1", markers = "os_name == \'nt\' or os_name == \'os2\'", platform = "win32" }',
            'a==1; sys_platform == "win32" and (os_name == "nt" or os_name == "os2")',
        ),
        ('{ git = "git@git.example:me/a.git", branch = "main" }', "a @ git+ssh://git@git.example/me/a.git@main"),
        ('{ url = "https://files.example/a.whl" }', "a @ https://files.example/a.whl"),
    ],
)
def test_poetry_versions_become_pep_508(folder: Path, said: str, expected: str) -> None:
    (folder / "pyproject.toml").write_text(f'[tool.poetry.dependencies]\npython = "^3.9"\nA = {said}\n')
    declared = project(folder)
    assert declared is not None
    assert declared.problems == ()
    assert lines(declared) == [expected]
    assert declared.requires_python == "<4,>=3.9"


def test_poetry_may_give_several_lines_groups_and_sources(folder: Path) -> None:
    (folder / "pyproject.toml").write_text(
        """
        [tool.poetry.dependencies]
        a = [{ version = "1", python = "<3.9" }, { version = "2", python = ">=3.9" }]
        b = { path = "../b", develop = true }
        c = { version = "*", source = "mine" }
        [tool.poetry.group.dev.dependencies]
        pytest = "^8"
        [[tool.poetry.source]]
        name = "mine"
        url = "https://mine.example/simple"
        priority = "explicit"
        [[tool.poetry.source]]
        name = "more"
        url = "https://more.example/simple"
        priority = "supplemental"
        """
    )
    declared = project(folder)
    assert declared is not None
    b = (folder.parent / "b").as_uri()
    assert lines(declared) == [
        'a==1; python_version < "3.9"',
        'a==2; python_version >= "3.9"',
        f"b @ {b}",
        "c",
        "pytest<9,>=8",
    ]
    assert declared.index.only == (("c", "https://mine.example/simple", ""),)
    assert declared.index.extra_urls == ("https://more.example/simple",)
    assert declared.index.url == ""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[project", "cannot be read"),
        ("x = " + "[" * 5000, "nested too deeply"),
        ("project = 1", "project wants a table"),
        ("[project]\ndependencies = 'six'", "[project]: dependencies wants a list of strings"),
        ("[project]\ndependencies = ['a b', 'six']", "[project]: 'a b' is not used"),
        ("[project]\nrequires-python = 'new'", "[project]: Invalid specifier"),
        ("[dependency-groups]\ndev = 'six'", "[dependency-groups] dev: dev wants a list"),
        ("[tool.poetry.dependencies]\na = 'newest of all'", "[tool.poetry.dependencies]: a is not used"),
        ("[tool.poetry.dependencies]\na = 1", "a is not used: it wants a version or a table"),
        ("[tool.poetry.dependencies]\na = '<<<<'", "'<<<<' is not a version constraint"),
        ("[tool.uv]\nindex = [{ name = 'x' }]", "[tool.uv]: an index has no url"),
    ],
)
def test_a_broken_pyproject_is_a_problem_and_the_rest_is_read(folder: Path, text: str, said: str) -> None:
    (folder / "pyproject.toml").write_text(text)
    (folder / "requirements.txt").write_text("six>1")
    declared = project(folder)
    assert declared is not None
    assert any(said in problem for problem in declared.problems), declared.problems
    assert [line.partition(">")[0] for line in lines(declared)] == ["six"]


def test_a_broken_pylock_is_a_problem_and_the_rest_is_read(folder: Path) -> None:
    (folder / "pylock.toml").write_text('lock-version = "9"')
    (folder / "requirements.txt").write_text("six")
    declared = project(folder)
    assert declared is not None
    assert lines(declared) == ["six"]
    assert declared.problems[0].startswith("pylock.toml cannot be read")


def test_a_lock_of_the_project_pins_what_only_a_group_needs(folder: Path) -> None:
    (folder / "pylock.toml").write_text(
        'lock-version = "1.0"\ncreated-by = "t"\ndependency-groups = ["dev"]\n[[packages]]\nname = "pytest"\n'
        'version = "8.1"\nmarker = "\'dev\' in dependency_groups"\n'
        'sdist = { url = "https://files.example/pytest-8.1.tar.gz", hashes = { sha256 = "00" } }\n'
    )
    declared = project(folder)
    assert declared is not None
    assert declared.named("pytest") == (Declared("pytest==8.1", "pytest", "pylock.toml", ("sha256:00",)),)


def test_importing_the_readers_parses_nothing_yet() -> None:
    code = "import sys, luci.runner.declared as d; d.inline('import x'); print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"tomllib", "packaging", "shlex"} & set(ran.stdout.split())
