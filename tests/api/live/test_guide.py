"""The commands of the guide's page are run, and do what it says: feed events, watch a flight, restart, see it again."""

import json
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from api.conftest import Server, running
from api.live.test_events import words
from test_docs import ROOT, command_lines

PAGE = ROOT / "docs" / "guide" / "as-the-day-unfolds.md"


def run(server: Server, line: str) -> Any:
    command = shlex.split(line.replace("http://127.0.0.1:8000", server.url))
    return json.loads(subprocess.run([*command, "-s"], capture_output=True, check=True).stdout)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_page_is_followed(bundle_file: Path, tmp_path: Path) -> None:
    serve, events, *asked, board = command_lines(PAGE)
    assert serve == "puntual serve --no-auth"
    with running(*words(bundle_file, tmp_path)) as server:
        assert run(server, events) == {"applied": 6, "unchanged": 0, "refused": []}
        assert run(server, events) == {"applied": 0, "unchanged": 6, "refused": []}
        before, soon, later = (run(server, line)["predictions"][0] for line in asked)
        shown = run(server, board)
    assert [one.get("status") for one in (before, soon, later)] == [None, "overdue", "overdue"]
    assert (
        before["late_probability"] < soon["late_probability"] < later["late_probability"] == pytest.approx(1)
    )
    assert (later["bands"]["0-15"], later["bands"]["15-30"]) == (0, 0)
    statuses = {flight["flight_number"]: flight["status"] for flight in shown["flights"]}
    assert statuses == {"1545": "left", "1714": "cancelled", "507": "overdue", "1151": "left"}
    with running(*words(bundle_file, tmp_path)) as server:
        assert run(server, board) == shown
