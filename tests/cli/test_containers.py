"""Environments in container engines that really run: Docker's and Podman's."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import termios
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from luci.walls import words
from tests import engines, image_registry
from tests.cli.conftest import (
    Done,
    Luci,
    Shared,
    events_in,
    learn_what_is_known_of_this_machine,
    variables,
    wait_for,
)
from tests.package_index import PackageIndex

NearOf = Callable[[Luci], Callable[..., Done]]
KINDS = [pytest.param(kind, marks=engines.needs(kind)) for kind in ("docker", "podman")]


class Person(Luci):
    """Someone with an engine, whose environments are all of its kind."""

    kind = ""

    def ask(self, path: str) -> Any:
        return words.ask(engines.SOCKETS[self.kind].removeprefix("unix://"), "GET", path)[1]

    @property
    def containers(self) -> list[str]:
        """The names of the containers that luci has in this home."""
        told = self.ask("/containers/json?all=1")
        return [name for each in told for name in each["Names"] if str(self.folder) in json.dumps(each["Mounts"])]

    def images(self, label: str) -> list[str]:
        home = self.environ["LUCI_HOME"]
        told = [each for each in self.ask("/images/json") if home in (each["Labels"] or {}).get("luci.folder", "")]
        tags = [tag for each in told for tag in each["RepoTags"] or ()]
        return sorted(tag.removeprefix("docker.io/") for tag in tags if f"luci/{label}:" in tag)


def of(kind: str, luci: Luci) -> Person:
    person = Person(luci.folder, {**luci.environ, **engines.variables(kind), "LUCI_ENVS_KIND": kind})
    person.kind = kind
    return person


@pytest.fixture(scope="module")
def settled(shared: Shared, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Luci]:
    """A home and a project for those tests that do not mind each other, so that an environment is made once for all."""
    base = tmp_path_factory.mktemp("settled")
    (base / "project" / ".git").mkdir(parents=True)
    learn_what_is_known_of_this_machine(Path(shared.environ["LUCI_HOME"]), base / "home")
    environ = variables(base / "home", shared.index, Path(shared.environ["UV_CACHE_DIR"]))
    made = Luci(base / "project", {**environ, **engines.variables("docker"), **engines.variables("podman")})
    yield made
    made("env", "remove", "--all", "--yes")  # nothing of a test stays in an engine that others use


@pytest.fixture
def person(request: pytest.FixtureRequest, settled: Luci) -> Iterator[Person]:
    """Someone in a folder of that project."""
    folder = settled.folder / re.sub(r"\W+", "-", request.node.name).strip("-")[:100]
    folder.mkdir()
    made = of(request.param, Luci(folder, settled.environ))
    yield made
    made.close()


@pytest.fixture
def own(request: pytest.FixtureRequest, lone: Luci) -> Iterator[Person]:
    """Someone with a home that no other test knows."""
    (lone.folder / ".git").mkdir()
    made = of(request.param, lone)
    yield made
    made("env", "remove", "--all", "--yes")
    made.close()


each_kind = pytest.mark.parametrize("person", KINDS, indirect=True)
on_docker = pytest.mark.parametrize("person", KINDS[:1], indirect=True)


@each_kind
def test_a_script_runs_in_a_container_as_it_would_without(person: Person) -> None:
    person.write(
        "app.py",
        """
        import os, socket, sys
        import wombat
        print(wombat.dig(), sys.argv[1:], sys.stdin.read(), os.getcwd() == os.path.dirname(os.path.abspath(__file__)))
        open("made.txt", "w").write("here")
        for path in ("/etc/x", os.path.dirname(wombat.__file__) + "/x", "/usr/x"):
            try: open(path, "w")
            except OSError as error: print(error.strerror)
        try: socket.create_connection(("127.0.0.1", int(sys.argv[2])), 5)
        except OSError as error: print(error.strerror)
        print(os.path.exists(sys.argv[3]), os.environ.get("SECRET"), os.getuid(), os.environ["BURROW"])
        sys.exit(7)
        """,
    )
    person.write("environment.yml", "variables: {BURROW: deep}\n")
    home = person.environ["LUCI_HOME"]
    with listening() as port:
        words = ("run", "app.py", "a b", str(port), f"{home}/data")
        first = person(*words, input="said", env={"SECRET": "yes"})
        again = person(*words, input="said", env={"SECRET": "yes"})

    for done in (first, again):
        assert done.code == 7, done.err
        lines = done.out.splitlines()
        assert lines[0] == f"dig ['a b', '{port}', '{home}/data'] said True"
        assert lines[1:4] == ["Read-only file system"] * 3
        assert lines[4:] == ["Connection refused", f"False None {os.getuid()} deep"]
    assert again.err == ""
    assert (person.folder / "made.txt").stat().st_uid == os.getuid()
    assert person.containers == []
    run, *_ = person("runs", "list", "--json").json
    assert (run["exit_code"], run["wall"], run["limits"]) == (7, "container", ["no network"])
    with listening() as port:
        joined = person("run", *words[1:3], str(port), home, env={"LUCI_CONTAINERS_NETWORK": "host"})
    assert "Connection refused" not in joined.out and joined.code == 7


@contextlib.contextmanager
def listening() -> Iterator[int]:
    """A server of this machine, which a script without a network cannot reach; its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@on_docker
