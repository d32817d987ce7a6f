"""What the page loads: small, from one host, and kept for ever under a name that changes with it."""

import gzip
import re

import httpx
import pytest

from puntual.api.web.page_files import page_files

MOST_BYTES = 150_000


def test_the_page_may_run_scripts_of_its_own_alone(client: httpx.Client) -> None:
    answer = client.get("/").raise_for_status()
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert policy.endswith("require-trusted-types-for 'script'; trusted-types lit-html")
    assert "http" not in answer.text
    assert re.search(r"<script(?! type=\"module\" src=)|style=|onload=", answer.text) is None


def test_every_file_is_kept_for_ever_under_the_digest_of_all(client: httpx.Client) -> None:
    files = page_files()
    (base,) = set(re.findall(r'"(/page/\w+)/', client.get("/").text))
    for path, file in files.loaded.items():
        answer = client.get(f"{base}/{path}")
        assert answer.content == file.plain
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert client.get("/page/other/main.js").headers["cache-control"] == "no-store"
    assert client.get(f"{base}/none.js").status_code == 404
    assert client.get(f"{base}/..%2Froutes.py").status_code == 404


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
def test_a_file_is_sent_as_the_browser_takes_it(client: httpx.Client, encoding: str) -> None:
    path = f"/page/{page_files().digest}/main.js"
    with client.stream("GET", path, headers={"accept-encoding": encoding}) as answer:
        raw = b"".join(answer.iter_raw())
    assert (gzip.decompress(raw) if encoding == "gzip" else raw) == page_files().loaded["main.js"].plain
    assert answer.headers["vary"] == "accept-encoding"


def test_all_that_the_page_loads_is_small() -> None:
    files = page_files()
    assert sum(len(file.packed) for file in (files.document, *files.loaded.values())) < MOST_BYTES


def test_every_module_that_is_imported_is_there() -> None:
    files = page_files().loaded
    for path, file in files.items():
        folder = path.rpartition("/")[0]
        for name in re.findall(rb'(?:from ?|import[ (])"([^"\s]+)"', file.plain):
            parts = [part for part in f"{folder}/{name.decode()}".split("/") if part not in ("", ".")]
            while ".." in parts:
                place = parts.index("..")
                del parts[place - 1 : place + 1]
            assert "/".join(parts) in files
