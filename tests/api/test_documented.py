"""What the documentation sends to the service is answered."""

import shlex
from pathlib import Path

import httpx
import pytest

from test_docs import READMES, command_lines


@pytest.mark.parametrize("page", READMES, ids=lambda page: page.name)
def test_the_request_of_the_readme_is_answered_with_its_reasons(client: httpx.Client, page: Path) -> None:
    (line,) = (line for line in command_lines(page) if line.startswith("curl"))
    words = shlex.split(line)
    header = words[words.index("-H") + 1].partition(": ")
    path = httpx.URL(next(word for word in words if word.startswith("http"))).path

    answer = client.post(path, content=words[words.index("-d") + 1], headers={header[0]: header[2]})

    (said,) = answer.raise_for_status().json()["predictions"]
    assert 0 < said["late_probability"] < 1
    assert len(said["reasons"]) == 6


def test_the_document_is_the_same_at_both_of_its_addresses(client: httpx.Client) -> None:
    exact = client.get("/openapi.json").json()

    assert exact["components"]["schemas"]["ScheduledFlight"]["additionalProperties"] is False
    assert client.get("/schema/openapi.json").json() == exact