def test_what_is_missing_in_a_container_is_added_and_the_script_runs_again(person: Person) -> None:
    person.write("app.py", "import importlib\nprint(importlib.import_module('quo' + 'kka').hop())")
    done = person("run", "app.py")
    assert (done.code, done.out) == (0, "hop\n"), done.err
    assert "quokka was missing" in done.err and "running again" in done.err
    person.write("other.py", "import sys, importlib\nprint(importlib.import_module(sys.argv[1]).__name__)")
    assert person("run", "other.py", "json").out == "json\n"
    late = person("run", "other.py", "quokka")  # which starts without a plan
    assert (late.code, late.out) == (0, "quokka\n") and "running again" in late.err


@on_docker
def test_a_terminal_reaches_into_a_container(person: Person) -> None:
    person.write(
        "app.py",
        """
        import os, time
        print("hello", input("name? "))
        size = os.get_terminal_size()
        print(f"{size.columns} columns", flush=True)
        while os.get_terminal_size() == size: time.sleep(0.02)
        print(f"{os.get_terminal_size().columns} columns", flush=True)
        time.sleep(100)
        """,
    )
    terminal = person.terminal("run", "app.py", columns=90)
    terminal.see("name?")
    terminal.type("Ann\n")
    terminal.see("hello Ann")
    terminal.see("90 columns")
    termios.tcsetwinsize(terminal.fd, (24, 70))
    terminal.see("70 columns")
    terminal.type("\x03")
    terminal.see("KeyboardInterrupt")
    assert terminal.exit_code() == 130
    assert person.containers == []


@on_docker
def test_a_container_ends_when_it_is_told_to_and_with_luci(person: Person) -> None:
    person.write(
        "app.py",
        """
        import pathlib, signal, sys, time
        if sys.argv[1:]: signal.signal(signal.SIGTERM, signal.SIG_IGN)
        pathlib.Path("begun").touch()
        time.sleep(100)
        """,
    )
    for stubborn, number in (((), signal.SIGTERM), (("x",), signal.SIGTERM), ((), signal.SIGKILL)):
        (person.folder / "begun").unlink(missing_ok=True)
        process = person.start("run", "app.py", *stubborn)
        wait_for((person.folder / "begun").exists)
        process.send_signal(number)
        process.wait(60)
        wait_for(lambda: person.containers == [])
    timed = person("run", "--timeout", "1.5", "app.py")
    assert timed.code == 124 and "--timeout" in timed.err
    assert person.containers == []


@each_kind
def test_who_reaches_a_limit_is_told_so_with_the_figure_and_who_is_killed_otherwise_is_not(person: Person) -> None:
    person.write(
        "app.py",
        """
        import os, signal, sys
        match sys.argv[1:]:
            case ["much"]: [b"x" * 10**7 for _ in range(100)]
            case ["many"]:
                while os.fork(): pass
                signal.pause()
            case ["full"]:
                for number in range(10**6): open(f"made-{number}", "wb").write(b"x" * 2**20)
            case _: os.kill(os.getpid(), 9)
        """,
    )
    eaten = person("run", "--memory", "100m", "app.py", "much")
    assert eaten.code == 137 and "It reached its memory limit of 100 MiB (it had 100 MiB)" in eaten.err
    forked = person("run", "--pids", "12", "app.py", "many")
    assert forked.code == 1 and "It reached its limit of 12 processes and threads" in forked.err
    full = person("run", "--disk", "20m", "app.py", "full")
    assert full.code == 137 and "It reached its disk limit of 20 MiB (it had written " in full.err
    killed = person("run", "--memory", "100m", "app.py")
    assert killed.code == 137 and "memory" not in killed.err


