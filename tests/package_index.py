"""A real package index on 127.0.0.1: wheels and sdists made on the spot, pages as HTML or JSON, faults on request."""

from __future__ import annotations

import base64
import csv
import gzip
import hashlib
import html
import io
import json
import re
import tarfile
import threading
import time
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Literal, Self
from urllib.parse import unquote, urlsplit

Contents = Mapping[str, str | bytes]
Fault = int | Literal["hang", "close", "half", "pause", "garbled", "redirect-loop"]

JSON = "application/vnd.pypi.simple.v1+json"
BACKEND = """\
import json, os, pathlib, zipfile

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    here = pathlib.Path(__file__).parent
    wheel = json.loads((here / "wheel.json").read_text())
    if wheel["fails"]:
        raise SystemExit("error: command 'cc' failed: no such header")
    with zipfile.ZipFile(os.path.join(wheel_directory, wheel["name"]), "w") as archive:
        for name in wheel["members"]:
            archive.write(here / "wheel" / name, name)
    return wheel["name"]
"""


@dataclass(frozen=True)
class Served:
    """One file on a project page, with what the page says about it."""

    path: Path
    metadata: bytes
    sha256: str
    uploaded: str | None
    requires_python: str
    yanked: bool


@dataclass
class _Failure:
    where: str
    fault: Fault
    times: int | None
    retry_after: str | None

    def meets(self, path: str) -> bool:
        if "*" in self.where:
            return fnmatchcase(path, self.where)
        return path == self.where if self.where.endswith(".whl") else path.startswith(self.where)


