"""An environment with PySpark, made once from its locked requirements, where there is a Java to run it."""

import shutil
import subprocess
from pathlib import Path

from benchmarks.peers.environments import ROOT, NotInstalledError, make_environment

LOCK = Path(__file__).with_name("spark.txt")


class NoSparkError(RuntimeError):
    """Why Spark cannot be run here."""


def spark_python() -> Path:
    """Give the python of the environment; raise NoSparkError where there is no Java, or PySpark cannot be had."""
    java = shutil.which("java")
    if java is None or subprocess.run([java, "-version"], capture_output=True, check=False).returncode:
        raise NoSparkError("there is no Java; install one of 17 or later")
    locks = [ROOT / "requirements" / "build.txt", LOCK]
    steps = [["--require-hashes", "--no-build-isolation", "-r", str(lock)] for lock in locks]
    try:
        return make_environment("spark", locks, steps)
    except NotInstalledError as reason:
        raise NoSparkError(str(reason)) from reason