@pytest.mark.parametrize("own", KINDS, indirect=True)
def test_its_environments_are_handled_as_all_others(own: Person, index: PackageIndex, near_of: NearOf) -> None:
    own.write("app.py", "import quokka\nprint(quokka.hop())")
    assert "built an environment with 1 package" in own("run", "app.py").err
    near = near_of(own)
    shown = near("env", "inspect", "app.py", "--json").json
    assert (shown["kind"], shown["state"], shown["installed"]) == (own.kind, "ready", {"quokka": "1.2"})
    assert own.images("app") == [shown["image"]]
    assert shown["bytes"] >= shown["freed_by_removing"] > shown["image_bytes"] > 0
    if own.kind == "docker":  # the other would do just the same, and takes longer
        everything_is_told(own, near)
        update_and_take_that_back(own, near, index, shown)

    assert near("env", "verify", "app.py").code == 0
    subprocess.run([*engine_words(own.kind), "rmi", "--force", shown["image"]], check=True, capture_output=True)
    faulty = near("env", "verify", "app.py")
    assert faulty.code == 1 and "its image is gone" in faulty.out + faulty.err
    made_again = own("run", "app.py", "x")
    assert made_again.code == 0 and "has lost the image" in made_again.err
    if own.kind == "docker":
        assert near("env", "rebuild", "app.py").code == 0
        assert len(own.images("app")) == 1 and own.images("app") != [shown["image"]]
    assert near("env", "remove", "--yes", "app.py").code == 0
    assert own.images("app") == []


def everything_is_told(own: Person, near: Callable[..., Done]) -> None:
    plan = near("plan", "--json", "app.py").json
    assert (plan["kind"], plan["kind_reason"]) == (own.kind, "[envs] kind in the config")
    assert plan["wall"] == {"name": "container", "gives": ["no network"], "lacks": [], "why": []}
    told = near("env", "stats", "--json").json
    shown = near("env", "show", "app.py", "--json").json
    assert (told["by_kind"], told["freed_by_removing_all"]) == ({own.kind: 1}, shown["freed_by_removing"])
    assert near("env", "list").out.splitlines()[-1].endswith(own.kind)
    assert "quokka 1.2" in near("env", "tree", "app.py").out
    assert "quokka" in near("env", "why", "app.py", "quokka").out
    assert own("env", "shell", "app.py", "--", "python", "-c", "import quokka; print(quokka.hop())").out == "hop\n"

    written = near("env", "export", "app.py", "--format", "dockerfile").out.splitlines()
    assert written[1] == f"FROM luci-test/python:{engines.VERSION}" and "    quokka==1.2" in written
    assert "quokka==1.2" in near("env", "export", "app.py").out
    refused = near("env", "export", "app.py", "--format", "pylock")
    assert refused.code == 2 and f"An environment of the kind {own.kind} is not" in refused.err
    assert "--format requirements|pep723|environment.yml|dockerfile" in refused.err

    made = near("env", "create", "by-hand", "--with", "quokka<1.2")
    assert made.code == 0 and "built by-hand" in made.out, made.err
    assert near("env", "remove", "--yes", "by-hand").code == 0
    locked = near("env", "lock", "app.py")
    assert locked.code == 0 and "quokka" in (own.folder / "pylock.app.toml").read_text(), locked.err
    run = own("run", "app.py")
    assert (run.code, run.out) == (0, "hop\n") and near("env", "lock", "--check", "app.py").code == 0
    assert near("env", "show", "app.py", "--json").json["requirements"][0].startswith("quokka==1.2 --hash=")
    assert near("env", "remove", "--yes", "app.py").code == 0
    (own.folder / "pylock.app.toml").unlink()
    assert own("run", "app.py").out == "hop\n"


def update_and_take_that_back(
    person: Person, near: Callable[..., Done], index: PackageIndex, former: dict[str, Any]
) -> None:
    index.add_wheel("quokka", "2.0", {"quokka.py": "def hop():\n    return 'far'\n"})
    [told] = near("env", "update", "app.py", "--yes", "--json").json
    assert told["changes"] == [{"name": "quokka", "before": "1.2", "after": "2.0"}]
    shown = near("env", "show", "app.py", "--json").json
    assert (shown["key"], shown["installed"]) == (former["key"], {"quokka": "2.0"})
    assert person.images("app") == sorted([former["image"], shown["image"]])
    assert person("run", "app.py").out == "far\n"
    assert near("env", "update", "--undo", "app.py").code == 0
    assert person("run", "app.py").out == "hop\n"


