"""A workbook on standard input → its first sheet as CSV: `python -m puntual.sources.workbook_csv`.

A process of its own, so that a service holds no library of tables, and gives back at once what a workbook took.
"""

import sys
from io import BytesIO

# What the process ends with, as `api/invocations/workbook.py` knows it: where the extra `tables` is not installed,
# and for a workbook that cannot be read.
MISSING, UNREADABLE = 3, 4


def main() -> int:
    """Write the CSV to standard output, or what is wrong to standard error."""
    try:
        from puntual.errors import TableError
        from puntual.sources.excel import read_excel

        table = read_excel(sys.stdin.buffer.read(), "the workbook")
    except ImportError as error:
        sys.stderr.write(str(error))
        return MISSING
    except TableError as error:
        sys.stderr.write(str(error))
        return UNREADABLE
    written = BytesIO()
    table.frame.write_csv(written, datetime_format="%Y-%m-%dT%H:%M", date_format="%Y-%m-%d")
    sys.stdout.buffer.write(written.getvalue())
    return 0


if __name__ == "__main__":
    sys.exit(main())
