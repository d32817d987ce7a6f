"""Servers of the same model by others, asked with ready vectors, to compare Puntual's service with."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.environments import python_of
from puntual.features.vector import COLUMNS
from puntual.registry import Bundle

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Peer:
    """A server of `model.onnx`, and how it is spoken to.

    `path` is posted to; `body` gives, in one line, the JSON that asks about one vector (columns,); `bands` reads
    the five probabilities from the answer.
    """

    name: str
    script: Path
    path: str
    body: Callable[[NDArray[np.float32]], str]
    bands: Callable[[bytes], list[float]]


def command(peer: Peer, folder: Path, port: int) -> list[str]:
    """Give the argv that serves `folder`/model.onnx on loopback, installing the peer first if need be.

    Start it in a session of its own and end the whole group: each server has children.
    """
    return [str(python_of(peer.name)), str(peer.script), str(folder), str(port)]


def with_history(bundle: Bundle, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Give the columns of vectors that the expert for flights with history reads."""
    return vectors[:, [COLUMNS.index(column) for column in bundle.manifest.expert_columns["history"]]]


def _numbers(vector: NDArray[np.float32]) -> list[float | None]:
    """Give the shortest decimals that are still the same float32, null for what is unknown."""
    return [None if np.isnan(number) else float(str(number)) for number in vector]


def _json(body: object) -> str:
    return json.dumps(body, separators=(",", ":"))


PEERS = (
    Peer(
        name="mlflow",
        script=HERE / "mlflow_server.py",
        path="/invocations",
        body=lambda vector: _json({"inputs": [_numbers(vector)]}),
        bands=lambda answer: next(iter(json.loads(answer)["predictions"].values()))[0],
    ),
    Peer(
        name="bentoml",
        script=HERE / "bentoml_server.py",
        path="/predict",
        body=lambda vector: _json({"vector": [_numbers(vector)]}),
        bands=lambda answer: json.loads(answer)[0],
    ),
    Peer(
        name="litserve",
        script=HERE / "litserve_server.py",
        path="/predict",
        body=lambda vector: _json({"vector": _numbers(vector)}),
        bands=lambda answer: json.loads(answer)["bands"],
    ),
)
