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

    (prediction,) = answer.raise_for_status().json()["predictions"]
    assert 0 < prediction["late_probability"] < 1
    # The made model has seen nothing of Santiago, so that history is no reason.
    assert len(prediction["reasons"]) == 5


def test_there_is_one_document_and_it_says_that_unknown_fields_are_refused(client: httpx.Client) -> None:
    exact = client.get("/openapi.json").json()

    assert exact["components"]["schemas"]["ScheduledFlight"]["additionalProperties"] is False
    for path in ("/schema", "/schema/openapi.json", "/schema/openapi.yaml", "/openapi.json/openapi.json"):
        assert client.get(path).status_code == 404, path
