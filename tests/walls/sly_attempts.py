"""Attempts that go around a wall: through other processes, the kernel's stores, root's powers, what is left behind."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from luci import process
from luci.events import Ended
from luci.walls.asked import Limits
from tests.walls.conftest import Scene
from tests.walls.trying import MB, TRIES, attempt, said

CALLS = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
def call(*words):
    answer = libc.syscall(*[w if isinstance(w, (bytes, ctypes.Array)) else ctypes.c_long(w) for w in words])
    if answer < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return answer
"""
ON_ARM = os.uname().machine == "aarch64"


def only_root(wall: str) -> None:
    if wall == "limits" and os.getuid() != 0:
        pytest.skip("nothing but the kernel's own rules for users holds this, unless one is root")


@contextmanager
def bystander() -> Iterator[int]:
    """A process that lets everybody trace it."""
    code = "import ctypes, time; ctypes.CDLL(None).prctl(0x59616D61, ctypes.c_long(-1), 0, 0, 0); print(1, flush=True)"
    with subprocess.Popen([sys.executable, "-c", f"{code}; time.sleep(100)"], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        yield other.pid
        other.kill()


@attempt("trace another process")
def traces_a_process(scene: Scene, wall: str) -> bool:
    code = CALLS + TRIES + f"tries(call, {117 if ON_ARM else 101}, 0x4206, int(sys.argv[1]), 0, 0)"  # PTRACE_SEIZE
    with bystander() as pid:
        return "yes" in said(scene, wall, code, pid)


@attempt("write into another process's memory")
def writes_into_memory(scene: Scene, wall: str) -> bool:
    code = TRIES + "tries(open, f'/proc/{sys.argv[1]}/mem', 'r+b')"
    with bystander() as pid:
        return "yes" in said(scene, wall, code, pid)


@attempt("change the Python that everything runs with")
def changes_python(scene: Scene, wall: str) -> bool:
    return "yes" in said(scene, wall, TRIES + "import os\ntries(open, os.path.realpath(os.__file__), 'ab')")


@attempt("change a setting of the kernel")
def changes_the_kernel(scene: Scene, wall: str) -> bool:
    only_root(wall)
    return "yes" in said(scene, wall, TRIES + "tries(open, '/proc/sys/kernel/core_pattern', 'r+b')")


@attempt("change the machine's name")
def renames_the_machine(scene: Scene, wall: str) -> bool:
    only_root(wall)
    return "yes" in said(scene, wall, TRIES + "import socket\ntries(socket.sethostname, socket.gethostname())")


@attempt("read a file by its handle, without its path")
def reads_by_handle(scene: Scene, wall: str) -> bool:
    only_root(wall)
    by_name, by_handle = (264, 265) if ON_ARM else (303, 304)
    code = f"""
handle = ctypes.create_string_buffer((128).to_bytes(4, sys.byteorder) + bytes(132), 136)
mount = ctypes.create_string_buffer(4)
if len(sys.argv) == 2:
    call({by_name}, -100, sys.argv[1].encode(), handle, mount, 0)
    print(handle.raw.hex())
else:
    handle.raw = bytes.fromhex(sys.argv[2])
    folder = os.open(sys.argv[3], os.O_RDONLY)
    tries(lambda: print(os.read(call({by_handle}, folder, handle, os.O_RDONLY), 9)))
"""
    key = str(scene.home / ".ssh" / "id")
    told = subprocess.run([sys.executable, "-c", CALLS + TRIES + code, key], capture_output=True, text=True)
    if told.returncode:
        pytest.skip(f"this disk has no handles: {told.stderr.splitlines()[-1]}")
    return "key" in said(scene, wall, CALLS + TRIES + code, "x", told.stdout.strip(), scene.project)


@attempt("make a device")
def makes_a_device(scene: Scene, wall: str) -> bool:
    only_root(wall)
    code = TRIES + "import os, stat\ntries(os.mknod, sys.argv[1], stat.S_IFCHR | 0o600, os.makedev(1, 1))"
    said(scene, wall, code, scene.out / "memory")
    return (scene.out / "memory").exists()


@attempt("leave a file behind that runs as its owner (setuid)")
def leaves_a_setuid_file(scene: Scene, wall: str) -> bool:
    code = """
import os
out = sys.argv[1]
open(f"{out}/a", "w").close()
tries(os.chmod, f"{out}/a", 0o4755)
tries(lambda: os.close(os.open(f"{out}/b", os.O_CREAT | os.O_WRONLY, 0o4755)))
descriptor = os.open(f"{out}/c", os.O_CREAT | os.O_WRONLY, 0o755)
tries(os.fchmod, descriptor, 0o4755)
tries(os.mknod, f"{out}/d", 0o104755)
"""
    said(scene, wall, TRIES + code, scene.out)
    assert (scene.out / "c").exists()
    return any(file.stat().st_mode & 0o4000 for file in scene.out.iterdir())


@attempt("make users and namespaces of its own")
def makes_namespaces(scene: Scene, wall: str) -> bool:
    code = CALLS + TRIES + f"tries(call, {97 if ON_ARM else 272}, 0x10000000)"  # unshare(CLONE_NEWUSER)
    return "yes" in said(scene, wall, code)


@attempt("read the person's keys in the kernel's keyring")
def reads_the_keyring(scene: Scene, wall: str) -> bool:
    code = CALLS + TRIES + f"tries(call, {219 if ON_ARM else 250}, 0, -3, 1)"  # KEYCTL_GET_KEYRING_ID, the session's
    return "yes" in said(scene, wall, code)


@attempt("do what no filter sees (io_uring)")
def uses_io_uring(scene: Scene, wall: str) -> bool:
    code = CALLS + TRIES + "tries(call, 425, 4, ctypes.create_string_buffer(120))"
    alone = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    if "yes" not in alone.stdout:
        pytest.skip("this kernel has none, or lets nobody use it")
    return "yes" in said(scene, wall, code)


@attempt("reach the host of this machine (vsock)")
def reaches_the_host(scene: Scene, wall: str) -> bool:
    try:
        socket.socket(40, socket.SOCK_STREAM).close()
    except OSError:
        pytest.skip("this kernel has no vsock")
    return "yes" in said(scene, wall, TRIES + "import socket\ntries(socket.socket, 40, socket.SOCK_STREAM)")


@attempt("write to a descriptor that luci was started with")
def writes_to_an_inherited_descriptor(scene: Scene, wall: str) -> bool:
    paper = scene.home / "papers" / "a.txt"
    descriptor = os.open(paper, os.O_WRONLY)
    os.set_inheritable(descriptor, True)
    try:
        with scene.behind(scene.asked(wall)) as fence:
            command = scene.command(fence, "import os, sys; os.write(int(sys.argv[1]), b'evil')", descriptor)
            events = list(process.run(command, environ=scene.variables(fence), capture=True))
        assert any(isinstance(event, Ended) for event in events)
    finally:
        os.close(descriptor)
    return "evil" in paper.read_text()


@attempt("be loaded into what puts up the wall (`LD_PRELOAD`)")
def is_preloaded(scene: Scene, wall: str) -> bool:
    from dataclasses import replace

    asked = scene.asked(wall)
    asked = replace(asked, reach=replace(asked.reach, variables=("LD_PRELOAD",))) if wall != "limits" else asked
    with scene.behind(asked) as fence:
        return "LD_PRELOAD" in fence.environ({**os.environ, "LD_PRELOAD": str(scene.out / "evil.so")})


@attempt("write a git hook into a project that may be written to")
def writes_a_git_hook(scene: Scene, wall: str) -> bool:
    hooks = scene.out / ".git" / "hooks"
    hooks.mkdir(parents=True)
    said(scene, wall, TRIES + "tries(lambda: open(sys.argv[1], 'w').write('evil'))", hooks / "post-checkout")
    return (hooks / "post-checkout").exists()


@attempt("leave its control group (`--pids 20`)")
def leaves_its_group(scene: Scene, wall: str) -> bool:
    only_root(wall)
    if wall == "container":
        found = "import glob\nfor f in glob.glob('/sys/fs/cgroup/**/cgroup.procs', recursive=True):"
        return "yes" in said(
            scene, wall, TRIES + f"{found} tries(lambda: open(f, 'w').write('0'))", limits=Limits(pids=20)
        )
    with scene.behind(scene.asked(wall, limits=Limits(pids=20))) as fence:
        assert fence.group is not None
        outside = fence.group.folders[0].parent / "cgroup.procs"
        code = TRIES + "tries(lambda: open(sys.argv[1], 'w').write('0'))"
        return "yes" in scene.run(fence, code, outside).stdout


@attempt("fill the memory that processes share (`/dev/shm`, `--memory 100m`)")
def fills_shared_memory(scene: Scene, wall: str) -> bool:
    if shutil.disk_usage("/dev/shm").free < 400 * MB:
        pytest.skip("there is too little of it to tell")
    code = """
import os, sys
file = os.open(f"/dev/shm/luci-{sys.argv[1]}", os.O_CREAT | os.O_RDWR, 0o600)
os.unlink(f"/dev/shm/luci-{sys.argv[1]}")
tries(os.posix_fallocate, file, 0, 300 << 20)
"""
    return "yes" in said(scene, wall, TRIES + code, os.getpid(), limits=Limits(memory=100 * MB))