def engine_words(kind: str) -> list[str]:
    """The command line by which a person removes an image behind luci's back."""
    if kind == "docker":
        return ["docker", "--host", engines.SOCKETS[kind]]
    return ["podman", "--remote", "--url", engines.SOCKETS[kind]]


@engines.needs("docker")
def test_what_cannot_be_had_is_told_in_a_line_and_nothing_runs_here(lone: Luci, near_of: NearOf) -> None:
    lone.write("app.py", "open('ran', 'w')")
    base = {**lone.environ, **engines.variables("docker"), "LUCI_ENVS_KIND": "docker"}

    def luci(*words: str, **environ: str) -> Done:
        return near_of(Luci(lone.folder, {**base, **environ}))("run", *words, "app.py")

    nothing = "127.0.0.1:1/luci-test/nothing"
    cases = {
        "No Docker engine answers.": {"DOCKER_HOST": f"unix://{lone.folder}/nothing.sock"},
        "is not on this machine": {"DOCKER_HOST": "tcp://192.0.2.1:2375"},
        "The network that was asked for cannot be had": {"LUCI_CONTAINERS_NETWORK": "luci-test-none"},
        f"{nothing} is not here and could not be pulled": {"LUCI_CONTAINERS_BASE": nothing},
    }
    for said, environ in cases.items():
        done = luci(**environ)
        assert done.code == 125 and said in done.err and "hint:" in done.err, done.err
    refused = luci("--sandbox", "bwrap")
    assert refused.code == 126 and "runs in its own container" in refused.err
    assert lone("run", "--env", "venv", "app.py").code == 0
    (lone.folder / "ran").unlink()  # what served before is no refuge: it would run here
    nowhere = luci(LUCI_CONTAINERS_BASE=f"{nothing}:{{python}}")
    assert nowhere.code == 125 and "could not be pulled" in nowhere.err
    offline = luci("--offline", LUCI_CONTAINERS_BASE="luci-test/nothing")
    assert offline.code == 125 and "the network is off" in offline.err
    lone.write("pyproject.toml", '[tool.luci.envs]\nkind = "docker"\n')  # what a project fixes is no wish either
    fixed = luci(LUCI_ENVS_KIND="auto", DOCKER_HOST=f"unix://{lone.folder}/nothing.sock")
    assert fixed.code == 125 and "No Docker engine answers." in fixed.err
    assert not (lone.folder / "ran").exists()


@engines.needs("docker")
def test_a_base_that_is_not_here_is_pulled_from_its_registry(lone: Luci) -> None:
    person = of("docker", lone)
    person.write("app.py", "import quokka\nprint(quokka.hop())")
    with image_registry.serving("luci-test/python", engines.VERSION, Path(os.environ["TESTS_BASE"])) as image:
        base = {"LUCI_CONTAINERS_BASE": image.replace(f":{engines.VERSION}", ":{python}")}
        done = person("run", "--python", engines.VERSION, "--events", "events", "app.py", env=base)
        assert (done.code, done.out) == (0, "hop\n"), done.err
        steps = [event for event in events_in(person.folder / "events") if event["event"] == "working"]
        assert any(event["step"] == "pulling" and image in event["detail"] for event in steps), steps
    assert person("run", "--python", engines.VERSION, "app.py", env=base).out == "hop\n"  # it is here now
    assert person("env", "remove", "--all", "--yes").code == 0
    subprocess.run([*engine_words("docker"), "rmi", image], check=True, capture_output=True)


@engines.needs("docker")
def test_a_stranger_s_script_and_what_config_or_project_prefer_get_a_container_unasked(
    lone: Luci, near_of: NearOf
) -> None:
    person = Person(lone.folder, {**lone.environ, **engines.variables("docker")})
    script = person.write("app.py", "import sys\nprint(sys.prefix)\nif sys.argv[1:]: open('made', 'w')")

    def planned(*words: str, **environ: str) -> Any:
        return near_of(Luci(lone.folder, {**person.environ, **environ}))("plan", "--json", *words, "app.py").json

    assert planned()["kind"] == "venv"
    preferred = planned(LUCI_ENVS_PREFER="sarus docker")  # the first is not here
    assert preferred["kind"] == "docker"
    assert preferred["kind_reason"].startswith("[envs] prefer in the config, and Docker")
    project = person.write("pyproject.toml", '[tool.luci.envs]\nkind = "docker"\n')
    told = planned()
    assert told["kind"] == "docker" and told["kind_reason"] == "[tool.luci.envs] in the project's pyproject.toml"
    assert planned(LUCI_ENVS_KIND="venv")["kind"] == "venv" and planned("--env", "venv")["kind"] == "venv"
    project.write_text('[tool.luci.envs]\nkind = "venv"\n')

    os.setxattr(script, "user.xdg.origin.url", b"https://example.org/app.py?token=secret")
    told = planned()  # whatever a project of theirs says
    assert told["kind"] == "docker"
    assert "a stranger's script (it was downloaded (https://example.org/app.py)), and Docker" in told["kind_reason"]
    assert person("run", "app.py").out == "/opt/luci/env\n"
    refused = person("run", "app.py", "x")
    assert refused.code == 1 and "Read-only file system" in refused.err
    nowhere = {"DOCKER_HOST": "unix:///nowhere/engine.sock", "CONTAINER_HOST": "unix:///nowhere/engine.sock"}
    assert planned(**nowhere)["kind"] == "venv" and planned("--env", "venv")["kind"] == "venv"
    assert near_of(person)("env", "remove", "--all", "--yes").code == 0


