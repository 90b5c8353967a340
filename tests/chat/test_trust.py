"""What a model, or a run of its script, leaves behind for others to trust: asked about, or taken back."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from luci import config, paths, runs
from luci.chat.disguise import disguises
from luci.chat.ground import diff
from luci.chat.leave import Effect, Verdict
from luci.chat.secrets import placeholder
from luci.chat.undo import UndoRequest, taken_back
from tests.chat.conftest import Person
from tests.model_server import ModelServer, Said

Serve = Callable[..., ModelServer]
ALL: Any = frozenset({"write", "run", "install", "network"})
NO = Verdict(False, reason="no")


def calls(server: ModelServer) -> list[str]:
    return [message["content"] for message in server.heard() if message["role"] == "tool"]


def write(path: str, content: str) -> tuple[str, Any]:
    return ("write_file", {"path": path, "content": content})


def run(script: str, **more: Any) -> tuple[str, Any]:
    return ("run", {"script": script, **more})


def refuses_own(person: Person) -> Callable[[Effect], Verdict]:
    return lambda effect: (person.asked.append(effect), NO if effect.own else Verdict(True))[1]


LEAVES = """\
import os
made = {
    "requirements.txt": "dingo\\n", "pyproject.toml": "[tool.luci.index]\\nurl = 'http://127.0.0.1:9'\\n",
    "b.py": "# /// script\\n# dependencies = ['dingo']\\n# ///\\nimport dingo\\n", "c.py": "import dingo\\n",
    "x\\nluci: yes/conftest.py": "x",
    ".envrc": "x", "conftest.py": "x", ".github/workflows/x.yml": "x", "sub/.git/config": "x", ".venv/bin/python": "x",
    "__pycache__/c.cpython-311.pyc": "x", "out.txt": "made", "Makefile": "another", ".git/hooks/pre-commit": "x",
}
for name, text in made.items():
    try:
        os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
        if name == "Makefile":
            os.rename(name, "moved")
        open(name, "w").write(text)
    except OSError as error:
        print("held", name)
