"""Workbooks are read one after the other, and of those that wait there are few."""

import socket
from pathlib import Path

from api.conftest import running
from puntual.api.invocations.workbook import WORKBOOK

HEAD = (
    "POST /tables HTTP/1.1\r\nhost: puntual\r\nexpect: 100-continue\r\n"
    f"content-type: {WORKBOOK}\r\ncontent-length: 100\r\n\r\n"
).encode()


def test_of_nine_workbooks_at_once_the_ninth_is_told_to_come_again(bundle_file: Path, tmp_path: Path) -> None:
    with running("--bundle", str(bundle_file), "--state", str(tmp_path)) as server:
        awaited: list[socket.socket] = [server.connect() for _ in range(8)]
        for connection in awaited:
            connection.sendall(HEAD)
            assert connection.recv(1_000).startswith(b"HTTP/1.1 100 ")
        refused = server.client.post("/tables", content=b"PK", headers={"content-type": WORKBOOK})
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
        assert refused.json()["detail"].startswith("8 workbooks wait already, of 8 that may")
        for connection in awaited:
            connection.sendall(b"x" * 100)
            assert connection.recv(1_000).startswith(b"HTTP/1.1 400 ")
            connection.close()
        read = server.client.post("/tables", content=b"PK", headers={"content-type": WORKBOOK})
        assert read.status_code == 400
