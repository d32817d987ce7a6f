"""A server between a client and its bucket, which counts what is asked and can spoil the answers."""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

DENIED = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
# Hop by hop, and so not passed on.
OWN = {"connection", "transfer-encoding", "content-length", "server", "date", "keep-alive"}


@dataclass
class Between:
    """What is wrong with the bucket now; `asked` are the methods, paths and ranges that came in."""

    url: str = ""
    denied: Callable[[str], bool] = lambda _: False
    seconds: Callable[[str], float] = lambda _: 0.0
    # How many bytes of a body arrive before the connection ends; None for all.
    cut: Callable[[str], int | None] = lambda _: None
    # How many bytes of a body arrive before the connection falls silent; None for all.
    stall: Callable[[str], int | None] = lambda _: None
    # Whether an answer is kept back although the bucket did what was asked.
    lost: Callable[[str], bool] = lambda _: False
    requests: list[tuple[str, str, str]] = field(default_factory=list)

    def count(self, method: str, part: str) -> int:
        return sum(method == verb and part in path for verb, path, _ in self.requests)


@contextmanager
def between(target: str) -> Iterator[Between]:
    """Stand between a client and the server at `target`."""
    front, ended = Between(), threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None: ...

        def handle(self) -> None:
            # A client that no longer waits is what some tests are about.
            with suppress(ConnectionError):
                super().handle()

        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            front.requests.append((self.command, self.path, self.headers.get("range", "")))
            if ended.wait(front.seconds(self.path)):
                return
            if front.denied(self.path):
                self._answer(403, {"content-type": "application/xml"}, DENIED, len(DENIED))
                return
            headers = {
                name: value for name, value in self.headers.items() if name.lower() not in OWN | {"expect"}
            }
            with closing(HTTPConnection(urlsplit(target).netloc, timeout=60)) as whereto:
                whereto.request(self.command, self.path, body, headers)
                answer = whereto.getresponse()
                content = answer.read()
            size = int(answer.getheader("content-length") or 0) if self.command == "HEAD" else len(content)
            passed_on = {name: value for name, value in answer.getheaders() if name.lower() not in OWN}
            if front.lost(self.command):
                self.close_connection = True
                return
            self._answer(answer.status, passed_on, content, size)

        def _answer(self, status: int, headers: dict[str, str], content: bytes, size: int) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(size))
            self.end_headers()
            if self.command == "GET" and (silent := front.stall(self.path)) is not None:
                self.wfile.write(content[:silent])
                ended.wait()
                self.close_connection = True
                return
            end = front.cut(self.path) if self.command == "GET" else None
            self.wfile.write(content[:end])
            if end is not None:
                self.close_connection = True

    for method in ("GET", "HEAD", "PUT", "POST", "DELETE"):
        setattr(Handler, f"do_{method}", Handler._pass_on)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        front.url = f"http://127.0.0.1:{server.server_address[1]}"
        serving = threading.Thread(target=server.serve_forever, args=(0.05,))
        serving.start()
        try:
            yield front
        finally:
            ended.set()
            server.shutdown()
            serving.join()
