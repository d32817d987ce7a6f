"""Flights that the made bundle can be asked about, in the file that `--flights` takes."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from puntual import Predictor
from puntual.stress.flights import latest_flights
from puntual.stress.material import Material, write_material


@pytest.fixture(scope="session")
def flights_file(made_flights: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    names = ("airline", "flight_number", "origin", "destination", "scheduled_departure")
    file = tmp_path_factory.mktemp("flights") / "flights.csv"
    days = pl.col("scheduled_departure").dt.date()
    made_flights.filter(days > date(2023, 4, 1)).select(names).write_csv(file)
    return file


@pytest.fixture(scope="session")
def predictor(made_registry: Path) -> Predictor:
    (bundle,) = made_registry.glob("*.puntual")
    return Predictor.load(str(made_registry), bundle.stem)


@pytest.fixture(scope="session")
def material(
    predictor: Predictor, made_flights: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory
) -> Material:
    latest = latest_flights(predictor, made_flights, 200)
    return write_material(predictor, latest, tmp_path_factory.mktemp("material"))
