"""Tell luci when its script ends because a module is missing. A copy is in every environment, Python 2.7 or later."""
# mypy: ignore-errors
# ruff: noqa: BLE001, RUF005, UP004, UP031, UP036
# This file is data: it runs inside the environment, in the script's own process. Nothing but sys and os is imported
# unless luci started that process, and then only modules written in C, which no file beside the script can shadow.
# It catches Exception where the script's own code may be called: a start-up hook must never be what fails.

import os
import sys


def start():
    variable = os.environ.pop("LUCI_RUN", None)  # first of all: no child may inherit it
    if variable is None:
        return
    pid, _, rest = variable.partition(":")
    mode, _, path = rest.partition(":")
    ours = pid in ("0", str(os.getpid())) and mode in ("exec", "report") and path
    if ours and not sys.flags.interactive and not sys.flags.inspect:
        watch = Watch(mode, path)
        watch.uncaught()
        watch.threads()
        watch.exit()


class Watch(object):
    """What is known of the process as it began, and what was reported."""

    def __init__(self, mode, path):
        self.mode, self.path = mode, path
        self.pid = os.getpid()
        self.thread = _ident()
        self.began = _clock()
        self.environ = os.environ.copy()
        self.cwd = _or_none(os.getcwd)
        self.umask = os.umask(0o22)
        os.umask(self.umask)
        self.signals = _signals()
        self.stdin_position = _or_none(os.lseek, 0, 0, 1)
        self.printed = sys.__excepthook__
        self.reported = ""  # "", "thread" or "main"
        self.held = None

    def uncaught(self):
        original = sys.__excepthook__

        def excepthook(kind, value, traceback):
            if not self.hold(value, traceback):
                original(kind, value, traceback)

        if sys.excepthook is original:
            sys.excepthook = excepthook
        sys.__excepthook__ = excepthook  # scripts ask `sys.excepthook is sys.__excepthook__`, and call the latter
        self.printed = original

    def threads(self):
        """Replace the excepthook that `threading` takes from `_thread` when it is imported: that costs nothing.

        Python before 3.8 and PyPy have none: threads are not covered there. Nor are they where a script sets
        `threading.excepthook` without calling the earlier one.
        """
        original = getattr(sys.modules.get("_thread"), "_excepthook", None)
        if original is None:
            return

        def excepthook(args):
            original(args)  # at once, never held back: the main thread may wait for this one for ever
            if isinstance(args.exc_value, ImportError) and os.getpid() == self.pid and not self.reported:
                self.report(args.exc_value, args.exc_traceback, _printed(original, args), "thread", True)

        sys.modules["_thread"]._excepthook = excepthook
        threading = sys.modules.get("threading")
        for name in ("excepthook", "__excepthook__"):
            if getattr(threading, name, None) is original:
                setattr(threading, name, excepthook)

    def exit(self):
        import atexit

        atexit.register(self.end)  # the first to register is the last to run

    def hold(self, value, traceback):
        """Report what ends the script. True: its text is luci's to print."""
        if not self.final(value):
            return False
        hold = not _others_run()
        text = _printed(self.printed, type(value), value, traceback)
        if not self.report(value, traceback, text, "main", not hold) or not hold:
            return False
        self.held = (type(value), value, traceback)
        return True

    def final(self, value):
        """Whether `value` ends the script. Consoles and pytest set sys.last_value too, but with frames further in."""
        traceback = getattr(sys, "last_traceback", None)
        return (
            isinstance(value, ImportError)
            and value is getattr(sys, "last_value", None)
            and traceback is not None
            and traceback.tb_frame.f_back is None
            and os.getpid() == self.pid
            and _ident() == self.thread
            and not os.environ.get("PYTHONINSPECT")
        )

    def report(self, value, traceback, text, thread, printed):
        """Write the report, in one piece or not at all. Returns whether it is there."""
        try:
            content = _json(self.facts(value, traceback, text, thread == "main", printed))
            with open(self.path + ".report.new", "wb") as file:
                file.write(content.encode("ascii"))
            getattr(os, "replace", os.rename)(self.path + ".report.new", self.path + ".report")
        except Exception:  # the script's end stays its own, reported or not
            return False
        self.reported = thread
        return True

    def facts(self, value, traceback, text, main, printed):
        facts = _described(value)
        facts.update(_places(traceback, self.cwd))
        facts.update(
            {
                "path": _text_or_none(getattr(value, "path", None)),
                "name_from": _text_or_none(getattr(value, "name_from", None)),
                "causes": [_described(cause) for cause in _causes(value)],
                "traceback": text,
                "seconds": round(_clock() - self.began, 3),
                "main": main,
                "printed": printed,
                "argv": [_text(word) for word in getattr(sys, "argv", [])],
                "python": list(sys.version_info[:3]),
                "stdin_position": self.stdin_position,
            }
        )
        return facts

    def end(self):
        if os.getpid() != self.pid:
            return
        value = getattr(sys, "last_value", None)
        if self.reported != "main" and self.final(value):  # the script has an excepthook of its own
            text = _printed(self.printed, type(value), value, sys.last_traceback)
            self.report(value, sys.last_traceback, text, "main", True)
        if self.reported and self.mode == "exec":
            self.resume()

    def resume(self):
        """Become luci again, as if the script had not run."""
        _flush()
        try:
            command = _resume_command(self.path)
            if self.cwd is not None:
                _or_none(os.chdir, self.cwd)
            os.umask(self.umask)
            _restore(self.signals)
            os.execve(command[0], command, dict(self.environ, LUCI_REPORT=self.path + ".report"))
        except Exception:  # whatever stands in the way, the person must see what ended the script
            if self.held:
                self.printed(*self.held)