os.remove("tox.ini")
"""


def test_what_a_run_did_to_files_that_others_trust_is_taken_back_and_what_files_declare_is_a_guess(
    person: Person, model: Serve
) -> None:
    (person.folder / "Makefile").write_text("all:\n")
    (person.folder / "tox.ini").write_text("[tox]\n")
    (person.folder / ".git" / "hooks").mkdir()
    (person.folder / "env").mkdir()
    (person.folder / "env" / "pyvenv.cfg").write_text("home = x\n")
    held = "try: open('env/a.pth', 'w')\nexcept OSError: print('held env')\n"
    job = '# /// script\n# dependencies = ["dingo"]\n# ///\nimport dingo\n'
    server = model(
        Said(calls=(write("a.py", LEAVES + held), run("a.py"), run("b.py"), run("c.py"))),
        Said("So."),
        Said(calls=(write("job.txt", job), write("notes.md", "dingo\n"), write("requirements.txt", "-r notes.md\n"))),
        Said(calls=(run("job.txt"), run("c.py"))),
        Said("So."),
    )
    person.ask("Go.", allowed=ALL, decide=refuses_own(person))
    told = calls(server)
    assert "held .git/hooks/pre-commit" in told[1] and "held env" in told[1]
    for name in ("requirements.txt", "pyproject.toml", ".envrc", "conftest.py", ".github/workflows/x.yml", "tox.ini"):
        assert f"What a.py did to {name} was taken back" in told[1], name
    left = {str(path.relative_to(person.folder)) for path in person.folder.rglob("*") if path.is_file()}
    assert left == {
        *("a.py", "b.py", "c.py", "out.txt", "moved", "Makefile", "tox.ini", "env/pyvenv.cfg"),
        ".venv.put-aside/bin/python",  # what it made as a whole is under another name, where nothing runs it
    }
    assert "x?luci: yes/conftest.py" in told[1] and "\nluci: yes" not in told[1]
    assert person.read("Makefile") == "all:\n" and person.read("tox.ini") == "[tox]\n"
    assert "It did not start" in told[2] and "It did not start" in told[3]
    (effect,) = [effect for effect in person.asked if "also changed" in effect.title]
    assert effect.own and "+dingo" in effect.details and "conftest.py: such files run by themselves" in effect.details
    assert "dingo, which a file declares: it has 1 release (fewer than 3)" in person.asked[1].details
    person.asked.clear()
    person.ask("Go.", allowed=ALL, decide=refuses_own(person))
    assert [effect.kind for effect in person.asked] == ["install", "install"]
    assert all("which a file declares" in "".join(effect.details) for effect in person.asked)


def test_what_a_run_did_stays_where_a_person_agrees_and_redo_finds_what_was_taken_back(
    person: Person, model: Serve
) -> None:
    script = "open('Makefile', 'w').write('all:\\n')\nopen('.env', 'w').write('plain')\n"
    server = model(*[Said(calls=(write("a.py", script), run("a.py"))), Said("So.")] * 2)
    person.ask("Go.", allowed=ALL, decide=refuses_own(person))
    assert not (person.folder / "Makefile").exists() and person.sessions
    again = UndoRequest(again=True)
    assert "Makefile" in taken_back(again, person.sessions, person.folder, lambda question: True)
    (person.folder / "Makefile").unlink()
    person.ask("Go.", allowed=ALL)
    assert "the person agreed" in calls(server)[-1] and person.read("Makefile") == "all:\n"
    taken_back(UndoRequest(), person.sessions, person.folder, lambda question: True)
    assert not (person.folder / "Makefile").exists()


def test_a_script_says_alone_where_packages_come_from_only_after_a_yes_before_anything_is_asked_there(
    person: Person, model: Serve
) -> None:
    there = socket.create_server(("127.0.0.1", 0))
    address = f"http://127.0.0.1:{there.getsockname()[1]}/what-it-read"
    block = f'# /// script\n# dependencies = ["quokka"]\n# [tool.uv]\n# index-url = "{address}"\n# ///\n'
    (person.folder / "mine.py").write_text(f"{block}import quokka\n")
    told_before = "--extra-index-url http://127.0.0.1:9/one\nquokka\n"
    (person.folder / "requirements.txt").write_text(told_before)
    nested = write("pyproject.toml", "a=" + "[" * 5_000)
    server = model(
        Said(calls=(run("mine.py"), ("plan", {"script": "mine.py"}), write("job.txt", f"{block}import quokka\n"))),
        Said(calls=(write("requirements.txt", told_before.replace("one", "two")), nested)),
        Said("So."),
    )
    person.ask("Go.", allowed=ALL, decide=refuses_own(person))
    there.setblocking(False)
    with there, pytest.raises(BlockingIOError):  # nobody came
        there.accept()
    refused, also, written, changed, deep = calls(server)
    assert "refused" in refused and "refused" in also
    assert "yours was left out" in written and "///" not in person.read("job.txt")
    assert "says where packages come from" in changed
    assert "refused" in deep and person.read("requirements.txt") == told_before
    titles = [effect.title for effect in person.asked if effect.kind == "network"]
    assert titles == ["Let luci ask for packages at these addresses?"] * 2


def test_what_is_denied_is_denied_to_scripts_too(person: Person, model: Serve) -> None:
    (person.folder / "private").mkdir()
    (person.folder / "private" / "x.txt").write_text("PRIV")
    (person.folder / "keep.txt").write_text("KEPT")
    config_file = paths.config_file()
    config_file.parent.mkdir(parents=True, exist_ok=True)
    source = "open('keep.txt', 'w').write('gone')\nprint(open('private/x.txt').read())\n"
    try:
        config_file.write_text('[leave]\ndeny = ["read private/", "write keep.txt"]\n')
        server = model(Said(calls=(write("a.py", source), run("a.py"))), Said("So."))
        assert config.load().leave.deny
        person.ask("Go.", allowed=ALL)
    finally:
        config_file.unlink()
    told = calls(server)[1]
    assert "PermissionError" in told and "PRIV" not in told.replace("private", "")
    assert person.read("keep.txt") == "KEPT" and "keep.txt was taken back: a rule forbids to write it" in told
    assert not person.asked


def test_secrets_and_the_network_are_asked_for_together_and_end_in_no_record(
    person: Person, model: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SHOP_TOKEN", "only-here-a-s3cret-value")
    (person.folder / ".env").write_text("PASSWORD=correct-horse-battery\nEVIL_TOKEN=shutil.rmtree\n")
    (person.folder / "a.py").write_text("import sys\nraise ValueError(sys.argv[1:])\n")
    code = "import shutil\nshutil.rmtree\n"
    server = model(
        Said(calls=(run("a.py", network=True), run("a.py", network=True, secret_files=[".env"]))),
        Said(calls=(run("a.py", network=True, args=[placeholder("SHOP_TOKEN")]), write("b.py", code))),
        Said("So."),
    )
    person.says = lambda effect: Verdict(True, lasting=True)
    outcome = person.ask("Go.")
    asked = {effect.title: effect.details for effect in person.asked}
    networks = [effect for effect in person.asked if effect.kind == "network"]
    assert [effect.own for effect in networks] == [False, True]  # the first yes is not for what can now be sent
    assert networks[1].details[1] == "It can read .env, and send it anywhere."
    for title in ("Let a.py read these files with secrets?", "Let a.py have these secrets?"):
        assert any("send that to any host" in line for line in asked[title])
    assert "+shutil.rmtree" in asked["Write b.py?"]  # a .env of the project's can hide no code
    assert "only-here-a" not in json.dumps(server.requests) + outcome.why and "[secret SHOP_TOKEN]" in outcome.why
    home = Path(os.environ["LUCI_HOME"])
    assert not [path for path in home.rglob("*") if path.is_file() and b"only-here-a-s3cret" in path.read_bytes()]


def test_an_earlier_run_of_another_project_has_a_question_of_its_own(
    person: Person, model: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = runs.start(str(tmp_path / "x.py"), (), "", (), "")
    pid = os.getpid() + 1
    monkeypatch.setattr(os, "getpid", lambda: pid)  # whoever ran it, it was not this luci
    server = model(Said(calls=(("run_log", {"run": other.id}),)), Said("So."))
    person.ask("Go.", decide=refuses_own(person))
    assert "refused" in calls(server)[0] and person.asked[0].own


def test_a_difference_is_all_that_differs_and_what_looks_otherwise_is_said_first(person: Person, model: Serve) -> None:
    assert diff("x\n# a\u2028b()\n", "x\n# a\nb()\n", "a").split("\n")[3:] == [" x", "-# a\u2028b()", "+# a", "+b()"]
    assert diff("a\r\nb\r\n", "a\nb\n", "a") and diff("a\n", "a", "a") and not diff("a\r\n", "a\r\n", "a")
    assert diff("a = 1\n", "# a\rb()\n", "a").split("\n")[4:] == ["+# a\r", "+b()"]
    server = model(Said(calls=(write("a.py", "x = 1" + " " * 300 + "; y = 2\np\u0430th = '\u202e'\n"),)), Said("So."))
    person.ask("Go.")
    first, second, third, *rest = person.asked[0].details
    assert "behind 300 blanks: ; y = 2" in first and "CYRILLIC SMALL LETTER A" in third and "RIGHT-TO-LEFT" in second
    assert rest[0].startswith("--- ") and "written" in calls(server)[0]
    ordinary = ["def größe(naïve):", "    print('❤️ fine')" + " " * 8 + "# why", "\tif x:", "a" * 300]
    assert not list(disguises(ordinary))
