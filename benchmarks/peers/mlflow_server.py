"""Serve model.onnx of a folder by MLflow's scoring server: `python mlflow_server.py FOLDER PORT`."""

import os
import shutil
import sys
from pathlib import Path

QUIET = {"DO_NOT_TRACK": "true", "MLFLOW_DISABLE_TELEMETRY": "true"}
# What `mlflow models serve` starts and where that looks for the model; started here without its log of accesses.
SERVER = ("-m", "uvicorn", "mlflow.pyfunc.scoring_server.app:app", "--workers", "1", "--no-access-log")
MODEL_PATH = "__pyfunc_model_path__"


def main(folder: Path, port: int) -> None:
    """Save the model as MLflow keeps models, in `folder`/mlflow, and become its scoring server."""
    saved = folder / "mlflow"
    os.environ.update(QUIET, **{MODEL_PATH: saved.as_uri()})
    save(folder / "model.onnx", saved)
    address = ("--host", "127.0.0.1", "--port", str(port), "--log-level", "warning")
    os.execv(sys.executable, [sys.executable, *SERVER, *address])


def save(model: Path, saved: Path) -> None:
    """Save an ONNX model with its signature, to run in one thread."""
    import mlflow.onnx
    import numpy as np
    import onnx
    from mlflow.models import ModelSignature
    from mlflow.types import Schema, TensorSpec

    shutil.rmtree(saved, ignore_errors=True)
    loaded = onnx.load(model)
    columns = loaded.graph.input[0].type.tensor_type.shape.dim[1].dim_value
    mlflow.onnx.save_model(
        loaded,
        saved,
        # Without a signature a null would make the array one of objects.
        signature=ModelSignature(inputs=Schema([TensorSpec(np.dtype(np.float32), (-1, columns))])),
        # Named, so that they are not inferred by loading the model in yet another process.
        pip_requirements=["mlflow", "onnx", "onnxruntime"],
        onnx_execution_providers=["CPUExecutionProvider"],
        onnx_session_options={"intra_op_num_threads": 1, "inter_op_num_threads": 1},
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), int(sys.argv[2]))