class PackageIndex:
    """A simple repository (PEP 503, 691, 700, 658). Its switches may be set at any time.

    `requests` holds the path of each request as it came; `sent` counts the bytes of all bodies.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.html_only = False  # answer text/html whatever was asked for
        self.ranges = True  # answer 206 to a Range
        self.upload_times = True  # say on pages when files were uploaded
        self.advertise_metadata = True  # data-core-metadata on pages
        self.serve_metadata = True  # FILE.metadata beside each wheel
        self.etags = True
        self.credentials: tuple[str, str] | None = None  # user and password that every request must bring
        self.requests: list[str] = []
        self.sent = 0
        self.projects: dict[str, list[Served]] = {}
        self._failures: list[_Failure] = []
        self._released = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"index": self}))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"{self.origin}/simple/"

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def url_with(self, user: str, password: str) -> str:
        return self.url.replace("://", f"://{user}:{password}@")

    def close(self) -> None:
        self._released.set()
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def fail(self, where: str, status: Fault = 500, times: int | None = None, retry_after: str | None = None) -> None:
        """Answer requests under a path ("/simple/x/", "/files/", "/") with a fault, at most `times` times.

        A path that ends in .whl is that file alone, and one with a star is a pattern. "hang" takes the request and says
        nothing, "close" hangs up; "half" promises all and sends half; "garbled" sends as many bytes, but others;
        "pause" sends half, and the rest once all is well again.
        """
        self._released.clear()
        self._failures.append(_Failure(where, status, times, retry_after))

    def recover(self) -> None:
        self._failures.clear()
        self._released.set()

    def add_wheel(
        self,
        name: str,
        version: str,
        files: Contents,
        requires: Sequence[str] = (),
        *,
        uploaded: str | None = "2020-01-01T00:00:00Z",
        requires_python: str = "",
        tag: str = "py3-none-any",
        import_names: Sequence[str] | None = None,
        extras: Mapping[str, Sequence[str]] | None = None,
        broken: bool = False,
        wrong_hash: bool = False,
        yanked: bool = False,
    ) -> Path:
        """Publish a wheel. `broken` cuts it in the middle; `wrong_hash` makes the page lie about it."""
        metadata = _metadata(name, version, requires, requires_python, import_names, extras or {})
        path = self.folder / f"{_stem(name)}-{version}-{tag}.whl"
        members = _wheel_members(name, version, files, metadata, tag)
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for member, data in members.items():
                archive.writestr(member, data)
        if broken:
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        return self._publish(name, path, metadata, uploaded, requires_python, yanked, wrong_hash)

    def add_sdist(
        self,
        name: str,
        version: str,
        files: Contents,
        requires: Sequence[str] = (),
        *,
        uploaded: str | None = "2020-01-01T00:00:00Z",
        requires_python: str = "",
        fails: bool = False,
        yanked: bool = False,
    ) -> Path:
        """Publish a source distribution. It builds with a backend of its own, so building needs no network."""
        metadata = _metadata(name, version, requires, requires_python, None, {})
        members = _wheel_members(name, version, files, metadata, "py3-none-any")
        wheel = {"name": f"{_stem(name)}-{version}-py3-none-any.whl", "members": list(members), "fails": fails}
        project = f'[project]\nname = "{name}"\nversion = "{version}"\ndependencies = {json.dumps(list(requires))}\n'
        if requires_python:
            project += f'requires-python = "{requires_python}"\n'
        build = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        sources: dict[str, bytes] = {
            "PKG-INFO": metadata,
            "pyproject.toml": (build + project).encode(),
            "backend.py": BACKEND.encode(),
            "wheel.json": json.dumps(wheel).encode(),
            **{f"wheel/{member}": data for member, data in members.items()},
        }
        path = self.folder / f"{_stem(name)}-{version}.tar.gz"
        with gzip.GzipFile(path, "w", mtime=0) as packed, tarfile.open(fileobj=packed, mode="w") as archive:
            for member, data in sources.items():
                info = tarfile.TarInfo(f"{_stem(name)}-{version}/{member}")
                info.size, info.mtime = len(data), int(time.time())
                archive.addfile(info, io.BytesIO(data))
        return self._publish(name, path, metadata, uploaded, requires_python, yanked, wrong_hash=False)

    def _publish(
        self,
        name: str,
        path: Path,
        metadata: bytes,
        uploaded: str | None,
        requires_python: str,
        yanked: bool,
        wrong_hash: bool,
    ) -> Path:
        data = b"something else" if wrong_hash else path.read_bytes()
        served = Served(path, metadata, hashlib.sha256(data).hexdigest(), uploaded, requires_python, yanked)
        self.projects.setdefault(normal(name), []).append(served)
        return path

    def failure_at(self, path: str) -> _Failure | None:
        for failure in self._failures:
            if failure.meets(path) and failure.times != 0:
                if failure.times is not None:
                    failure.times -= 1
                return failure
        return None

    def wait_for_release(self) -> None:
        self._released.wait()

    def html_page(self, project: str) -> bytes:
        links = "".join(self._link(file) for file in self.projects[project])
        return f"<!DOCTYPE html><html><body>\n{links}</body></html>\n".encode()

    def _link(self, file: Served) -> str:
        attributes = {"href": f"../../files/{file.path.name}#sha256={file.sha256}"}
        if file.requires_python:
            attributes["data-requires-python"] = file.requires_python
        if file.uploaded and self.upload_times:
            attributes["data-upload-time"] = file.uploaded
        if file.yanked:
            attributes["data-yanked"] = ""
        if self.advertise_metadata and file.path.suffix == ".whl":
            attributes["data-core-metadata"] = f"sha256={hashlib.sha256(file.metadata).hexdigest()}"
        listed = " ".join(f'{key}="{html.escape(value)}"' for key, value in attributes.items())
        return f"<a {listed}>{file.path.name}</a><br>\n"

    def json_page(self, project: str) -> bytes:
        files = [self._entry(file) for file in self.projects[project]]
        return json.dumps({"meta": {"api-version": "1.1"}, "name": project, "files": files}).encode()

    def _entry(self, file: Served) -> dict[str, object]:
        entry: dict[str, object] = {
            "filename": file.path.name,
            "url": f"{self.origin}/files/{file.path.name}",
            "hashes": {"sha256": file.sha256},
            "size": file.path.stat().st_size,
            "yanked": file.yanked,
        }
        if file.requires_python:
            entry["requires-python"] = file.requires_python
        if file.uploaded and self.upload_times:
            entry["upload-time"] = file.uploaded
        if self.advertise_metadata and file.path.suffix == ".whl":
            entry["core-metadata"] = {"sha256": hashlib.sha256(file.metadata).hexdigest()}
        return entry

    def body(self, path: str, accept: str) -> tuple[str, bytes] | None:
        """Return content type and body of what is at `path`, None for 404."""
        wants_json = JSON in accept and not self.html_only
        if path in ("/simple", "/simple/"):
            if wants_json:
                names = [{"name": name} for name in self.projects]
                return JSON, json.dumps({"meta": {"api-version": "1.1"}, "projects": names}).encode()
            return "text/html", "".join(f'<a href="{n}/">{n}</a>\n' for n in self.projects).encode()
        if match := re.fullmatch(r"/simple/([^/]+)/?", path):
            project = normal(match[1])
            if project not in self.projects:
                return None
            return (JSON, self.json_page(project)) if wants_json else ("text/html", self.html_page(project))
        if path.startswith("/files/"):
            for file in (file for files in self.projects.values() for file in files):
                if path == f"/files/{file.path.name}":
                    return "application/octet-stream", file.path.read_bytes()
                if path == f"/files/{file.path.name}.metadata" and self.serve_metadata:
                    return "application/octet-stream", file.metadata
        return None


class _Handler(BaseHTTPRequestHandler):
    index: PackageIndex
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.index.requests.append(path)
        if not self._authorized():
            return self._send(401, "text/plain", b"who are you?", {"WWW-Authenticate": 'Basic realm="index"'})
        failure = self.index.failure_at(path)
        fault = failure and failure.fault
        if fault in ("hang", "close"):
            if fault == "hang":
                self.index.wait_for_release()
            self.close_connection = True
            return None
        if fault == "redirect-loop":
            return self._send(302, "text/html", b"<html><body>Found</body></html>", {"Location": path})
        if isinstance(fault, int):
            later = {"Retry-After": failure.retry_after} if failure and failure.retry_after else {}
            return self._send(fault, "text/plain", b"a fault, as asked for", later)
        found = self.index.body(path, self.headers.get("Accept", ""))
        if found is None:
            return self._send(404, "text/plain", b"not here")
        kind, body = found
        if path.startswith("/files/") and self.index.ranges:
            return self._send_range(kind, body, fault)
        etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        if self.index.etags and self.headers.get("If-None-Match") == etag:
            return self._send(304, kind, b"", {"ETag": etag})
        return self._send(200, kind, body, {"ETag": etag} if self.index.etags else {}, fault)

    def _authorized(self) -> bool:
        if self.index.credentials is None:
            return True
        expected = base64.b64encode(":".join(self.index.credentials).encode()).decode()
        return self.headers.get("Authorization") == f"Basic {expected}"

    def _send_range(self, kind: str, body: bytes, fault: Fault | None) -> None:
        match = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", ""))
        if match is None:
            return self._send(200, kind, body, {"Accept-Ranges": "bytes"}, fault)
        first = int(match[1]) if match[1] else max(0, len(body) - int(match[2]))
        last = min(int(match[2]) if match[1] and match[2] else len(body) - 1, len(body) - 1)
        if first > last:
            return self._send(416, "text/plain", b"", {"Content-Range": f"bytes */{len(body)}"})
        span = {"Accept-Ranges": "bytes", "Content-Range": f"bytes {first}-{last}/{len(body)}"}
        return self._send(206, kind, body[first : last + 1], span, fault)

    def _send(
        self,
        status: int,
        kind: str,
        body: bytes,
        headers: Mapping[str, str] | None = None,
        fault: Fault | None = None,
    ) -> None:
        self.send_response(status)
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        if status != 304:
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if fault == "garbled":
            body = bytes(byte ^ 0x5A for byte in body)
        if fault == "half":
            body = body[: len(body) // 2]
            self.close_connection = True
        if fault == "pause":
            self.wfile.write(body[: len(body) // 2])
            self.index.wait_for_release()
            body = body[len(body) // 2 :]
        if self.command != "HEAD":
            self.index.sent += len(body)
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass

    def handle(self) -> None:
        try:
            super().handle()
        except ConnectionError:  # the client went away, as clients do
            self.close_connection = True


def normal(name: str) -> str:
    """PEP 503."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _stem(name: str) -> str:
    return normal(name).replace("-", "_")


