"""Each attempt to break out of each wall; what came of it is what the table in docs/walls.md says."""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import socket
import subprocess
import sys
import termios
import time
from pathlib import Path
from textwrap import dedent

import pytest

from luci import process
from luci.context import never
from luci.events import Output
from luci.runner.walled import weighed
from luci.walls.asked import Limits
from tests.walls import sly_attempts  # noqa: F401 (they name themselves)
from tests.walls.conftest import PATIENCE, WALLS, Scene
from tests.walls.trying import ATTEMPTS, MB, TRIES, attempt, said


@attempt("write outside the folders that were opened")
def writes_outside(scene: Scene, wall: str) -> bool:
    target = scene.home / "papers" / "b.txt"
    said(scene, wall, TRIES + "tries(lambda: open(sys.argv[1], 'w').write('x'))", target)
    return target.exists()


@attempt("change a file outside, by its name or by cutting it short")
def changes_outside(scene: Scene, wall: str) -> bool:
    paper = scene.home / "papers" / "a.txt"
    code = "import os\ntries(os.truncate, sys.argv[1], 0)\ntries(os.rename, sys.argv[1], sys.argv[1] + 'x')"
    said(scene, wall, TRIES + code, paper)
    return not paper.exists() or not paper.read_text()


@attempt("read `~/.ssh`")
def reads_keys(scene: Scene, wall: str) -> bool:
    return "key" in said(scene, wall, "print(open(__import__('sys').argv[1]).read())", scene.home / ".ssh" / "id")


@attempt("read `~/.ssh` inside a home that may be written to")
def reads_keys_in_a_writable_home(scene: Scene, wall: str) -> bool:
    code = "print(open(__import__('sys').argv[1]).read())"
    return "key" in said(scene, wall, code, scene.home / ".ssh" / "id", writable=str(scene.home))


@attempt("write a start-up file into a home that may be written to")
def writes_a_start_up_file(scene: Scene, wall: str) -> bool:
    code = """
        import os, sys
        home = sys.argv[1]
        for name in (".bashrc", ".bash_profile", ".config/autostart/x.desktop", "papers/allowed"):
            try:
                os.makedirs(os.path.dirname(f"{home}/{name}"), exist_ok=True)
                open(f"{home}/{name}", "a").write("evil")
            except OSError as error:
                print(name, error)
        """
    said(scene, wall, code, scene.home, writable=str(scene.home))
    assert (scene.home / "papers" / "allowed").exists()  # the wall closes what it should, and not all
    names = (".bashrc", ".bash_profile", ".config/autostart/x.desktop")
    return any((scene.home / n).exists() and "evil" in (scene.home / n).read_text() for n in names)


@attempt("see variables that were not chosen")
def sees_secrets(scene: Scene, wall: str) -> bool:
    return "secret" in said(scene, wall, "import os\nprint(os.environ.get('SECRET'))")


@attempt("list other users' processes")
def lists_processes(scene: Scene, wall: str) -> bool:
    code = "import os\ntry: print(sorted(n for n in os.listdir('/proc') if n.isdecimal()))\nexcept OSError: print('no')"
    return f"'{os.getpid()}'" in said(scene, wall, code)


@attempt("read another process's memory or variables")
def reads_a_process(scene: Scene, wall: str) -> bool:
    code = "import sys\nprint(open(f'/proc/{sys.argv[1]}/environ', 'rb').read())"
    return "HOME" in said(scene, wall, code, os.getpid())


@attempt("signal the parent")
def signals_the_parent(scene: Scene, wall: str) -> bool:
    code = TRIES + "import os\nfor parent in {os.getppid(), int(sys.argv[1])} - {0, 1}:\n    tries(os.kill, parent, 0)"
    return "yes" in said(scene, wall, code, os.getpid())


@attempt("connect by TCP")
def connects_by_tcp(scene: Scene, wall: str) -> bool:
    with socket.create_server(("127.0.0.1", 0)) as server:
        code = TRIES + "import socket\ntries(socket.create_connection, ('127.0.0.1', int(sys.argv[1])), 5)"
        return "yes" in said(scene, wall, code, server.getsockname()[1])


@attempt("send by UDP")
def sends_by_udp(scene: Scene, wall: str) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.setblocking(False)
        address = f"('127.0.0.1', {receiver.getsockname()[1]})"
        send = f"tries(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'hello', {address}))"
        said(scene, wall, TRIES + "import socket\n" + send)
        try:
            return receiver.recv(10) == b"hello"
        except BlockingIOError:
            return False


