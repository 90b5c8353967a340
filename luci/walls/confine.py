"""Hold a command within what a file says, and end with it all that it started. See luci.walls.fence.

It imports nothing of luci's, and of the standard library little, since every run behind a wall pays for it. It stands
between luci and a command, and only the child it forks is confined. FILE is a dict as marshal writes it: `command`,
`parent` (luci's process number), `join` (cgroup.procs files), `no_more` (pids.max files), `rlimits` ({name: number}),
`cpus` (a list), `landlock` ({fs, net, scoped, rules: [[path, access]]}), `filter` (a seccomp program: given to a
`{filter}` in the command as a descriptor, else taken on here), `alone` (no new privileges), `powerless` (none of root's
powers), `own_signals` (the command is one that must outlive signals). What stands in the way is written to FILE.failed.
"""

import _signal as signal  # type: ignore[import-not-found]  # the enums of `signal` cost more than all else here
import ctypes
import marshal
import os
import select
from _struct import pack

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PR_SET_PDEATHSIG, PR_SET_SECCOMP, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 22, 36, 38
PR_CAPBSET_DROP, CAPABILITIES = 24, 0x20080522
LANDLOCK_CREATE, LANDLOCK_ADD, LANDLOCK_RESTRICT = 444, 445, 446
OUTLIVED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)  # the command decides what they mean
FAILED = 125
LIBC = ctypes.CDLL(None, use_errno=True)


def main(place: str) -> int:
    with open(place, "rb") as file:
        told = marshal.load(file)
    earlier = {number: signal.getsignal(number) for number in OUTLIVED}
    for number in OUTLIVED:
        signal.signal(number, signal.SIG_IGN)
    system(PR_SET_CHILD_SUBREAPER, 1)  # what a daemon leaves behind comes to us
    parent = os.pidfd_open(told["parent"])
    above = os.getppid()
    while above and above != told["parent"]:  # between may be who leads a session on a terminal
        above = parent_of(above)
    if not above:
        return FAILED
    woken, waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    trouble, told_of = os.pipe2(os.O_CLOEXEC)
    child = os.fork()
    if child == 0:
        become(told, earlier, told_of)
    os.close(told_of)
    status = watch(child, parent, woken)
    end_the_rest(told["no_more"])
    with open(trouble, "rb") as file:
        if said := file.read():
            with open(f"{place}.failed", "wb") as failed:
                failed.write(said)
    if status is None:  # luci is gone, and nobody hears what we return
        return FAILED
    if os.WIFSIGNALED(status):
        end_like(os.WTERMSIG(status))
    return os.waitstatus_to_exitcode(status)


def watch(child: int, parent: int, woken: int) -> "int | None":
    """Return how the child ended; None where luci ended first."""
    poll = select.poll()
    poll.register(parent, select.POLLIN)
    poll.register(woken, select.POLLIN)
    while True:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if pid == child:
                return status
            if pid == 0:
                break
        ready = dict(poll.poll())
        if parent in ready:
            return None
        try:
            os.read(woken, 4096)
        except BlockingIOError:
            pass


