"""A source's table in parts: read by workers, put into runs of an airport's months, and summed to a network."""

from collections.abc import Callable, Sequence

import msgspec
import polars as pl

from puntual.errors import NotEnoughFlightsError
from puntual.features.history import COUNTS
from puntual.features.route import Vocabulary
from puntual.flights.flight import LateRule, Target
from puntual.registry.card_record import Omission
from puntual.scale import tails
from puntual.scale.cluster import Cluster, Progress, Task
from puntual.scale.network import DAYS_NAME, WEATHER_NAME, by_day, sum_month, vocabulary_of
from puntual.scale.part_dataset import MonthsOfRun, PartPlace
from puntual.scale.runs import Chosen, RunRead, read_run, runs_of
from puntual.scale.source_files import FileRead, Gone, SourceTable, read_file
from puntual.scale.work_folder import WorkFolder
from puntual.sources.arrivals import no_arrivals
from puntual.sources.catalog import duplicates_of
from puntual.sources.faults import BadRows
from puntual.sources.validation import Duplicates
from puntual.training.experiment import Options
from puntual.training.feature_table import NO_FLIGHTS

# So many legs are linked by one task.
_LEGS_OF_A_BUCKET = 500_000


class TableNotes(msgspec.Struct, frozen=True):
    """What a person should know of a table that was read: what was left out of it, and what is noted of it."""

    left_out: tuple[Omission, ...]
    notes: tuple[str, ...]


OnRead = Callable[[TableNotes], object]


class Parts(msgspec.Struct, frozen=True):
    """A table in parts: what its files said, its runs, the vocabulary of all, and the name of the weather's table."""

    files: list[FileRead]
    runs: list[RunRead]
    vocabulary: Vocabulary
    omitted: tuple[Omission, ...]

    @property
    def flights(self) -> int:
        """The operated flights in all."""
        return sum(flights for run in self.runs for _, flights in run.months)

    @property
    def late_rule(self) -> LateRule:
        """The source's rule of what is late."""
        return self.files[0].late_rule

    @property
    def weather(self) -> str | None:
        """The name of the weather's table, where the source tells any."""
        return next((file.weather for file in self.files if file.weather), None)

    def places(self) -> list[PartPlace]:
        """List the parts that hold flights: the months of one task each, and the runs that lie around them."""
        known: dict[str, list[MonthsOfRun]] = {}
        for run in self.runs:
            if run.months:
                months = tuple(month for month, _ in run.months)
                known.setdefault(run.origin, []).append(MonthsOfRun(run.name, months))
        return [
            PartPlace(own.name, origin, own.months, tuple(runs), self.weather is not None)
            for origin, runs in known.items()
            for own in runs
        ]


def read_parts(
    folder: WorkFolder,
    cluster: Cluster,
    table: SourceTable,
    options: Options,
    *,
    live: bool,
    late_rule: LateRule | None = None,
    on_read: OnRead | None = None,
    progress: Progress | None = None,
) -> Parts:
    """Read a source's files and put the operated flights of a period into runs, `live` with their previous legs.

    `late_rule` takes the place of the source's. Raise NotEnoughFlightsError for a table without flights, TableError
    for one that does not tell its target.
    """
    numbered = enumerate(table.files())
    tasks = [Task(f"{number:06}", read_file, (table, number, place)) for number, place in numbered]
    files = folder.run(cluster, "read", tasks, FileRead, progress)
    if on_read is not None:
        on_read(TableNotes(_omitted(files, ()), notes_of(files)))
    has_arrived = any(file.has_arrived for file in files)
    if options.target == Target.ARRIVAL and not (has_arrived and any(file.has_due for file in files)):
        raise no_arrivals(files[0].source)
    pieces = [piece for file in files for piece in file.pieces]
    legs = sum(piece.flights for piece in pieces)
    chosen = Chosen(
        options,
        late_rule or files[0].late_rule,
        _duplicates(table),
        has_arrived,
        -(-legs // _LEGS_OF_A_BUCKET) if live else 0,
    )
    runs = runs_of(pieces)
    read = folder.run(
        cluster, "part", [Task(run.name, read_run, (run, chosen)) for run in runs], RunRead, progress
    )
    parts = Parts(files, read, vocabulary_of(run.values for run in read), _omitted(files, read))
    if not parts.flights:
        raise NotEnoughFlightsError(NO_FLIGHTS)
    days = [row for run in read for row in run.days]
    folder.write(DAYS_NAME, by_day(pl.DataFrame(days, schema=["day", *COUNTS], orient="row")))
    if live:
        _link(folder, cluster, parts, chosen.tail_buckets, progress)
    if parts.weather:
        folder.write(WEATHER_NAME, folder.read(parts.weather))
    return parts


def notes_of(files: Sequence[FileRead]) -> tuple[str, ...]:
    """List what is noted of files, each note once."""
    return tuple(dict.fromkeys(note for file in files for note in file.notes))


def _duplicates(table: SourceTable) -> Duplicates:
    """Tell what becomes of a flight that stands in two files; it is a bad row where those are to be left out."""
    rule = duplicates_of(table.source, table.map_file)
    leaves_out = rule is Duplicates.REFUSE and table.bad_rows == BadRows.LEAVE_OUT
    return Duplicates.FIRST if leaves_out else rule


def _omitted(files: Sequence[FileRead], runs: Sequence[RunRead]) -> tuple[Omission, ...]:
    """Sum up what was left out by reason, each with the example that comes first in the table."""
    by_reason: dict[str, list[Gone]] = {}
    for gone in (
        *(gone for file in files for gone in file.left_out),
        *(gone for run in runs for gone in run.gone),
    ):
        by_reason.setdefault(gone.reason, []).append(gone)
    return tuple(
        Omission(
            reason=reason,
            count=sum(gone.count for gone in of_reason),
            example=min(of_reason, key=lambda gone: gone.order).example,
        )
        for reason, of_reason in by_reason.items()
    )


def _link(
    folder: WorkFolder, cluster: Cluster, parts: Parts, buckets: int, progress: Progress | None
) -> None:
    """Sum what all airports put on the network's lines, and find the legs before each aircraft's."""
    runs: dict[str, list[str]] = {}
    for run in parts.runs:
        for month, _ in run.months:
            runs.setdefault(month, []).append(run.name)
    tasks = [Task(month, sum_month, (month, runs[month])) for month in sorted(runs)]
    folder.run(cluster, "network", tasks, int, progress)
    named = [(bucket, folder.names(f"tails/{bucket}")) for bucket in range(buckets)]
    tasks = [Task(str(bucket), tails.link_tails, (bucket, names)) for bucket, names in named if names]
    folder.run(cluster, "aircraft", tasks, int, progress)
    turns = [
        (origin, folder.names(f"turns/{origin}")) for origin in sorted({run.origin for run in parts.runs})
    ]
    tasks = [Task(origin, tails.learn_usual, (origin, names)) for origin, names in turns if names]
    folder.run(cluster, "turn-rounds", tasks, int, progress)
