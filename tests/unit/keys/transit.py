"""A small transit engine over HTTP for tests, after Vault's API documentation: real AES-256-GCM, versions, batches.

It is not Vault: policies, leases and sealing are not there. What a client sees of ``encrypt``, ``decrypt``, ``rewrap``,
``keys/<name>`` and ``keys/<name>/rotate`` is as documented.
"""

from __future__ import annotations

import base64
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM


class Transit:
    """Keys by name, each a list of versions; ``seen`` holds the paths that were asked for."""

    token = "hvs.of-a-test"

    def __init__(self) -> None:
        self.keys: dict[str, list[bytes]] = {}
        self.seen: list[str] = []
        self.address = ""

    def encrypt(self, name: str, plain: bytes) -> str:
        nonce = os.urandom(12)
        sealed = nonce + AESGCM(self.keys[name][-1]).encrypt(nonce, plain, None)
        return f"vault:v{len(self.keys[name])}:{base64.b64encode(sealed).decode()}"

    def decrypt(self, name: str, text: str) -> bytes:
        prefix, version, encoded = text.split(":", 2)
        if prefix != "vault" or not version.startswith("v") or not 0 < int(version[1:]) <= len(self.keys[name]):
            raise ValueError("invalid ciphertext: version is too new")
        sealed = base64.b64decode(encoded)
        return AESGCM(self.keys[name][int(version[1:]) - 1]).decrypt(sealed[:12], sealed[12:], None)

    def answer(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self.seen.append(path)
        action, _, name = path.partition("/")
        if action == "keys":
            name, _, rotate = name.partition("/")
            if rotate:
                self.keys[name].append(os.urandom(32))
            else:
                self.keys.setdefault(name, [os.urandom(32)])
            return 200, {"data": {"latest_version": len(self.keys[name])}}
        if name not in self.keys:
            return 400, {"errors": ["encryption key not found"]}
        results: list[dict[str, str]] = []
        for item in body["batch_input"]:
            try:
                if action == "encrypt":
                    results.append({"ciphertext": self.encrypt(name, base64.b64decode(item["plaintext"]))})
                elif action == "decrypt":
                    results.append({"plaintext": base64.b64encode(self.decrypt(name, item["ciphertext"])).decode()})
                else:
                    results.append({"ciphertext": self.encrypt(name, self.decrypt(name, item["ciphertext"]))})
            except (InvalidTag, ValueError) as error:
                results.append({"error": f"cipher: message authentication failed {error}"})
        return 400 if any("error" in result for result in results) else 200, {"data": {"batch_results": results}}


@contextmanager
def serving(transit: Transit) -> Iterator[Transit]:
    """Serve the engine on this machine until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"{}")
            if self.headers["X-Vault-Token"] != transit.token:
                status, answer = 403, {"errors": ["permission denied"]}
            elif not self.path.startswith("/v1/transit/"):
                status, answer = 404, {"errors": []}
            else:
                status, answer = transit.answer(self.path.removeprefix("/v1/transit/"), body)
            data = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    transit.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield transit
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
