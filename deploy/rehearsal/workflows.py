"""Has act execute the real workflows on this machine, with stand-ins for the actions of the marketplace."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deploy.rehearsal.hardened import HardeningError

_ACTIONS = Path(__file__).parent / "actions"
_SECONDS = 600


class Workflows:
    """The workflows of a clone; what they say goes to a log."""

    def __init__(self, clone: Path, scratch: Path, environment: Mapping[str, str], key: str) -> None:
        self._clone, self._scratch, self._environment, self._key = clone, scratch, environment, key
        self.log = scratch / "act.log"

    def run(self, event: str, workflow: str, about: dict[str, Any], *, fails: bool = False) -> str:
        """Execute a workflow for an event, and give what it said; raise HardeningError unless it ends as it should."""
        file = self._clone / ".github" / "workflows" / workflow
        (self._scratch / "event.json").write_text(json.dumps(about))
        command = [
            str(Path(sys.executable).with_name("act")), event, "--workflows", str(file),
            "--eventpath", str(self._scratch / "event.json"), "--platform", "ubuntu-24.04=-self-hosted",
            "--var", "AWS_REGION=us-east-1", "--var", "AWS_DEPLOY_ROLE=arn:aws:iam::123456789012:role/deploy",
            "--secret", f"PUNTUAL_API_KEY={self._key}",
            *(word for pair in self._stand_ins(file) for word in ("--local-repository", pair)),
            *(word for pair in self._environment.items() for word in ("--env", "=".join(pair))),
        ]  # fmt: skip
        # It keeps copies of the clone in a cache, which goes with the scratch folder.
        ours = os.environ | {"XDG_CACHE_HOME": str(self._scratch / "cache")}
        done = subprocess.run(
            command, cwd=self._clone, env=ours, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            errors="replace", check=False, timeout=_SECONDS,
        )  # fmt: skip
        with self.log.open("a", encoding="utf-8") as log:
            log.write(done.stdout)
        if bool(done.returncode) != fails:
            expected = "fail" if fails else "succeed"
            raise HardeningError(
                f"{workflow} was to {expected} and ended with {done.returncode}:\n{done.stdout[-4000:]}"
            )
        return done.stdout

    def _stand_ins(self, file: Path) -> list[str]:
        used = set(re.findall(r"uses: ([\w-]+/([\w-]+)@[0-9a-f]{40})", file.read_text(encoding="utf-8")))
        return [f"{whole}={_ACTIONS / name}" for whole, name in sorted(used) if (_ACTIONS / name).is_dir()]
