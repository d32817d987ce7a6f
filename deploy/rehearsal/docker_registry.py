"""A registry of images on this machine."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from deploy.rehearsal.hardened import HardeningError
from deploy.rehearsal.served import free_port

_SECONDS_TO_START = 20


@contextmanager
def registry(folder: Path) -> Iterator[str]:
    """Run a registry that keeps its images in a folder, and give its host and port."""
    host = f"127.0.0.1:{free_port()}"
    configuration = folder / "registry.yml"
    configuration.write_text(
        f"version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\nhttp: {{addr: '{host}'}}\n"
        f"storage: {{filesystem: {{rootdirectory: '{folder / 'images'}'}}}}\n"
    )
    with (folder / "registry.log").open("wb") as log:
        command = ["docker-registry", "serve", str(configuration)]
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    try:
        end = time.monotonic() + _SECONDS_TO_START
        while not _answers(host):
            if process.poll() is not None or time.monotonic() > end:
                raise HardeningError(
                    f"docker-registry did not start: {(folder / 'registry.log').read_text()[-500:]}"
                )
            time.sleep(0.05)
        yield host
    finally:
        process.terminate()
        process.wait()


def _answers(host: str) -> bool:
    try:
        return httpx.get(f"http://{host}/v2/", timeout=2, trust_env=False).is_success
    except httpx.HTTPError:
        return False
