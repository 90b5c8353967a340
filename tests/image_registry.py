"""A registry of images with one in it (the OCI distribution specification), on the loopback: to pull from."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

_KIND = "application/vnd.oci.image"


@contextmanager
def serving(name: str, tag: str, tar: Path) -> Iterator[str]:
    """Serve an image whose only layer is `tar`; yield what it is called."""
    layer = tar.read_bytes()
    told = {"architecture": "amd64", "os": "linux", "config": {"Env": ["PATH=/usr/bin:/bin"]}}
    config = json.dumps({**told, "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]}}).encode()
    parts = {"config": (f"{_KIND}.config.v1+json", config), "layer": (f"{_KIND}.layer.v1.tar", layer)}
    listed = {part: {"mediaType": k, "digest": _digest(d), "size": len(d)} for part, (k, d) in parts.items()}
    kind = f"{_KIND}.manifest.v1+json"
    manifest = json.dumps(
        {"schemaVersion": 2, "mediaType": kind, "config": listed["config"], "layers": [listed["layer"]]}
    ).encode()
    pages = {f"/v2/{name}/blobs/{_digest(data)}": ("application/octet-stream", data) for _, data in parts.values()}
    pages |= {f"/v2/{name}/manifests/{each}": (kind, manifest) for each in (tag, _digest(manifest))}
    pages["/v2/"] = ("application/json", b"{}")

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kind, content = pages.get(self.path, ("", b""))
            self.send_response(200 if kind else 404)
            for header, value in (("Content-Type", kind), ("Content-Length", len(content))):
                self.send_header(header, str(value))
            self.send_header("Docker-Content-Digest", _digest(content))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content)

        do_HEAD = do_GET

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"127.0.0.1:{server.server_port}/{name}:{tag}"
        finally:
            server.shutdown()


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"
