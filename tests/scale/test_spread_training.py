"""A training whose reading and vectors are spread publishes the bundle of one machine, to the byte."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from cluster_made import HereAlone
from puntual.errors import NotEnoughFlightsError
from puntual.registry import Registry
from puntual.scale.source_files import source_table
from puntual.scale.spread_training import spread_training
from puntual.sources import read_flights
from puntual.training.train import Options, train

NOW = datetime(2026, 1, 2, tzinfo=UTC)
QUICK = Options(candidates="lightgbm:none", backtest=False, live=False)


def test_the_bundle_is_the_same_to_the_byte(here: HereAlone, in_files: Path, elsewhere: Path) -> None:
    data, map_file = in_files / "flights", in_files / "map.toml"
    ours = spread_training(
        here,
        source_table("table", data, map_file, None),
        registry="ours",
        now=NOW,
        options=QUICK,
        reports=elsewhere / "reports",
    )
    theirs = train(read_flights("table", data, map_file), registry="theirs", now=NOW, options=QUICK)
    assert ours.scores == theirs.scores
    assert ours.table == theirs.table
    assert ours.version == theirs.version
    file = f"{ours.version}.puntual"
    assert Path("ours", file).read_bytes() == Path("theirs", file).read_bytes()
    assert Registry("ours").versions()[0].version == ours.version
    assert sorted(path.name for path in (elsewhere / "reports").iterdir()) == [
        f"{ours.version}.html",
        f"{ours.version}.md",
    ]
    assert {path.name for path in elsewhere.iterdir()} == {"ours", "theirs", "reports"}


@pytest.mark.usefixtures("elsewhere")
def test_too_few_flights_are_refused(here: HereAlone, in_files: Path) -> None:
    table = source_table("table", in_files / "flights", in_files / "map.toml", None)
    options = Options(candidates="lightgbm:none", until=datetime(2023, 1, 5))
    with pytest.raises(NotEnoughFlightsError, match="delay band"):
        spread_training(here, table, registry="models", now=NOW, options=options)
