"""Serve model.onnx of a folder by LitServe: `python litserve_server.py FOLDER PORT`."""

import sys
from pathlib import Path
from typing import Any

import litserve
import numpy as np
import onnxruntime
from numpy.typing import NDArray


class Bands(litserve.LitAPI):
    """The model as an API of LitServe, which runs it in a process of its own."""

    def __init__(self, model: Path) -> None:
        super().__init__()
        self.model = model

    def setup(self, device: str) -> None:  # noqa: ARG002
        """Load the model."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(self.model, options, providers=["CPUExecutionProvider"])

    def decode_request(self, request: dict[str, Any]) -> NDArray[np.float32]:
        """Read one vector, as (1, columns)."""
        return np.array([request["vector"]], np.float32)

    def predict(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Give the probabilities of the bands."""
        return self.session.run(None, {"columns": vectors})[0]

    def encode_response(self, output: NDArray[np.float32]) -> dict[str, list[float]]:
        """Write the five of the one vector."""
        return {"bands": output[0].tolist()}


if __name__ == "__main__":
    folder, port = Path(sys.argv[1]).resolve(), int(sys.argv[2])
    # On one core, one vector at a time is faster than batches are.
    server = litserve.LitServer(
        Bands(folder / "model.onnx"), accelerator="cpu", devices=1, workers_per_device=1, fast_queue=True
    )
    server.run(
        host="127.0.0.1",
        port=port,
        num_api_servers=1,
        log_level="warning",
        access_log=False,
        generate_client_file=False,
    )
