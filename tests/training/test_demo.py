"""The demo leaves a day that its model has not seen, to be replayed."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from flights_made import as_flight_table, make_flights
from puntual.training import demo


class Begun(Exception):  # noqa: N818
    """Training was begun."""


def test_the_demo_trains_on_all_but_the_last_day(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given: dict[str, Any] = {}

    def begin(_: object, **words: Any) -> None:
        given.update(words)
        raise Begun

    monkeypatch.setattr(demo, "read_flights", lambda *_, **__: as_flight_table(make_flights(days=3)))
    monkeypatch.setattr(demo, "train", begin)
    with pytest.raises(Begun):
        demo.run(str(tmp_path), tmp_path, datetime(2026, 1, 1, tzinfo=UTC), lambda *_: None)
    assert given["options"].until == datetime(2023, 1, 4)