# What an exception says


def _described(value):
    kind = "ImportError" if isinstance(value, ImportError) else type(value).__name__
    message = _text(value)
    name = _text_or_none(getattr(value, "name", None))
    if sys.version_info[0] == 2:
        if kind == "ImportError" and message.startswith("No module named "):
            kind, name = "ModuleNotFoundError", message.split()[-1]
    elif isinstance(value, ModuleNotFoundError):
        kind = "ModuleNotFoundError"
    return {"kind": kind, "type": type(value).__name__, "name": name, "message": message}


def _causes(value):
    causes = []
    while len(causes) < 10:
        value = getattr(value, "__cause__", None) or getattr(value, "__context__", None)
        if value is None or value in causes:
            break
        causes.append(value)
    return causes


def _places(traceback, cwd):
    """Where it was raised, and the innermost line that is neither the standard library's nor an installed package's."""
    frames = []
    while traceback is not None:
        frames.append([_absolute(traceback.tb_frame.f_code.co_filename, cwd), traceback.tb_lineno])
        traceback = traceback.tb_next
    frames = frames or [["", 0]]
    own = [frame for frame in frames if _is_own(frame[0])] or frames[:1]
    return {
        "file": own[-1][0],
        "line": own[-1][1],
        "raised_file": frames[-1][0],
        "raised_line": frames[-1][1],
        "frames": own[:100],
    }


def _absolute(name, cwd):
    name = _text(name)
    if name.startswith("<") or os.path.isabs(name) or cwd is None:
        return name
    return os.path.normpath(os.path.join(_text(cwd), name))


def _is_own(name):
    library = os.path.dirname(_text(os.__file__))
    parts = name.replace("\\", "/").split("/")
    if name.startswith("<frozen ") or "site-packages" in parts or "dist-packages" in parts:
        return False
    return not any(name.startswith(folder + os.sep) for folder in (library, os.path.realpath(library)))


class Listener(object):
    """A stand-in for sys.stderr that keeps what this thread writes. It looks like the real one, colours included."""

    def __init__(self, stream):
        self.stream, self.words, self.thread = stream, [], _ident()

    def write(self, text):
        if _ident() == self.thread:
            self.words.append(_text(text))
        else:
            self.stream.write(text)

    def flush(self):
        pass

    def __getattr__(self, name):
        return getattr(self.stream, name)


def _printed(hook, *arguments):
    """Return what `hook` prints: nobody writes a traceback as this very interpreter does but itself."""
    stream = sys.stderr
    sys.stderr = listener = Listener(stream)
    try:
        hook(*arguments)
    finally:
        sys.stderr = stream
    return "".join(listener.words)


def _others_run():
    """Whether the process goes on after its main thread: then nothing is held back for an end that may never come."""
    try:
        threading = sys.modules["threading"]
        main = threading.current_thread()
        return any(thread is not main and not thread.daemon for thread in threading.enumerate())
    except (AttributeError, KeyError, TypeError):
        return False


# Text and JSON, without modules that a file beside the script could shadow


