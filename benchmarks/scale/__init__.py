"""What size costs: tables of real flights, moved over years and airports, read, featurised, trained with and scored.

`python -m benchmarks scale` measures every part at every size; what it has measured stands in `scale.json` as soon as
it is known, and is not measured again. `--parts=train,score --sizes=1000000x3,4000000x30` names parts and sizes, rows
by airports; `--again` measures once more; `--rival-rows=N`, `--cap=BYTES`, `--results=FILE` and `--folder=FOLDER`,
which keeps the tables, are for other runs than the usual one. Scores on such tables mean nothing, and are not looked
at.
"""

from benchmarks.scale.options import Scale, options_of
from benchmarks.scale.parts import scale
from benchmarks.scale.results import Results, exponent

__all__ = ["Results", "Scale", "exponent", "options_of", "scale"]
