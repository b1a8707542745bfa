"""Readings that Airflow fails at for a moment are asked for again; commands never are."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import ClassVar

import pytest

from governance.errors import RuntimeFailure
from governance.runtime.airflow_client import AirflowClient


class Stumbling(BaseHTTPRequestHandler):
    """Answers the second reading, fails at every command."""

    asked: ClassVar[Counter[str]] = Counter()

    def do_GET(self) -> None:
        self.asked["GET"] += 1
        self._answer(500 if self.asked["GET"] < 2 else 200, {"pools": []})

    def do_POST(self) -> None:
        login = self.path == "/auth/token"
        self.asked["POST"] += not login
        self._answer(201 if login else 500, {"access_token": "x"})

    def log_message(self, *_words: object) -> None:
        """Say nothing."""

    def _answer(self, status: int, body: object) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@pytest.fixture
def client() -> Iterator[AirflowClient]:
    Stumbling.asked.clear()
    server = HTTPServer(("127.0.0.1", 0), Stumbling)
    Thread(target=server.serve_forever, daemon=True).start()
    yield AirflowClient(f"http://127.0.0.1:{server.server_port}", "admin", "invented")
    server.shutdown()
    server.server_close()


def test_a_reading_that_failed_is_asked_again_and_a_command_is_not(client: AirflowClient) -> None:
    with pytest.raises(RuntimeFailure, match="POST /pools with status 500"):
        client.set_pool("notes", 2, "invented")
    assert Stumbling.asked == {"GET": 2, "POST": 1}