def _text(value):
    try:
        if sys.version_info[0] > 2:
            return value if isinstance(value, str) else str(value)
        if isinstance(value, unicode):  # noqa: F821
            return value
        return str(value).decode("utf-8", "replace")
    except Exception:  # __str__ is the script's own code
        return "" if sys.version_info[0] > 2 else "".decode()


def _text_or_none(value):
    return None if value is None else _text(value)


def _json(value):
    if value is None or value is True or value is False:
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, dict):
        return "{" + ", ".join(_json(key) + ": " + _json(item) for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_json(item) for item in value) + "]"
    return '"' + "".join(_json_character(ord(character)) for character in _text(value)) + '"'


def _json_character(code):
    if code > 0xFFFF:
        return "\\u%04x\\u%04x" % (0xD800 + (code - 0x10000 >> 10), 0xDC00 + (code - 0x10000 & 0x3FF))
    if code < 32 or code > 126 or code in (34, 92):
        return "\\u%04x" % code
    return chr(code)


def _resume_command(path):
    """Return the words for execve: the strings of the JSON list under "resume", or, where the file is no JSON, its
    words up to the first empty one, each of which ends in NUL, and the path itself."""
    with open(path, "rb") as file:
        content = file.read()
    if content[:1] != b"{":
        words = content[: content.index(b"\0\0")].split(b"\0")
        return [word if str is bytes else os.fsdecode(word) for word in words] + [path]
    text = content.decode("utf-8")
    at = text.index("[", text.index('"resume"'))
    words = []
    while text[at] != "]":
        if text[at] == '"':
            word, at = _json_string(text, at + 1)
            words.append(word)
        at += 1
    return words


def _json_string(text, at):
    """Return the string that begins at `at`, and where its closing quote is."""
    units = bytearray()  # UTF-16, in which JSON counts
    while text[at] != '"':
        character = text[at]
        if character == "\\":
            at += 1
            character = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}.get(text[at], text[at])
            if character == "u":
                code = int(text[at + 1 : at + 5], 16)
                units += bytearray((code & 255, code >> 8))
                at += 5
                continue
        units += character.encode("utf-16-le", "surrogatepass")
        at += 1
    if sys.version_info[0] == 2:
        return bytes(units).decode("utf-16-le", "replace").encode("utf-8"), at
    return units.decode("utf-16-le", "surrogatepass"), at


# The process


def _ident():
    try:
        from _thread import get_ident
    except ImportError:
        from thread import get_ident
    return get_ident()


def _clock():
    import time

    return getattr(time, "monotonic", time.time)()


def _or_none(function, *arguments):
    try:
        return function(*arguments)
    except (OSError, ValueError):
        return None


def _signal_module():
    try:
        import _signal
    except ImportError:
        import signal as _signal  # Python 2, where it is the one written in C
    return _signal


def _signals():
    """Which signals are ignored and which are blocked: both outlive an exec."""
    signal = _signal_module()
    ignored = [number for number in range(1, signal.NSIG) if signal.getsignal(number) == signal.SIG_IGN]
    block = getattr(signal, "pthread_sigmask", None)
    return ignored, block and block(signal.SIG_BLOCK, [])


def _restore(signals):
    signal = _signal_module()
    ignored, blocked = signals
    for number in range(1, signal.NSIG):
        if (signal.getsignal(number) == signal.SIG_IGN) != (number in ignored):
            signal.signal(number, signal.SIG_IGN if number in ignored else signal.SIG_DFL)
    for timer in ("ITIMER_REAL", "ITIMER_VIRTUAL", "ITIMER_PROF"):  # an alarm outlives an exec too
        if hasattr(signal, timer):
            signal.setitimer(getattr(signal, timer), 0)
    if blocked is not None:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


def _flush():
    """Write out what every open file still holds, text layers before the binary ones below them."""
    import _io
    import gc

    objects = gc.get_objects()
    found = [item for item in objects if isinstance(item, (_io.TextIOWrapper, _io._BufferedIOBase))]
    files = [sys.stdout, sys.stderr] + sorted(found, key=lambda item: not isinstance(item, _io.TextIOWrapper))
    if sys.version_info[0] == 2:  # its own file objects are found only through what refers to them
        files += [item for item in gc.get_referents(*objects) if isinstance(item, file)]  # noqa: F821
    for item in files:
        try:
            item.flush()
        except Exception:  # closed, read only, a full disk, or a class of the script's own
            continue


start()
