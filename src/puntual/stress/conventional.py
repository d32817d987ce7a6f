"""The conventional stack with the same model, as well written as it can be: FastAPI, pydantic, numpy and ONNX Runtime.

Run as `python -m puntual.stress.conventional FOLDER PORT`. It is spared all work on features: the folder holds the
vector of every flight that it will be asked about, and a dictionary names its row, as a feature store in memory would.
It has no log, no journal and no metrics. All that it reads is data: a bundle, a table, numbers.
"""

import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np
import onnxruntime
import polars as pl
import uvicorn
from fastapi import FastAPI, Request, Response
from numpy.typing import NDArray
from pydantic import BaseModel, Field, ValidationError

from puntual.features.states import STATES, part
from puntual.features.vector import COLUMNS, Matrix
from puntual.flights.flight import BANDS
from puntual.prediction import calibration
from puntual.registry import Bundle, read
from puntual.stress.rivals import BUNDLE, KEYS, VECTORS

Name = tuple[str, str, str, str, datetime]
_TINY = 1e-7
_ENCODER = msgspec.json.Encoder()


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


class PreparedModel:
    """The model with the rows of all flights laid out beforehand: what each expert reads, and the calibration.

    A flight is a row of the vectors, shape (n, columns); of its calibration only what the model says is still open.
    """

    def __init__(self, bundle: Bundle, vectors: Matrix) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        scaling = calibration.from_table(bundle.tables["calibration"])
        level = scaling.level.of(vectors)
        self._states = np.empty(len(vectors), np.intp)
        self._offsets = np.empty((len(vectors), len(BANDS)))
        self._experts = []
        for state, rows in part(vectors):
            self._states[rows] = STATES.index(state)
            # Of a probability of 1 the logarithm is 0: what is left is all that is added to it.
            certain = np.ones((len(vectors), len(BANDS)))
            self._offsets[rows] = scaling.scalings[state.name].logits(certain, level)[rows]
        for state in STATES:
            mixture = bundle.manifest.mixtures.get(state.name, {state.name: 1.0})
            members = []
            for expert, share in mixture.items():
                columns = [COLUMNS.index(column) for column in bundle.manifest.expert_columns[expert]]
                session = onnxruntime.InferenceSession(bundle.experts[expert], options)
                members.append((session, session.get_inputs()[0].name, vectors[:, columns].copy(), share))
            self._experts.append((members, scaling.scalings[state.name].slope))

    def bands(self, rows: list[int]) -> NDArray[np.float64]:
        """Give the calibrated probabilities of the bands for some of the rows, shape (rows, 5)."""
        states = self._states[rows]
        first = states[0]
        if len(rows) == 1 or (states == first).all():
            return self._ask(first, rows)
        bands = np.empty((len(rows), len(BANDS)))
        for place in range(len(self._experts)):
            chosen = np.flatnonzero(states == place)
            if chosen.size:
                bands[chosen] = self._ask(place, [rows[one] for one in chosen])
        return bands

    def _ask(self, place: int, rows: list[int]) -> NDArray[np.float64]:
        members, slope = self._experts[place]
        logits = self._offsets[rows]
        for session, name, columns, share in members:
            uncalibrated = session.run(None, {name: columns[rows]})[0].astype(np.float64)
            logits += slope * share * np.log(np.maximum(uncalibrated, _TINY))
        raised = np.exp(logits)
        bands: NDArray[np.float64] = raised / raised.sum(axis=1, keepdims=True)
        return bands


def create_application(model: PreparedModel, rows: dict[Name, int], threshold: float) -> FastAPI:
    """Build the application around a model and the rows of the flights that it knows, by their names."""
    application = FastAPI()
    validate = RequestBody.__pydantic_validator__.validate_json

    @application.post("/predict")
    async def predict(request: Request) -> Response:
        # Read by pydantic at once: FastAPI would make dictionaries of the JSON first.
        try:
            body = validate(await request.body())
        except ValidationError as error:
            return Response(error.json(), 422, media_type="application/json")
        bands = model.bands([rows[_name(flight)] for flight in body.flights])
        predictions = [_prediction(row, threshold) for row in bands.tolist()]
        return Response(_ENCODER.encode({"predictions": predictions}), media_type="application/json")

    return application


def _name(flight: FlightBody) -> Name:
    return (
        flight.airline,
        flight.flight_number,
        flight.origin,
        flight.destination,
        flight.scheduled_departure,
    )


def _prediction(bands: list[float], threshold: float) -> dict[str, object]:
    late = sum(bands[1:])
    return {
        "late_probability": late,
        "late": late >= threshold,
        "threshold": threshold,
        "bands": dict(zip(BANDS, bands, strict=True)),
    }


def _load(folder: Path) -> FastAPI:
    keys = pl.read_parquet(folder / KEYS).select(*FlightBody.model_fields)
    bundle = read(folder / BUNDLE)
    model = PreparedModel(bundle, np.load(folder / VECTORS))
    return create_application(
        model, {key: row for row, key in enumerate(keys.iter_rows())}, bundle.manifest.threshold
    )


if __name__ == "__main__":
    uvicorn.run(
        _load(Path(sys.argv[1])),
        host="127.0.0.1",
        port=int(sys.argv[2]),
        loop="uvloop" if sys.platform != "win32" else "asyncio",
        http="httptools",
        lifespan="off",
        access_log=False,
        log_level="warning",
        server_header=False,
    )