def _metadata(
    name: str,
    version: str,
    requires: Sequence[str],
    requires_python: str,
    import_names: Sequence[str] | None,
    extras: Mapping[str, Sequence[str]],
) -> bytes:
    lines = [f"Metadata-Version: {'2.4' if import_names is None else '2.5'}", f"Name: {name}", f"Version: {version}"]
    if requires_python:
        lines.append(f"Requires-Python: {requires_python}")
    lines += [f"Requires-Dist: {requirement}" for requirement in requires]
    for extra, needs in extras.items():
        lines.append(f"Provides-Extra: {extra}")
        lines += [f"Requires-Dist: {requirement}; extra == '{extra}'" for requirement in needs]
    if import_names is not None:
        lines += [f"Import-Name: {each}" for each in import_names] or ["Import-Name:"]
    return ("\n".join(lines) + "\n").encode()


def _wheel_members(name: str, version: str, files: Contents, metadata: bytes, tag: str) -> dict[str, bytes]:
    info = f"{_stem(name)}-{version}.dist-info"
    pure = "true" if tag.endswith("-none-any") else "false"
    wheel = f"Wheel-Version: 1.0\nGenerator: luci-tests\nRoot-Is-Purelib: {pure}\nTag: {tag}\n"
    members = {path: data.encode() if isinstance(data, str) else data for path, data in files.items()}
    members |= {f"{info}/METADATA": metadata, f"{info}/WHEEL": wheel.encode()}
    record = io.StringIO()
    rows = csv.writer(record, lineterminator="\n")
    for path, data in members.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        rows.writerow((path, f"sha256={digest}", len(data)))
    rows.writerow((f"{info}/RECORD", "", ""))
    return members | {f"{info}/RECORD": record.getvalue().encode()}
