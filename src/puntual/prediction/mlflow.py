"""A bundle as another tool's model: MLflow's, which alone is looked for and only here."""

import importlib.metadata
import shutil
import tempfile
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any

from puntual.errors import ExportError, describe_os_error
from puntual.registry import Bundle, to_bytes
from puntual.sources import OPTIONAL

# Put into the model as it is, and run by MLflow where the model is loaded: no pickle.
CODE = Path(__file__).with_name("mlflow_code.py")


def export_mlflow(bundle: Bundle, folder: Path) -> str:
    """Write a bundle as an MLflow model, whole or not at all, and give its version.

    Raise ExportError where something is in the folder already, or MLflow is not installed.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ExportError(f"{folder}: there is something already; name a folder that is empty or not there")
    pyfunc = _pyfunc()
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as draft:
            version = _write(pyfunc, bundle, Path(draft))
            if folder.exists():
                folder.rmdir()
            shutil.move(Path(draft) / "model", folder)
    except OSError as error:
        raise ExportError(describe_os_error(error, folder)) from error
    return version


def _pyfunc() -> Any:
    try:
        import pandas  # noqa: F401
        from mlflow import pyfunc
    except ImportError as error:
        raise ExportError(
            f"MLflow is not installed ({error.name} is missing); pip install 'puntual[mlflow]'"
        ) from error
    return pyfunc


def _write(pyfunc: Any, bundle: Bundle, draft: Path) -> str:
    version, content = to_bytes(bundle)
    file = draft / f"{version}.puntual"
    file.write_bytes(content)
    example = _example(bundle)
    pyfunc.save_model(
        draft / "model",
        python_model=str(CODE),
        artifacts={"bundle": str(file)},
        signature=_signature(example),
        input_example=example,
        pip_requirements=[f"puntual[mlflow]=={importlib.metadata.version('puntual')}"],
        metadata={"bundle": version},
    )
    return version


def _signature(example: Any) -> Any:
    """Describe what the model takes and gives; who flies, and under which number, need not be known."""
    from mlflow.models import ModelSignature, infer_signature
    from mlflow.types import ColSpec, Schema, TensorSpec

    inferred = infer_signature(example, params={"as_of": ""})
    columns: list[ColSpec | TensorSpec] = [
        ColSpec(one.type, one.name, required=one.name not in OPTIONAL) for one in inferred.inputs
    ]
    return ModelSignature(Schema(columns), params=inferred.params)


def _example(bundle: Bundle) -> Any:
    """Make a table of one flight like those that the bundle learnt from, the day after its history ends."""
    import pandas as pd

    absent = bundle.manifest.absent
    names = [name for name in ("airline", "flight_number", "origin", "destination") if name not in absent]
    history = bundle.tables["history"]
    departure = datetime.combine(bundle.manifest.history_until, time(12)) + timedelta(days=1)
    return pd.DataFrame(
        [{name: str(history[name][-1]) for name in names} | {"scheduled_departure": departure.isoformat()}]
    )
