"""The predictions that the journal's database refused, kept as lines of JSON for whoever mends the cause."""

import json
import logging
import os
from pathlib import Path

from puntual.operations.journal_line import COLUMNS, Line, Value
from puntual.storage.state_folder import make_private

NAME = "journal.refused.jsonl"
_LOG = logging.getLogger("puntual.operations.journal_writer")
# Beyond it the cause is known well enough, and the disk is needed for the journal.
_LARGEST = 16 * 2**20


class RefusedLines:
    """A file that lines are added to, with the reason of each."""

    def __init__(self, file: Path | None) -> None:
        """Name the file; without one nothing is kept."""
        self._file = file
        self._reasons: set[str] = set()

    def add(self, line: Line, reason: str) -> bool:
        """Keep a line, and log its reason the first time; False where it could not be kept."""
        named = dict(zip(COLUMNS, line, strict=True))
        kept = self._keep(named, reason)
        if reason not in self._reasons:
            self._reasons.add(reason)
            _LOG.error(
                "the journal's database refused the prediction of request %.128a (%s); it is %s, as others will be "
                "for the same reason, and writing goes on",
                named["request_id"],
                reason,
                f"set aside in {self._file}" if kept else "lost",
            )
        return kept

    def _keep(self, named: dict[str, Value], reason: str) -> bool:
        if self._file is None:
            return False
        # Escaped, since what a database refuses may be no text that a file takes either.
        content = json.dumps({"refused": reason, **named}).encode() + b"\n"
        try:
            make_private(self._file.parent)
            with os.fdopen(os.open(self._file, os.O_APPEND | os.O_CREAT | os.O_WRONLY, 0o600), "ab") as file:
                if file.tell() > _LARGEST:
                    return False
                file.write(content)
        except OSError:
            return False
        return True
