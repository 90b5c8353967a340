"""Run a command in a container as if it were a child of ours: its streams, its terminal, its signals, its end.

It speaks to an engine by its socket, imports of luci only the words for that, and little of the standard library, since
every run in a container pays for it. FILE is a dict as marshal writes it: `socket`, `create` (the body of the engine's
call, to which this adds the variables we have, and the terminal), `name` (of the container), `parent` (luci's process
number), `path` (PATH inside), `own` (variables that are not passed on). FILE.begun is written when it has started, what
the engine refused to FILE.failed, what is known of the end to FILE.ended.
"""

import _signal as signal  # type: ignore[import-not-found]  # the enums of `signal` cost more than all else here
import _socket
import json
import marshal
import os
import select

from luci.walls.words import SIZE, ask, connected, everything, parsed, request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

FAILED = 125
SOON_SECONDS = (0.01, 0.02, 0.04, 0.08)
GRACE_SECONDS = 1.5  # luci itself waits for 2 before it ends us
HEARD = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


def _comes_from(pid: int) -> bool:
    """Whether a process is this one, or one that it descends from: who leads a session on a terminal may be between."""
    above = os.getpid()
    while above and above != pid:
        try:
            with open(f"/proc/{above}/stat", "rb") as file:
                above = int(file.read().rpartition(b")")[2].split()[1])
        except OSError:
            return False
    return bool(above)


def main(place: str) -> int:
    """Run what FILE tells, and return its exit code."""
    with open(place, "rb") as file:
        told = marshal.load(file)
    try:
        parent = os.pidfd_open(told["parent"])
    except ProcessLookupError:
        return FAILED
    if not _comes_from(told["parent"]):
        return FAILED
    container = Container(told["socket"])
    woken, waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
    for number in (*HEARD, signal.SIGWINCH):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, lambda *_: None)
    killed = kernel_kills()
    guard = on_guard(container, told["name"])
    try:
        try:
            container.begin(told)
        except (OSError, Refused) as error:
            write(f"{place}.failed", str(error))
            return FAILED
        write(f"{place}.begun", "")
        try:
            with Raw(container.terminal):
                code = container.follow(parent, woken)
        except OSError as error:
            write(f"{place}.failed", f"the engine does not answer any more: {error.strerror}")
            return FAILED
        write(f"{place}.ended", json.dumps(container.end(code, kernel_kills() > killed)))
        return code
    finally:
        container.remove()
        dismiss(guard)


