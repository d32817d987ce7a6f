"""Serve model.onnx of a folder by BentoML: `python bentoml_server.py FOLDER PORT`."""

import os
import sys
from pathlib import Path

import bentoml
import numpy as np
import onnxruntime
import uvicorn

QUIET = {"BENTOML_DO_NOT_TRACK": "true", "DO_NOT_TRACK": "true"}


@bentoml.service(workers=1, metrics={"enabled": False}, logging={"access": {"enabled": False}})
class Bands:
    """The model as a service of BentoML."""

    def __init__(self) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        model = Path(os.environ["PEER_FOLDER"]) / "model.onnx"
        self.session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    # A coroutine is faster than a thread here, and batches gain nothing: the model takes little of the time.
    @bentoml.api
    async def predict(self, vector: list[list[float | None]]) -> list[list[float]]:
        """Give the probabilities of the bands (n, 5) for vectors (n, columns)."""
        return self.session.run(None, {"columns": np.array(vector, np.float32)})[0].tolist()


def main(folder: Path, port: int) -> None:
    """Run what `bentoml serve` runs in its worker, without the supervisor that puts it in a session of its own."""
    os.environ.update(QUIET, PEER_FOLDER=str(folder), BENTOML_HOME=str(folder / "bentoml"))
    uvicorn.run(Bands.to_asgi(), host="127.0.0.1", port=port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), int(sys.argv[2]))
