"""The conventional stack with the same model: FastAPI, pydantic, pandas and ONNX Runtime.

Run as `python -m puntual.stress.conventional FOLDER PORT`. It is spared all work on features: the folder holds the
vectors of the flights that it will be asked about, and it looks them up in a table by flight, as in a feature store.
All that it reads there is data: a bundle, a table, numbers.
"""

import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import polars as pl
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel, Field

from puntual.features.vector import COLUMNS
from puntual.flights.flight import BANDS
from puntual.prediction.predictor import Predictor
from puntual.registry import read
from puntual.stress.rivals import BUNDLE, KEYS, VECTORS


class FlightBody(BaseModel):
    """One scheduled departure."""

    airline: str
    flight_number: str
    origin: str
    destination: str
    scheduled_departure: datetime


class RequestBody(BaseModel):
    """The flights to predict."""

    flights: Annotated[list[FlightBody], Field(min_length=1, max_length=1000)]
    as_of: datetime | None = None


class PredictionBody(BaseModel):
    """What is predicted of one flight."""

    late_probability: float
    late: bool
    threshold: float
    bands: dict[str, float]


class AnswerBody(BaseModel):
    """The predictions in the order of the flights."""

    predictions: list[PredictionBody]


def create_application(predictor: Predictor, features: pd.DataFrame) -> FastAPI:
    """Build the application around a model and the vectors of the flights that it knows, by their names."""
    application = FastAPI()
    threshold = predictor.bundle.manifest.threshold

    @application.post("/predict", response_model=AnswerBody)
    async def predict(request: RequestBody) -> AnswerBody:
        vectors = features.loc[[_name(*flight.model_dump().values()) for flight in request.flights]]
        bands = predictor.bands(vectors.to_numpy())
        return AnswerBody(predictions=[_prediction(row, threshold) for row in bands.tolist()])

    return application


def _name(airline: str, number: str, origin: str, destination: str, departure: datetime) -> str:
    return f"{airline} {number} {origin}-{destination} {departure:%Y-%m-%dT%H:%M}"


def _prediction(bands: list[float], threshold: float) -> PredictionBody:
    late = sum(bands[1:])
    return PredictionBody(
        late_probability=late,
        late=late >= threshold,
        threshold=threshold,
        bands=dict(zip(BANDS, bands, strict=True)),
    )


def _load(folder: Path) -> FastAPI:
    keys = pl.read_parquet(folder / KEYS).select(*FlightBody.model_fields).iter_rows()
    index = pd.Index([_name(*key) for key in keys])
    features = pd.DataFrame(np.load(folder / VECTORS), index=index, columns=COLUMNS)
    return create_application(Predictor(read(folder / BUNDLE), threads=1), features)


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
