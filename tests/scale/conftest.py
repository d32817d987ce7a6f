"""A table in three files, and what carries tasks out."""

from pathlib import Path

import pytest

from cluster_made import MAP, HereAlone, table_with_turns
from puntual.scale import runs, tables


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> HereAlone:
    """This process in the place of workers, with runs of few flights, so that there are many."""
    monkeypatch.setattr(tables, "runs_of", lambda pieces: runs.runs_of(pieces, 200))
    return HereAlone()


@pytest.fixture(scope="session")
def in_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with flights of eighty days in three files, not cut where months end, and a map beside it."""
    place: Path = tmp_path_factory.mktemp("files")
    (place / "map.toml").write_text(MAP)
    (place / "flights").mkdir()
    flights = table_with_turns()
    for number, part in enumerate((flights[:500], flights[500:700], flights[700:])):
        part.write_parquet(place / "flights" / f"{number}.parquet")
    return place


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that the command is given in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