@attempt("connect to a unix socket")
def connects_to_a_unix_socket(scene: Scene, wall: str) -> bool:
    path = f"/tmp/luci-{os.getpid()}.socket"  # a path of a socket must be short
    return _connects_by_unix(scene, wall, path, repr(path))


@attempt("connect to an abstract socket")
def connects_to_an_abstract_socket(scene: Scene, wall: str) -> bool:
    name = f"\0luci-{os.getpid()}-{wall}"
    return _connects_by_unix(scene, wall, name, repr(name))


def _connects_by_unix(scene: Scene, wall: str, address: str, written: str) -> bool:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(address)
        server.listen()
        try:
            connect = f"tries(lambda: socket.socket(socket.AF_UNIX).connect({written}))"
            return "yes" in said(scene, wall, TRIES + "import socket\n" + connect)
        finally:
            if address[0] != "\0":
                os.unlink(address)


@attempt("type into the terminal as if it were the person")
def types_into_the_terminal(scene: Scene, wall: str) -> bool:
    if wall == "container":
        return _types_through_its_own_terminal(scene)
    # where the kernel itself refuses, as it mostly does, the number of the refusal tells who it was
    code = """
        import fcntl, os
        master, slave = os.openpty()
        try: fcntl.ioctl(slave, 0x5412, b"x")
        except OSError as error: print(error.errno)
        """
    return said(scene, wall, code) != "1"


def _types_through_its_own_terminal(scene: Scene) -> bool:
    """A container has a terminal of its own: whatever it types there, it has typed for itself."""
    code = """
        import fcntl, sys
        assert sys.stdin.isatty()
        try: fcntl.ioctl(0, 0x5412, b"x")
        except OSError: pass
        """
    master, slave = os.openpty()
    try:
        with scene.behind(scene.asked("container")) as fence:
            process = subprocess.Popen(
                scene.command(fence, code), stdin=slave, stdout=slave, stderr=slave, env=scene.variables(fence)
            )
            assert process.wait(PATIENCE) == 0
        before = termios.tcgetattr(slave)
        termios.tcsetattr(slave, termios.TCSANOW, [*before[:3], before[3] & ~termios.ICANON, *before[4:]])
        return bool(select.select([slave], [], [], 0)[0])
    finally:
        os.close(master)
        os.close(slave)


@attempt("fork without end (`--pids 20`)")
def forks_without_end(scene: Scene, wall: str) -> bool:
    code = """
        import os, time
        children = 0
        try:
            while children < 100:
                if os.fork() == 0:
                    time.sleep(100)
                children += 1
        except OSError:
            pass
        print(children)
        """
    return int(said(scene, wall, code, limits=Limits(pids=20))) > 20


@attempt("use 2 GB (`--memory 100m`)")
def uses_much_memory(scene: Scene, wall: str) -> bool:
    code = "import mmap\nm = mmap.mmap(-1, 2 << 30)\nfor at in range(0, 2 << 30, 4096): m[at] = 1\nprint('all')"
    return "all" in said(scene, wall, code, limits=Limits(memory=100 * MB))


@attempt("use more than its CPUs (`--cpus 0.1`)")
def uses_many_cpus(scene: Scene, wall: str) -> bool:
    code = "import time\nwhile time.process_time() < 0.1: pass"
    if wall == "container":
        told = "import glob\nfor f in glob.glob('/sys/fs/cgroup/cpu.stat') + glob.glob('/sys/fs/cgroup/cpu/cpu.stat'):"
        words = said(scene, wall, f"{code}\n{told} print(open(f).read())", limits=Limits(cpus=0.1)).split()
        return words[words.index("nr_throttled") + 1] == "0"
    with scene.behind(scene.asked(wall, limits=Limits(cpus=0.1))) as fence:
        scene.run(fence, code)
        assert fence.group is not None
        words = (fence.group.folders[0] / "cpu.stat").read_text().split()
        return words[words.index("nr_throttled") + 1] == "0"


@attempt("fill the folder for passing files (`--memory 100m`)")
def fills_the_private_folder(scene: Scene, wall: str) -> bool:
    code = """
        import os, tempfile
        file = tempfile.TemporaryFile()
        try: os.posix_fallocate(file.fileno(), 0, 300 << 20)
        except OSError as error: print("no", error)
        else: print("yes")
        """
    return "yes" in said(scene, wall, code, limits=Limits(memory=100 * MB))