@pytest.fixture
def theirs() -> Iterator[Path]:
    """A folder of a person who is not root, below one that is open to all."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "work").mkdir()
        for path in (folder, f"{folder}/work"):
            os.chown(path, 65534, 65534)
        yield Path(folder)


def as_nobody(*words: str, environ: dict[str, str], folder: Path, groups: str) -> subprocess.CompletedProcess[str]:
    """Run luci as them. They may read everything, since our Python may lie in a folder that is closed to others."""
    reading = ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    them = ["setpriv", "--reuid=65534", "--regid=65534", groups, *reading, sys.executable, "-m", "luci", *words]
    return subprocess.run(them, cwd=folder, env=environ, capture_output=True, text=True)


@pytest.mark.skipif(not engines.ROOTLESS, reason="no rootless podman of the tests' own: .ci/engines start DIR")
def test_a_rootless_engine_runs_a_script_as_the_person_and_a_limit_that_it_would_ignore_is_refused(
    lone: Luci, theirs: Path
) -> None:
    work = theirs / "work"
    (work / "app.py").write_text("import os, quokka\nopen('made', 'w').write(quokka.hop())\nprint(os.getuid())")
    environ = {**lone.environ, "CONTAINER_HOST": engines.ROOTLESS, "LUCI_CONTAINERS_BASE": engines.BASE}
    environ |= {"LUCI_HOME": f"{theirs}/home", "HOME": str(theirs), "UV_CACHE_DIR": f"{theirs}/uv"}

    def luci(*words: str) -> subprocess.CompletedProcess[str]:
        return as_nobody(*words, environ=environ, folder=work, groups="--clear-groups")

    for _ in range(2):
        done = luci("run", "--env", "podman", "app.py")
        assert (done.returncode, done.stdout) == (0, "65534\n"), done.stderr
        assert (work / "made").stat().st_uid == 65534
    if not Path("/sys/fs/cgroup/cgroup.controllers").exists():  # version 1 gives a rootless engine none
        refused = luci("run", "--env", "podman", "--memory", "100m", "app.py")
        assert refused.returncode == 126 and "limits no memory here" in refused.stderr
    assert luci("env", "remove", "--all", "--yes").returncode == 0


@engines.needs("docker")
@pytest.mark.skipif(os.getuid() != 0, reason="only root can be another")
def test_the_files_of_a_person_who_is_not_root_are_theirs(lone: Luci, theirs: Path) -> None:
    group = os.stat(engines.SOCKETS["docker"].removeprefix("unix://")).st_gid
    work = theirs / "work"
    (work / "app.py").write_text("import os\nopen('made', 'w').write(str(os.getuid()))")
    environ = {**lone.environ, **engines.variables("docker"), "LUCI_HOME": f"{theirs}/home", "HOME": str(theirs)}
    environ |= {"UV_CACHE_DIR": f"{theirs}/uv", "LUCI_ENVS_KIND": "docker"}

    def luci(*words: str, groups: str) -> subprocess.CompletedProcess[str]:
        return as_nobody(*words, environ=environ, folder=work, groups=groups)

    done = luci("run", "app.py", groups=f"--groups={group}")
    assert done.returncode == 0, done.stderr
    assert (work / "made").read_text() == "65534" and (work / "made").stat().st_uid == 65534
    alone = luci("run", "app.py", groups="--clear-groups")
    assert alone.returncode == 125 and "No Docker engine lets you in." in alone.stderr
    assert luci("env", "remove", "--all", "--yes", groups=f"--groups={group}").returncode == 0
