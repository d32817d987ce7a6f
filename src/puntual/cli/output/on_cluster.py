"""A cluster for one command: its dashboard's address and its progress, on standard error."""

from collections.abc import Iterator
from contextlib import contextmanager

from puntual.cli.output.console import ReportProgress, progress, say
from puntual.scale.cluster import Cluster, open_cluster


@contextmanager
def on_cluster(address: str, what: str) -> Iterator[tuple[Cluster, ReportProgress]]:
    """Open a cluster, and say where a person can look at it; raise ClusterError where nobody answers."""
    with open_cluster(address) as cluster:
        say(f"dashboard: {cluster.dashboard}")
        with progress(what) as report_progress:
            yield cluster, report_progress