# what is written is there until somebody ends it, or, where nobody would, all is written
FILLS = """
import os, sys, tempfile, time
out, way, stays = sys.argv[1:]
held = []
try:
    for number in range(60):
        place = f"{out or tempfile.gettempdir()}/{way}-{0 if way == 'one' else number}"
        file = open(place, "ab")
        file.write(b"x" * 2**20)
        file.flush()
        held.append(file)
        if way == "deleted":
            os.unlink(place)
    time.sleep(int(stays))
    print("all")
except OSError as error:
    print("no", error)
"""


def fills(scene: Scene, wall: str, out: object, way: str) -> bool:
    """Whether 60 MiB could be written where `--disk 20m` was given."""
    limit = 20 * MB * (wall != "limits")  # nobody would weigh there, and it is refused
    with scene.behind(scene.asked(wall, limits=Limits(disk=limit))) as fence, weighed(fence) as watch:
        command = scene.command(fence, FILLS, out, way, PATIENCE if watch else 0)
        enough = watch.is_over if watch else never
        events = [*process.run(command, environ=scene.variables(fence), enough=enough, capture=True)]
    return any(isinstance(event, Output) and "all" in event.text for event in events)


@attempt("fill the folder for passing files (`--disk 20m`)")
def fills_the_folder_for_passing_files(scene: Scene, wall: str) -> bool:
    return fills(scene, wall, "", "many")


@attempt("fill a folder that may be written to (`--disk 20m`): with one file")
def fills_with_one(scene: Scene, wall: str) -> bool:
    return fills(scene, wall, scene.out, "one")


@attempt("with many")
def fills_with_many(scene: Scene, wall: str) -> bool:
    return fills(scene, wall, scene.out, "many")


@attempt("with files that are deleted at once, and stay open")
def fills_with_what_is_deleted(scene: Scene, wall: str) -> bool:
    return fills(scene, wall, scene.out, "deleted")


@attempt("follow a symlink out")
def follows_a_link(scene: Scene, wall: str) -> bool:
    (scene.out / "link").symlink_to(scene.home / "papers")
    said(scene, wall, TRIES + "tries(lambda: open(sys.argv[1], 'w').write('x'))", scene.out / "link" / "b.txt")
    return (scene.home / "papers" / "b.txt").exists()


@attempt("race a symlink")
def races_a_link(scene: Scene, wall: str) -> bool:
    code = """
        import os, sys, threading
        out, papers = sys.argv[1:]
        os.mkdir(f"{out}/real")
        os.symlink(papers, f"{out}/link")
        done = threading.Event()
        def swap():
            for _ in range(2000):
                os.rename(f"{out}/real", f"{out}/x"); os.rename(f"{out}/link", f"{out}/real")
                os.rename(f"{out}/real", f"{out}/link"); os.rename(f"{out}/x", f"{out}/real")
            done.set()
        threading.Thread(target=swap).start()
        while not done.is_set():
            try: open(f"{out}/real/b.txt", "w").write("x")
            except OSError: pass
        """
    said(scene, wall, code, scene.out, scene.home / "papers")
    assert (scene.out / "real" / "b.txt").exists()
    return (scene.home / "papers" / "b.txt").exists()


@attempt("write through a hard link into the wheel cache")
def writes_through_a_hard_link(scene: Scene, wall: str) -> bool:
    """A file of an environment is often one with that of the cache, and so of all other environments."""
    cached, installed = scene.base / "luci" / "cached.py", scene.env / f"luci_wall_{os.getpid()}.py"
    cached.write_text("whole")
    os.link(cached, installed) if _same_disk(cached, scene.env) else installed.write_text("whole")
    code = """
        import os
        tries(lambda: open(sys.argv[1], "w").write("evil"))
        tries(os.link, sys.argv[1], sys.argv[2])
        tries(lambda: open(sys.argv[2], "w").write("evil"))
        """
    try:
        said(scene, wall, TRIES + dedent(code), installed, scene.out / "mine.py")
        return installed.read_text() != "whole"
    finally:
        installed.unlink()


def _same_disk(one: Path, other: Path) -> bool:
    return one.stat().st_dev == other.stat().st_dev


