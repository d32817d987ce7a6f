"""A clone of this repository to push from, and the commits of a rehearsal."""

import subprocess
from pathlib import Path

from deploy.image.build import tagged
from deploy.rehearsal.hardened import expect

POINTER = "models/model_to_deploy"
SERVER = "src/puntual/api/server.py"
# Appended to the server of the clone, it is what stands in the code from then on.
BROKEN = '''

def serve(settings: Settings) -> None:
    """Never get ready: this release is broken on purpose."""
    raise SystemExit("broken on purpose")
'''
IMPROVED = "\n# Another release of the same service.\n"


class Clone:
    """A clone of the commit that is checked out here."""

    def __init__(self, source: Path, folder: Path) -> None:
        self.folder = folder
        subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", str(source), str(folder)], check=True)
        self._git("checkout", "--quiet", "-B", "main")
        self.commits: list[str] = []

    def commit(self, what: str, name: str, content: bytes, *, append: bool = False) -> dict[str, str]:
        """Commit a file, and give the push as GitHub tells it to a workflow."""
        before = self.head()
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes((path.read_bytes() if append else b"") + content)
        self._git("add", "--force", name)
        author = ("-c", "user.name=Rehearsal", "-c", "user.email=rehearsal@example.org")
        self._git(*author, "commit", "--quiet", "--message", what)
        self.commits.append(self.head())
        return {"ref": "refs/heads/main", "before": before, "after": self.commits[-1]}

    def head(self) -> str:
        """Give the commit that is checked out."""
        return self._git("rev-parse", "HEAD")

    def _git(self, *words: str) -> str:
        command = ["git", "-C", str(self.folder), *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def make_image(clone: Clone, scratch: Path, target: str = "") -> str:
    """Build the image of the clone's commit, and give its name; what the build says goes to a log."""
    log = scratch / "image.log"
    command = ["make", "image", f"TARGET={target}"]
    with log.open("wb") as output:
        done = subprocess.run(command, cwd=clone.folder, stdout=output, stderr=output, check=False)
    expect(done.returncode == 0, f"make image failed: {log.read_text(errors='replace')[-2000:]}")
    return tagged(clone.head(), target)
