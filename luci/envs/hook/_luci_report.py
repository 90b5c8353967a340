"""What luci's start-up hook does when a script ends with a module missing: report it, and become luci again.

_luci_hook.py runs this file in a copy of its own names when that has happened, and calls its functions with its Watch.
"""
# mypy: ignore-errors
# ruff: noqa: BLE001, F821, RUF005, UP004, UP031, UP036
# This file is data, as _luci_hook.py is, and keeps to the same rules.

import os
import sys


def hold(watch, value, traceback):
    """Report what ends the script. True: its text is luci's to print."""
    hold = not _others_run()
    text = _printed(watch.printed, type(value), value, traceback)
    if not report(watch, value, traceback, text, "main", not hold) or not hold:
        return False
    watch.held = (type(value), value, traceback)
    return True


def report_of_a_thread(watch, args, hook):
    return report(watch, args.exc_value, args.exc_traceback, _printed(hook, args), "thread", True)


def report(watch, value, traceback, text, thread, printed):
    """Write the report, in one piece or not at all. Returns whether it is there."""
    try:
        content = _json(facts(watch, value, traceback, text, thread == "main", printed))
        with open(watch.path + ".report.new", "wb") as file:
            file.write(content.encode("ascii"))
        getattr(os, "replace", os.rename)(watch.path + ".report.new", watch.path + ".report")
    except Exception:  # the script's end stays its own, reported or not
        return False
    watch.reported = thread
    return True


def facts(watch, value, traceback, text, main, printed):
    facts = _described(value)
    facts.update(_places(traceback, watch.cwd))
    facts.update(
        {
            "path": _text_or_none(getattr(value, "path", None)),
            "name_from": _text_or_none(getattr(value, "name_from", None)),
            "causes": [_described(cause) for cause in _causes(value)],
            "traceback": text,
            "seconds": round(_clock() - watch.began, 3),
            "main": main,
            "printed": printed,
            "argv": [_text(word) for word in getattr(sys, "argv", [])],
            "python": list(sys.version_info[:3]),
            "stdin_position": watch.stdin_position,
        }
    )
    return facts


def end(watch):
    value = getattr(sys, "last_value", None)
    if watch.reported != "main" and watch.final(value):  # the script has an excepthook of its own
        text = _printed(watch.printed, type(value), value, sys.last_traceback)
        report(watch, value, sys.last_traceback, text, "main", True)
    if watch.reported and watch.mode == "exec":
        resume(watch)


def resume(watch):
    """Become luci again, as if the script had not run."""
    _flush()
    try:
        command = _resume_command(watch.path)
        if watch.cwd is not None:
            _or_none(os.chdir, watch.cwd)
        os.umask(watch.umask)
        _restore(watch.signals)
        os.execve(command[0], command, dict(watch.environ, LUCI_REPORT=watch.path + ".report"))
    except Exception:  # whatever stands in the way, the person must see what ended the script
        if watch.held:
            watch.printed(*watch.held)


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
        if isinstance(value, unicode):
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
        files += [item for item in gc.get_referents(*objects) if isinstance(item, file)]
    for item in files:
        try:
            item.flush()
        except Exception:  # closed, read only, a full disk, or a class of the script's own
            continue
