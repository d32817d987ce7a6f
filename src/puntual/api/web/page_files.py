"""The files of the page: under one name that changes with any of them, and compressed before they are asked for."""

import gzip
import hashlib
from functools import cache
from importlib.resources import files
from typing import NamedTuple

# What others wrote for the page lies beside it as its own modules import it.
_FOLDERS = {
    "": "page",
    "lit-html/": "vendor/lit-html",
    "lit-html/directives/": "vendor/lit-html/directives",
    "uplot/": "vendor/uplot",
}
_KINDS = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
_START = "index.html"


class PageFile(NamedTuple):
    """One file as it is sent: its media type, and its bytes as they are and compressed."""

    media_type: str
    plain: bytes
    packed: bytes


class PageFiles(NamedTuple):
    """The document that a browser opens, and all that it loads, by path."""

    digest: str
    document: PageFile
    loaded: dict[str, PageFile]


@cache
def page_files() -> PageFiles:
    """Read and compress the files of the page, once for a process.

    What a browser keeps for ever may never change, so that their paths hold the digest of all of them.
    """
    contents = dict(sorted(_read().items()))
    digest = hashlib.sha256(b"".join(name.encode() + content for name, content in contents.items()))
    name = digest.hexdigest()[:16]
    document = contents.pop(_START).replace(b"{files}", f"/page/{name}".encode())
    loaded = {path: _packed(content, _KINDS[path.rpartition(".")[2]]) for path, content in contents.items()}
    return PageFiles(name, _packed(document, "text/html"), loaded)


def _read() -> dict[str, bytes]:
    root = files("puntual.api.web")
    return {
        prefix + file.name: file.read_bytes()
        for prefix, folder in _FOLDERS.items()
        for file in root.joinpath(folder).iterdir()
        if file.name == _START or file.name.rpartition(".")[2] in _KINDS
    }


def _packed(content: bytes, kind: str) -> PageFile:
    return PageFile(kind, content, gzip.compress(content, 9, mtime=0))
