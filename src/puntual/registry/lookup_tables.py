"""A bundle's lookup tables as members of its file: `tables/NAME/COLUMN.npy`."""

import re
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from puntual.errors import BundleError
from puntual.flights.arrays import Columns
from puntual.registry.array_files import from_npy, require_one_height, to_npy

COLUMN = re.compile(r"tables/([a-z0-9_]+)/([a-z0-9_]+)\.npy")


def to_members(name: str, table: Columns) -> dict[str, bytes]:
    """Write the columns of a table as members; raise BundleError for what could not be read back."""
    try:
        require_one_height(name, table)
        written = {f"tables/{name}/{column}.npy": to_npy(values) for column, values in table.items()}
    except ValueError as error:
        raise BundleError(
            f"the table {name} cannot be written: {error}; give rows of numbers or texts"
        ) from error
    for member in written:
        if not COLUMN.fullmatch(member):
            raise BundleError(
                f"table or column in {member!r}: use lower-case letters, digits and underscores"
            )
    return written


def from_members(members: Mapping[str, bytes], name: str) -> dict[str, Columns]:
    """Read the tables among a bundle's members; `name` of the bundle stands in the BundleError for a damaged one."""
    tables: defaultdict[str, dict[str, NDArray[Any]]] = defaultdict(dict)
    try:
        for member, content in members.items():
            if match := COLUMN.fullmatch(member):
                table, column = match.groups()
                tables[table][column] = from_npy(content)
        for table, columns in tables.items():
            require_one_height(table, columns)
    except ValueError as error:
        raise BundleError(f"{name}: a table is damaged ({error}); train or fetch the bundle again") from error
    return dict(tables)
