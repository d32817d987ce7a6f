"""Lists what the image of this commit holds, with syft, in the SPDX format.

python deploy/image/sbom.py build/sbom.spdx.json [ENGINE]
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from build import NAME, choose, git_revision, works

SAVE = {
    "docker": ("docker", "save", "--output", "{file}", "{image}"),
    "podman": ("podman", "save", "--quiet", "--output", "{file}", "{image}"),
    "buildah": ("buildah", "push", "--quiet", "{image}", "docker-archive:{file}"),
}


def main(output: Path, engine: str) -> None:
    """Save the image to a file, which syft reads whatever built it, and write the list."""
    image = f"{NAME}:{git_revision()}"
    with tempfile.TemporaryDirectory(prefix="puntual-sbom-") as folder:
        file = Path(folder) / "image.tar"
        saved = [word.format(file=file, image=image) for word in SAVE[engine or choose(works)]]
        if subprocess.run(saved, check=False).returncode:
            raise SystemExit(f"{image} cannot be saved; build it first: make image")
        output.parent.mkdir(exist_ok=True)
        syft = Path(sys.executable).with_name("syft")
        subprocess.run(
            [syft, "scan", "--quiet", f"docker-archive:{file}", "--output", f"spdx-json={output}"], check=True
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]), "".join(sys.argv[2:]))
