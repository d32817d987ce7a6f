"""Check that every peer answers as the model itself does: `python -m benchmarks.peers BUNDLE`."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from benchmarks.peers import PEERS, Peer, command, with_history
from puntual.prediction.predictor import Predictor
from puntual.registry import Bundle, read
from puntual.sources import read_flights

QUESTIONS, TOLERANCE, PATIENCE = 50, 1e-6, 120


def main(path: Path) -> int:
    """Ask each peer in turn; return 1 if one differs."""
    bundle = read(path)
    vectors, model = with_history(bundle, some_vectors(bundle)), bundle.experts["history"]
    expected = onnxruntime.InferenceSession(model).run(None, {"columns": vectors})[0]
    agreed = True
    for peer in PEERS:
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            (folder / "model.onnx").write_bytes(model)
            with serving(peer, folder, peer.body(vectors[0])) as url:
                answers = [peer.bands(ask(url, peer.body(vector))) for vector in vectors]
        difference = float(np.abs(np.array(answers) - expected).max())
        agrees = difference <= TOLERANCE
        agreed = agreed and agrees
        agreement = f"{len(vectors)} answers, at most {difference:.1e} from onnxruntime's own"
        print(f"{'agrees' if agrees else 'DIFFERS':8}{peer.name}: {agreement}", flush=True)
    return int(not agreed)


def some_vectors(bundle: Bundle) -> NDArray[np.float32]:
    """Give vectors of flights spread over the year, some with unknown features."""
    flights = read_flights("nyc").flights
    matrix = Predictor(bundle).vectors_of(flights, timetable_of=flights)
    partly_unknown = np.isnan(matrix).any(axis=1)
    halves = [matrix[partly_unknown], matrix[~partly_unknown]]
    return np.concatenate([half[:: max(1, len(half) * 2 // QUESTIONS)] for half in halves])[:QUESTIONS]


@contextmanager
def serving(peer: Peer, folder: Path, body: str) -> Iterator[str]:
    """Serve a folder by a peer for a while, from its first answer to `body` on; give the URL to post to."""
    port = free_port()
    url, log = f"http://127.0.0.1:{port}{peer.path}", folder / "log"
    argv = command(peer, folder, port)
    with log.open("wb") as output:
        # In a session of its own, so that its children end with it.
        process = subprocess.Popen(argv, stdout=output, stderr=output, cwd=folder, start_new_session=True)
    try:
        wait_for(process, url, body, log)
        yield url
    finally:
        end(process)


def free_port() -> int:
    """Find a port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def wait_for(process: subprocess.Popen[bytes], url: str, body: str, log: Path) -> None:
    """Wait until a question is answered; raise RuntimeError, with the end of the log, if that never happens."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError):
            ask(url, body)
            return
        time.sleep(0.1)
    log_tail = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
    raise RuntimeError(
        f"{url} gave no answer in {PATIENCE} s, or its server ended; its log ends:\n{log_tail}"
    )


def ask(url: str, body: str) -> bytes:
    """Post JSON and read the answer."""
    request = urllib.request.Request(url, body.encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return bytes(answer.read())


def end(process: subprocess.Popen[bytes]) -> None:
    """End a server with all that it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(10)
    # Some leave children behind.
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m benchmarks.peers BUNDLE")
    sys.exit(main(Path(sys.argv[1])))
