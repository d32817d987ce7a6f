"""Takes out of an environment what serving never reads, and says what each part weighed.

    python deploy/image/slim.py /opt/puntual

What is taken is named here, one line each, with its reason; all else stays as it was locked.
"""

import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

# What the service, and whoever reads a bucket as a role, a session or a person signed in, asks of AWS.
AWS_SERVICES = {"s3", "sts", "sso", "sso-oidc", "signin"}

# For those who compile against a library, or test it.
BY_PATTERN = {
    "tests of libraries": ("**/tests",),
    "headers and sources of what is compiled": ("**/*.pyx", "**/*.pxd", "**/*.c", "**/*.h", "**/*.a"),
    "type stubs": ("**/*.pyi",),
    "numpy: the Fortran compiler's front": ("numpy/f2py",),
    # A second copy of all that its Python module holds, for programs in other languages.
    "onnxruntime: the library for C": ("onnxruntime/capi/libonnxruntime.so*",),
    "onnxruntime: converting and quantizing models": (
        "onnxruntime/transformers", "onnxruntime/quantization", "onnxruntime/tools",
    ),
}  # fmt: skip


def slim(environment: Path) -> dict[str, int]:
    """Remove each part, strip symbols for debuggers, and give the bytes of each by name."""
    (packages,) = environment.glob("lib/python3.*/site-packages")
    freed = {}
    for name, patterns in BY_PATTERN.items():
        freed[name] = _remove(path for pattern in patterns for path in packages.glob(pattern))
    data = packages / "botocore" / "data"
    freed["botocore: services that are not asked"] = _remove(
        path for path in data.iterdir() if path.is_dir() and path.name not in AWS_SERVICES
    )
    # Litestar can invent examples with it, which nobody asks for.
    freed["faker: names and addresses in other languages"] = _remove(
        path for path in packages.glob("faker/providers/*/*_*") if path.is_dir() and path.name != "en_US"
    )
    # What wheels carry in `.libs` was moved about after it was linked, and strip would leave it unloadable.
    libraries = [path for path in packages.rglob("*.so") if not path.parent.name.endswith(".libs")]
    before = _weight(libraries)
    for library in libraries:
        subprocess.run(["strip", "--strip-unneeded", library], check=True)
    freed["symbols for debuggers"] = before - _weight(libraries)
    return dict(sorted(freed.items(), key=lambda part: -part[1]))


def _remove(paths: Iterable[Path]) -> int:
    freed = 0
    for path in list(paths):
        if path.is_dir():
            freed += _weight(file for file in path.rglob("*") if file.is_file())
            shutil.rmtree(path)
        elif path.exists():
            freed += _weight([path])
            path.unlink()
    return freed


def _weight(files: Iterable[Path]) -> int:
    return sum(file.stat().st_size for file in files)


if __name__ == "__main__":
    for part, size in slim(Path(sys.argv[1])).items():
        print(f"{size / 1e6:7.1f} MB  {part}")