def on_guard(container: "Container", name: str) -> int:
    """Fork one who removes the container if we are killed; return its process number."""
    ours = os.pidfd_open(os.getpid())
    pid = os.fork()
    if pid:
        os.close(ours)
        return pid
    try:
        os.setsid()
        nowhere = os.open("/dev/null", os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(nowhere, fd)
        for number in HEARD:
            signal.signal(number, signal.SIG_IGN)
        poll = select.poll()
        poll.register(ours, select.POLLIN)
        poll.poll()
        ask(container.socket, "DELETE", f"/containers/{name}?force=1&v=1", None)
    finally:
        os._exit(0)


def dismiss(guard: int) -> None:
    os.kill(guard, signal.SIGKILL)
    os.waitpid(guard, 0)


class Refused(Exception):
    """What the engine answered, with its status."""


def refused(status: int, answer: "Any") -> Refused:
    said = answer.get("message") or answer.get("cause") if isinstance(answer, dict) else answer
    return Refused(f"{str(said).strip()} ({status})")


class Raw:
    """Our terminal, every key of it for the container; as it was again afterwards."""

    def __init__(self, terminal: bool) -> None:
        self.before: list[Any] | None = None
        if terminal:
            import termios

            self.before = termios.tcgetattr(0)
            raw = termios.tcgetattr(0)
            raw[0] &= ~(
                termios.IGNBRK | termios.BRKINT | termios.PARMRK | termios.ISTRIP | termios.INLCR | termios.IGNCR
                | termios.ICRNL | termios.IXON
            )  # fmt: skip
            raw[1] &= ~termios.OPOST
            raw[3] &= ~(termios.ECHO | termios.ECHONL | termios.ICANON | termios.ISIG | termios.IEXTEN)
            raw[6] = [*raw[6]]
            raw[6][termios.VMIN], raw[6][termios.VTIME] = 1, 0
            termios.tcsetattr(0, termios.TCSADRAIN, raw)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        if self.before:
            import termios

            termios.tcsetattr(0, termios.TCSADRAIN, self.before)


class Container:
    def __init__(self, socket: str) -> None:
        self.socket, self.id, self.terminal = socket, "", False
        self.heard, self.pending, self.frames = b"", b"", b""
        self.ours_to_end = False

    def begin(self, told: "dict[str, Any]") -> None:
        self.terminal = os.isatty(0) and os.isatty(1)
        environ = {name: value for name, value in os.environ.items() if name not in told["own"]}
        environ |= {"PATH": told["path"]} if told["path"] else {}
        variables = [f"{name}={value}" for name, value in environ.items()]
        streams = {"AttachStdin": True, "AttachStdout": True, "AttachStderr": True, "OpenStdin": True}
        body = {**told["create"], **streams, "StdinOnce": True, "Tty": self.terminal, "Env": variables}
        self.id = self.call("POST", f"/containers/create?name={told['name']}", body)["Id"]
        self.stream = self.attached()
        self.call("POST", f"/containers/{self.id}/start")
        self.follow_size()

    def call(self, method: str, path: str, body: "dict[str, Any] | None" = None) -> "Any":
        status, answer = ask(self.socket, method, path, body)
        if status >= 400:
            raise refused(status, answer)
        return answer

    def attached(self) -> "_socket.socket":
        talk = connected(self.socket)
        query = "stream=1&stdin=1&stdout=1&stderr=1"
        head = f"POST /containers/{self.id}/attach?{query} HTTP/1.1\r\nHost: luci\r\n"
        talk.sendall((head + "Connection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n").encode())
        answer = b""
        while b"\r\n\r\n" not in answer:
            piece = talk.recv(SIZE)
            if not piece:
                raise Refused("the engine closed the streams")
            answer += piece
        head_bytes, _, self.frames = answer.partition(b"\r\n\r\n")
        if head_bytes.split(b" ", 2)[1] not in (b"101", b"200"):
            talk.shutdown(_socket.SHUT_WR)  # it ends what it says, and the connection
            talk.settimeout(GRACE_SECONDS)
            raise refused(*parsed(answer + everything(talk)))
        talk.setblocking(False)
        return talk

    def follow_size(self) -> None:
        if self.terminal:
            columns, lines = os.get_terminal_size(1)
            ask(self.socket, "POST", f"/containers/{self.id}/resize?h={lines}&w={columns}", None)

    # -- while it runs

    def follow(self, parent: int, woken: int) -> int:
        """Pass on what is said, to both sides, until it ends; return its exit code."""
        stream, waiting = self.stream.fileno(), None
        asked_at, reading, writing = 0.0, True, True
        self.deliver(b"")
        while True:
            poll = select.poll()
            poll.register(parent, select.POLLIN)
            poll.register(woken, select.POLLIN)
            if writing:
                poll.register(stream, select.POLLIN | (select.POLLOUT if self.pending else 0))
            if waiting is not None:
                poll.register(waiting.fileno(), select.POLLIN)
            if reading and not self.pending and writing:
                poll.register(0, select.POLLIN)
            try:
                ready = dict(poll.poll(100 if asked_at else None))
            except InterruptedError:
                ready = {}
            if parent in ready:
                self.kill(signal.SIGKILL)
                return 137
            for number in signals_in(woken) if woken in ready else ():
                if number == signal.SIGWINCH:
                    self.follow_size()
                elif number in HEARD:
                    self.kill(number)
                    self.ours_to_end = True
                    asked_at = asked_at or now()
            if asked_at and now() - asked_at > GRACE_SECONDS:
                self.kill(signal.SIGKILL)
                asked_at = now() + 3600
            if 0 in ready:
                data = read(0)
                reading = bool(data)
                self.pending = data
                if not data:
                    self.shut()
            if self.pending and (0 in ready or ready.get(stream, 0) & select.POLLOUT):
                self.send()
            if ready.get(stream, 0) & (select.POLLIN | select.POLLHUP | select.POLLERR):
                came = self.receive()
                if came is not None:
                    writing = bool(came) and self.deliver(came)
                if not writing:
                    code = self.code_at_once()
                    if code is not None:
                        return code
                    waiting = self.asked_to_wait()
            if waiting is not None and waiting.fileno() in ready:
                answer = parsed(everything(waiting))[1]
                waiting.close()
                return int(answer.get("StatusCode", FAILED)) if isinstance(answer, dict) else FAILED

    def code_at_once(self) -> "int | None":
        """Return the exit code of what has just ended; None where that goes on without its streams. Podman looks for
        ends that somebody waits for four times a second only."""
        for pause in SOON_SECONDS:
            answer = ask(self.socket, "GET", f"/containers/{self.id}/json", None)[1]
            state = answer.get("State", {}) if isinstance(answer, dict) else {}
            if state.get("Status") in ("exited", "stopped"):
                return int(state.get("ExitCode", FAILED))
            select.select([], [], [], pause)
        return None

    def asked_to_wait(self) -> "_socket.socket":
        """Ask for the exit code; it is answered when there is one."""
        talk = connected(self.socket)
        talk.sendall(request("POST", f"/containers/{self.id}/wait", None))
        return talk

    def receive(self) -> "bytes | None":
        try:
            return self.stream.recv(SIZE)
        except BlockingIOError:
            return None
        except OSError:
            return b""

    def send(self) -> None:
        try:
            self.pending = self.pending[self.stream.send(self.pending) :]
        except BlockingIOError:
            pass
        except OSError:
            self.pending = b""  # it ended, or closed its input

    def shut(self) -> None:
        try:
            self.stream.shutdown(_socket.SHUT_WR)
        except OSError:
            pass

    def deliver(self, data: bytes) -> bool:
        """Write what came to where we write; whether anybody still reads there."""
        try:
            if self.terminal:
                put(1, self.frames + data)
                self.frames = b""
                return True
            self.frames += data
            while len(self.frames) >= 8:
                size = int.from_bytes(self.frames[4:8], "big")
                if len(self.frames) < 8 + size:
                    break
                put(2 if self.frames[0] == 2 else 1, self.frames[8 : 8 + size])
                self.frames = self.frames[8 + size :]
        except OSError:
            self.kill(signal.SIGKILL)
            return False
        return True

    def kill(self, number: int) -> None:
        ask(self.socket, "POST", f"/containers/{self.id}/kill?signal={int(number)}", None)

    # -- afterwards

    def end(self, code: int, killed: bool) -> "dict[str, Any]":
        """Return what is known of the end: whether it was killed for memory, which not every engine says."""
        if code != 128 + signal.SIGKILL or self.ours_to_end:
            return {"code": code, "oom": False}
        answer = ask(self.socket, "GET", f"/containers/{self.id}/json", None)[1]
        state = answer.get("State", {}) if isinstance(answer, dict) else {}
        return {"code": code, "oom": bool(state.get("OOMKilled")) or killed}

    def remove(self) -> None:
        if self.id:
            try:
                ask(self.socket, "DELETE", f"/containers/{self.id}?force=1&v=1", None)
            except OSError:
                pass  # the engine is gone, and said so before


# -- small things


def signals_in(woken: int) -> bytes:
    try:
        return os.read(woken, 4096)
    except BlockingIOError:
        return b""


def read(fd: int) -> bytes:
    try:
        return os.read(fd, SIZE)
    except OSError:
        return b""


def put(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]


def now() -> float:
    import time

    return time.monotonic()


def kernel_kills() -> int:
    """How many processes of this machine were killed for memory: an engine does not always tell."""
    try:
        with open("/proc/vmstat", "rb") as file:
            words = file.read().split()
    except OSError:
        return 0
    return int(words[words.index(b"oom_kill") + 1]) if b"oom_kill" in words else 0


def write(file: str, text: str) -> None:
    with open(file, "w", encoding="utf-8") as opened:
        opened.write(text)