def end_the_rest(no_more: "list[str]") -> None:
    """Kill what is left below us, until nothing is: what has lost its parent is our own child."""
    for file in no_more:
        try:
            write(file, "0")
        except OSError:
            pass
    while has_children():
        for pid in children():
            try:
                os.kill(pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                pass
        os.waitpid(-1, 0)


def has_children() -> bool:
    """Whether there are any, when those that ended already were heard."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True


def children() -> "list[int]":
    own = os.getpid()
    return [int(name) for name in os.listdir("/proc") if name.isdecimal() and parent_of(int(name)) == own]


def parent_of(pid: int) -> int:
    """Return the parent of a process; 0 where it is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return int(file.read().rpartition(b")")[2].split()[1])
    except OSError:
        return 0


def end_like(number: int) -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if number not in (signal.SIGKILL, signal.SIGSTOP):
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


# The child


def become(told: "dict[str, Any]", earlier: "dict[int, Any]", told_of: int) -> None:
    try:
        signal.set_wakeup_fd(-1)
        system(PR_SET_PDEATHSIG, signal.SIGKILL)
        for file in told["join"]:
            write(file, "0")
        command = take_on(told)
        for number, handler in earlier.items():
            signal.signal(number, signal.SIG_IGN if handler == signal.SIG_IGN else signal.SIG_DFL)
        if told["own_signals"]:
            for number in OUTLIVED:
                signal.signal(number, signal.SIG_IGN)
        for number in (signal.SIGCHLD, signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        os.execve(command[0], command, os.environ)
    except BaseException as error:  # noqa: BLE001 (whatever it is, it is told: there is no caller)
        os.write(told_of, f"{type(error).__name__}: {error}".encode("utf-8", "replace"))
    finally:
        os._exit(FAILED)


def take_on(told: "dict[str, Any]") -> "list[str]":
    """Be confined; return the command."""
    import resource

    for name, number in told["rlimits"].items():
        resource.setrlimit(getattr(resource, name), (number, number))
    if told["cpus"]:
        os.sched_setaffinity(0, told["cpus"])
    command: list[str] = told["command"]
    program = told["filter"]
    if "{filter}" in command:
        handed = os.memfd_create("filter", 0)
        os.write(handed, program)
        os.lseek(handed, 0, os.SEEK_SET)
        return [str(handed) if word == "{filter}" else word for word in command]
    if told["powerless"]:
        give_up_powers()
    if told["alone"]:
        system(PR_SET_NO_NEW_PRIVS, 1)
    if told["landlock"]:
        landlock(**told["landlock"])
    if program:
        seccomp(program)
    return command


def landlock(fs: int, net: int, scoped: int, rules: "list[tuple[str, int]]") -> None:
    attributes = pack("QQQ", fs, net, scoped)
    ruleset = call(LANDLOCK_CREATE, attributes, 8 if not (net or scoped) else 16 if not scoped else 24, 0)
    for path, access in rules:
        try:
            opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        call(LANDLOCK_ADD, ruleset, 1, pack("=Qi", access, opened), 0)
        os.close(opened)
    call(LANDLOCK_RESTRICT, ruleset, 0)
    os.close(ruleset)


def give_up_powers() -> None:
    """Root's capabilities would lead around every rule."""
    if os.geteuid() == 0:
        for number in range(64):
            try:
                system(PR_CAPBSET_DROP, number)
            except OSError:  # the kernel has no more of them, or took them from us before
                break
    if LIBC.capset(pack("=Ii", CAPABILITIES, 0), bytes(24)) != 0:
        raise OSError(ctypes.get_errno(), f"capset: {os.strerror(ctypes.get_errno())}")


def seccomp(program: bytes) -> None:
    code = ctypes.create_string_buffer(program, len(program))
    system(PR_SET_SECCOMP, 2, pack("HxxxxxxP", len(program) // 8, ctypes.addressof(code)))


def system(*words: "int | bytes") -> None:
    """prctl(2)"""
    padded: list[Any] = [word if isinstance(word, bytes) else ctypes.c_ulong(word) for word in (*words, 0, 0, 0, 0)[:5]]
    if LIBC.prctl(*padded) != 0:
        raise OSError(ctypes.get_errno(), f"prctl {words[0]!r}: {os.strerror(ctypes.get_errno())}")


def call(number: int, *words: "int | bytes") -> int:
    """syscall(2)"""
    padded: list[Any] = [word if isinstance(word, bytes) else ctypes.c_long(word) for word in words]
    answer = LIBC.syscall(ctypes.c_long(number), *padded)
    if answer < 0:
        raise OSError(ctypes.get_errno(), f"system call {number}: {os.strerror(ctypes.get_errno())}")
    return int(answer)


def write(file: str, text: str) -> None:
    with open(file, "w") as opened:
        opened.write(text)