# it leaves the session, and takes on a new environment so that no mark is left; its number goes into a pipe with a name
DAEMON = """
import os, sys, time
pipe, stays = sys.argv[1:]
lives = "import os, sys, time; os.write(os.open(sys.argv[1], 1), b'%d ' % os.getpid()); time.sleep(100)"
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execve(sys.executable, [sys.executable, "-S", "-c", lives, pipe], {})
    os._exit(0)
os.wait()
while stays == "stays" or not os.path.exists(pipe + ".seen"):
    time.sleep(0.01)
"""


@attempt("leave a daemon")
def leaves_a_daemon(scene: Scene, wall: str) -> bool:
    with Life(scene) as life, scene.behind(scene.asked(wall)) as fence:
        process = subprocess.Popen(scene.command(fence, DAEMON, life.pipe, "ends"), env=scene.variables(fence))
        life.begins()
        assert process.wait(PATIENCE) == 0
        return life.goes_on()


@attempt("outlive luci, killed with `kill -9`")
def outlives_luci(scene: Scene, wall: str) -> bool:
    stand_in_for_luci = """
        import marshal, os, subprocess, sys
        own, words = os.getpid(), sys.argv[2:]
        if "wall" == os.path.basename(words[-1]):
            told = marshal.load(open(words[-1], "rb"))
            open(words[-1], "wb").write(marshal.dumps({**told, "parent": own}))
        subprocess.run([str(own) if word == sys.argv[1] else word for word in words])
        """
    with Life(scene) as life, scene.behind(scene.asked(wall)) as fence:
        command = scene.command(fence, DAEMON, life.pipe, "stays")
        words = [sys.executable, "-c", dedent(stand_in_for_luci), str(os.getpid()), *command]
        luci = subprocess.Popen(words, env=scene.variables(fence))
        life.begins()
        luci.kill()
        luci.wait()
        return life.goes_on()


class Life:
    """A pipe with a name, held by a process: at its end that process, and whoever else held it, is dead."""

    def __init__(self, scene: Scene) -> None:
        self.pipe = scene.out / "life"
        self.told = b""

    def __enter__(self) -> Life:
        os.mkfifo(self.pipe)
        self.end = os.open(self.pipe, os.O_RDONLY | os.O_NONBLOCK)
        return self

    def begins(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while not self.told.endswith(b" "):
            assert time.monotonic() < deadline
            with contextlib.suppress(BlockingIOError):
                self.told += os.read(self.end, 100)
            time.sleep(0.01)
        Path(f"{self.pipe}.seen").touch()

    def goes_on(self) -> bool:
        """Whether it is still held when it was given some time to die."""
        return not select.select([self.end], [], [], 3)[0] or os.read(self.end, 100) != b""

    def __exit__(self, *_: object) -> None:
        os.close(self.end)


@pytest.mark.parametrize("stays", ["stays", "ends"])
def test_without_a_wall_a_daemon_lives_on(scene: Scene, stays: str) -> None:
    with Life(scene) as life:
        process = subprocess.Popen([sys.executable, "-c", DAEMON, str(life.pipe), stays])
        life.begins()
        if stays == "stays":
            process.kill()
        process.wait(PATIENCE)
        os.kill(int(life.told), signal.SIGKILL)  # it is there to be killed
        assert not life.goes_on()


TABLE = Path(__file__).parents[2] / "docs" / "walls.md"


def cells() -> dict[tuple[str, str], str]:
    """Return {(attempt, wall): cell} of the table in docs/walls.md."""
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in TABLE.read_text(encoding="utf-8").splitlines()
        if re.match(r"\| (attempt|[a-z].*\| (held|open))", line)
    ]
    head, *body = rows
    return {(row[0], wall): cell for row in body for wall, cell in zip(head[1:], row[1:], strict=True)}


@pytest.mark.parametrize("wall", WALLS)
@pytest.mark.parametrize("words", ATTEMPTS)
def test_an_attempt_ends_as_the_table_says(scene: Scene, wall: str, words: str) -> None:
    succeeded = ATTEMPTS[words](scene, wall)
    assert ("open" if succeeded else "held") == cells()[words, wall].split()[0]


def test_the_table_has_a_cell_for_each_attempt_and_no_other() -> None:
    assert set(cells()) == {
        (words, wall) for words in ATTEMPTS for wall in ("container", "bwrap", "landlock", "limits")
    }
