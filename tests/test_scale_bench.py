"""The bench of size: its tables are real flights moved, and its rival works out what Puntual does."""

import json
import zipfile
from dataclasses import replace
from datetime import date
from io import BytesIO
from pathlib import Path

import polars as pl
import pytest

from benchmarks.scale import Results, exponent, options_of, parts
from benchmarks.scale.agreement import largest_difference, shared_columns
from benchmarks.scale.bench import Bench
from benchmarks.scale.memory import watching
from benchmarks.scale.pandas_rival import featurise
from benchmarks.scale.runs import Cost, FailedError
from benchmarks.scale.tables import write_table
from puntual.sources.nyc import package_folder


@pytest.fixture(scope="module")
def year() -> pl.DataFrame:
    """Every sixtieth flight of New York's year but for its last day, in order."""
    folder = package_folder()
    assert folder is not None
    with zipfile.ZipFile(folder / "flights.csv.zip") as packed:
        content = packed.read(packed.namelist()[0])
    flights = pl.read_csv(BytesIO(content), null_values=["NA"], infer_schema_length=100_000)
    flights = flights.sort("year", "month", "day", "sched_dep_time", maintain_order=True).gather_every(60)
    return flights.filter((pl.col("month") < 12) | (pl.col("day") < 31))


def days_of(flights: pl.DataFrame) -> list[date]:
    return flights.select(pl.date("year", "month", "day")).to_series().to_list()


def test_a_table_is_the_year_again_at_other_airports_and_in_the_years_after(
    year: pl.DataFrame, tmp_path: Path
) -> None:
    folder = write_table(year, tmp_path / "table", rows=4 * year.height, airports=6)
    first, second = (pl.read_parquet(file) for file in sorted(folder.iterdir()))
    assert first.height == second.height == 2 * year.height
    assert first["origin"].n_unique() == 6 and set(year["origin"]) < set(first["origin"])
    moved = [(later - earlier).days for earlier, later in zip(days_of(first), days_of(second), strict=True)]
    assert set(moved) == {364}
    assert first["dep_delay"].equals(second["dep_delay"])
    aircraft = first.drop_nulls("tailnum").group_by("tailnum").agg(pl.col("origin").n_unique())
    assert aircraft["origin"].max() <= 3


def test_no_flight_of_a_table_of_several_years_stands_twice(tmp_path: Path) -> None:
    dates = pl.DataFrame({"year": 2017, "month": [1, 12, 12, 12], "day": [1, 29, 30, 31]})
    flights = dates.with_columns(origin=pl.lit("JFK"), tailnum=pl.lit("N1"), flight=pl.lit(939))
    write_table(flights, tmp_path / "table", rows=8, airports=3)
    dated = pl.concat(map(pl.read_parquet, sorted((tmp_path / "table").iterdir())))
    assert dated.height == 8 and not dated.select("year", "month", "day").is_duplicated().any()


def test_fewer_rows_than_a_year_has_still_span_the_year(year: pl.DataFrame, tmp_path: Path) -> None:
    folder = write_table(year, tmp_path / "table", rows=1_000, airports=3, form="csv")
    (file,) = folder.iterdir()
    table = pl.read_csv(file)
    assert table.height == 1_000 and (max(days_of(table)) - min(days_of(table))).days > 330


def test_the_pipeline_of_pandas_gets_what_puntual_gets(year: pl.DataFrame, tmp_path: Path) -> None:
    folder = write_table(year, tmp_path / "table", rows=year.height, airports=3, form="csv")
    (file,) = folder.iterdir()
    made = featurise(file)
    assert largest_difference(made, file) <= 2**-12
    assert len(shared_columns()) == 5 * 3 + 2 * 4
    wrong = made.assign(airport_gap=made["airport_gap"] + 1)
    assert largest_difference(wrong, file) == pytest.approx(1.0, abs=0.01)


def test_an_exponent_is_the_slope_of_time_over_rows() -> None:
    costs = [Cost(rows, 1.0, 3e-6 * rows**1.2, 0) for rows in (1_000_000, 4_000_000, 16_000_000)]
    assert exponent(costs) == pytest.approx(1.2)
    assert exponent(costs[:1]) is None


def test_sizes_are_named_as_rows_and_airports() -> None:
    wanted = options_of(["--sizes=300000x3,1000000x30", "--cap=900000000"])
    assert wanted.sizes == ((300_000, 3), (1_000_000, 30)) and wanted.cap_bytes == 900_000_000
    assert not wanted.parts and not wanted.again


def test_what_was_measured_is_in_the_file_at_once_and_is_not_measured_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(name: str, _: Path) -> Cost:
        done.append(name)
        return Cost(1_000 * len(done), 1.0, 1.0, 0)

    done: list[str] = []
    monkeypatch.setattr(parts, "run", run)
    monkeypatch.setattr(Bench, "table", lambda *_: tmp_path)
    words = ["--parts=featurise", f"--results={tmp_path / 'scale.json'}", "--sizes=1000x3,4000x3"]
    wanted = replace(options_of(words), year=tmp_path / "scale.json")
    (tmp_path / "scale.json").write_text("{}")
    lines = [*parts.scale(wanted), *parts.scale(wanted)]
    assert done == ["featurise", "featurise"]
    assert sum("1,000 flights, 3 airports: 1.0 s" in line for line in lines) == 2
    assert json.loads((tmp_path / "scale.json").read_text())["seconds"] == {"featurise": [1.0, 1.0]}
    assert [*parts.scale(replace(wanted, again=True))] and len(done) == 4


def test_a_part_that_fails_leaves_what_others_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> Cost:
        raise FailedError("the disk is full")

    results = Results(tmp_path / "scale.json")
    results.note("featurise", "1000x3", Cost(1_000, 1.0, 2.0, 3))
    monkeypatch.setattr(parts, "run", fail)
    monkeypatch.setattr(Bench, "table", lambda *_: tmp_path)
    words = ["--parts=featurise,spread", f"--results={tmp_path / 'scale.json'}", "--sizes=4000x3"]
    lines = [*parts.scale(replace(options_of(words), year=tmp_path / "scale.json"))]
    assert sum(line.startswith("MISSED") and "the disk is full" in line for line in lines) == 2
    assert Results(tmp_path / "scale.json").cost("featurise", "1000x3") == Cost(1_000, 1.0, 2.0, 3)


def test_an_unknown_part_is_refused(tmp_path: Path) -> None:
    (tmp_path / "year").touch()
    with pytest.raises(SystemExit, match="speed: no such part; there are featurise, train"):
        next(parts.scale(replace(options_of(["--parts=speed"]), year=tmp_path / "year")))


def test_the_peak_of_a_step_is_what_the_process_held_then() -> None:
    with watching() as peaks:
        before = peaks.highest
        peaks.step = "held"
        held = b"1" * 50_000_000
        while peaks.peak.get("held", 0) < before + 40_000_000:
            pass
        del held
    assert peaks.peak["held"] > peaks.peak["start"]
