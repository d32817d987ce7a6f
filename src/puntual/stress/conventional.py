"""The conventional stack with the same model: FastAPI, pydantic, pandas and the fitted estimator's `predict_proba`.

Run as `python -m puntual.stress.conventional FOLDER PORT`. It is spared all work on features: the folder holds the
vectors of the flights that it will be asked about, and it looks them up in a table by flight, as in a feature store.
"""

import json
import pickle
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import polars as pl
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel, Field

from puntual.features.states import part
from puntual.features.vector import COLUMNS
from puntual.flights.flight import BANDS
from puntual.training.estimator import CalibratedEstimator

ESTIMATOR, KEYS, VECTORS, THRESHOLD = "estimator.pkl", "keys.parquet", "vectors.npy", "threshold.json"


class Flight(BaseModel):
    """One scheduled departure."""

    airline: str
    flight_number: str
    origin: str
    destination: str
    scheduled_departure: datetime


class PredictRequest(BaseModel):
    """The flights to predict."""

    flights: Annotated[list[Flight], Field(min_length=1, max_length=1000)]
    as_of: datetime | None = None


class Prediction(BaseModel):
    """What is predicted of one flight."""

    late_probability: float
    late: bool
    threshold: float
    bands: dict[str, float]


class Answer(BaseModel):
    """The predictions in the order of the flights."""

    predictions: list[Prediction]


def create_application(estimator: CalibratedEstimator, features: pd.DataFrame, threshold: float) -> FastAPI:
    """Build the application around a fitted estimator and the vectors of the flights that it knows, by their names."""
    application = FastAPI()

    @application.post("/predict", response_model=Answer)
    async def predict(request: PredictRequest) -> Answer:
        vectors = features.loc[[_name(*flight.model_dump().values()) for flight in request.flights]]
        bands = predict_proba(estimator, vectors)
        return Answer(predictions=[_prediction(row, threshold) for row in bands.tolist()])

    return application


def predict_proba(estimator: CalibratedEstimator, vectors: pd.DataFrame) -> Any:
    """Ask the fitted classifiers about a table of named columns, and calibrate what they say."""
    matrix = vectors.to_numpy()
    probabilities = np.empty((len(vectors), len(BANDS)))
    for state, rows in part(matrix):
        expert = estimator.experts.of[state.name]
        probabilities[rows] = expert.classifier.predict_proba(vectors.iloc[rows].iloc[:, expert.columns])
    return estimator.calibration.apply(probabilities, matrix)


def _name(airline: str, number: str, origin: str, destination: str, departure: datetime) -> str:
    return f"{airline} {number} {origin}-{destination} {departure:%Y-%m-%dT%H:%M}"


def _prediction(bands: list[float], threshold: float) -> Prediction:
    late = sum(bands[1:])
    return Prediction(
        late_probability=late,
        late=late >= threshold,
        threshold=threshold,
        bands=dict(zip(BANDS, bands, strict=True)),
    )


def _load(folder: Path) -> FastAPI:
    # Written a moment ago by the stress test itself, from the registry that it was told to trust.
    estimator = pickle.loads((folder / ESTIMATOR).read_bytes())["estimator"]  # noqa: S301
    for expert in estimator.experts.of.values():
        if "n_jobs" in expert.classifier.get_params():
            expert.classifier.set_params(n_jobs=1)
    keys = pl.read_parquet(folder / KEYS).select(*Flight.model_fields).iter_rows()
    index = pd.Index([_name(*key) for key in keys])
    features = pd.DataFrame(np.load(folder / VECTORS), index=index, columns=COLUMNS)
    return create_application(estimator, features, json.loads((folder / THRESHOLD).read_text()))


if __name__ == "__main__":
    uvicorn.run(
        _load(Path(sys.argv[1])),
        host="127.0.0.1",
        port=int(sys.argv[2]),
        loop="uvloop" if sys.platform != "win32" else "asyncio",
        http="httptools",
        access_log=False,
        log_level="warning",
    )
