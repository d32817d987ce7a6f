"""`puntual features` on a cluster: the same vectors in the same files, made run by run."""

from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

import msgspec
import numpy as np

from puntual.features.route import Vocabulary
from puntual.flights.flight import LateRule
from puntual.scale import tails
from puntual.scale.cluster import Cluster, Progress, Task
from puntual.scale.part_dataset import PartPlace, PartVectors, read_dataset
from puntual.scale.source_files import MONTH, SourceTable
from puntual.scale.tables import OnRead, Parts, read_parts
from puntual.scale.work_folder import WorkFolder, key_of, work_beside
from puntual.storage.atomic_folder import atomic_folder, flush, require_vacant
from puntual.training.experiment import Options
from puntual.training.feature_table import DAY, WrittenFeatures, columns_at, vectors_at


class VectorsOf(msgspec.Struct, frozen=True):
    """The vectors that one task makes: of the months of an airport, at some horizons, by the codes of all airports."""

    place: PartPlace
    horizons: tuple[str, ...]
    late_rule: LateRule
    vocabulary: Vocabulary

    @property
    def live(self) -> bool:
        """Whether any cut-off lies within the day."""
        return set(self.horizons) != {DAY}


def spread_features(
    cluster: Cluster,
    table: SourceTable,
    output: Path,
    options: Options,
    horizons: Sequence[str] = (DAY,),
    *,
    scratch: str | None = None,
    on_read: OnRead | None = None,
    progress: Progress | None = None,
) -> WrittenFeatures:
    """Write what `training.feature_table.write_features` writes, to the bit, by the workers of a cluster.

    `on_read` is called with what is to be known of the table.

    What is finished is kept in `scratch`, or hidden beside the output, until all is; a repeated command goes on with
    it. The folder is there when all of it is written.
    """
    require_vacant(output)
    key = key_of(metadata.version("puntual"), table, table.stamps(), options_key(options), list(horizons))
    folder = work_beside(output, scratch, key)
    with folder.shared_by(cluster):
        live = set(horizons) != {DAY}
        parts = read_parts(folder, cluster, table, options, live=live, on_read=on_read, progress=progress)
        written = folder.run(
            cluster, "features", _tasks(parts, tuple(horizons)), list[tuple[str, int]], progress
        )
        names = [name for of_run in written for name, _ in of_run]
        move_out(folder, names, output)
        return WrittenFeatures(
            len(names),
            sum(vectors for of_run in written for _, vectors in of_run),
            parts.flights,
            len(columns_at(horizons)),
            parts.omitted,
        )


def options_key(options: Options) -> dict[str, str | None]:
    """Give what of the options says which flights are learnt from."""
    bounds = {name: getattr(options, name) for name in ("start", "until")}
    return {"target": str(options.target)} | {
        name: None if moment is None else moment.isoformat() for name, moment in bounds.items()
    }


def _tasks(parts: Parts, horizons: tuple[str, ...]) -> list[Task]:
    return [
        Task(
            place.name,
            make_vectors,
            (VectorsOf(place, horizons, parts.late_rule, parts.vocabulary),),
        )
        for place in parts.places()
    ]


def make_vectors(folder: WorkFolder, part: VectorsOf) -> list[tuple[str, int]]:
    """Make the vectors of a run, and write them by month; give the files and their vectors."""
    dataset, own = read_dataset(folder, part.place, part.late_rule, live=part.live)
    usual = folder.read_if_there(tails.usual_name(part.place.origin)) if part.live else None
    learnt = PartVectors(
        dataset,
        np.arange(len(dataset.flights)),
        at_once=False,
        learnt_codes=part.vocabulary,
        learnt_turns=tails.usual_from(usual),
    )
    vectors = vectors_at(learnt, own, part.horizons).with_columns(MONTH)
    written = []
    for (month,), of_month in vectors.partition_by("month", as_dict=True, maintain_order=True).items():
        name = f"vectors/{part.place.origin}/{month}.parquet"
        folder.write(name, of_month.drop("month"))
        written.append((name, of_month.height))
    return written


def move_out(folder: WorkFolder, names: Sequence[str], output: Path) -> None:
    """Have finished files take their place as one folder: whole, or not at all."""
    with atomic_folder(output) as draft:
        for name in names:
            place = draft / name.partition("/")[2]
            place.parent.mkdir(exist_ok=True)
            folder.copy_out(name, place)
            flush(place)
