"""A file that is written whole or not at all, whoever is killed and whatever fills up meanwhile."""

import errno
import os
import re
import secrets
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

# What a file system says that knows no files without a name.
_UNSUPPORTED = frozenset({errno.EISDIR, errno.EOPNOTSUPP, errno.ENOENT, errno.EINVAL})
_DRAFT = re.compile(r"\..+\.[0-9a-f]{16}\.tmp")
# A writer that is at work has written to its draft since.
LEFTOVER_SECONDS = 3_600


@contextmanager
def atomic_write(path: Path, *, mode: int = 0o666, replace: bool = True) -> Iterator[BinaryIO]:
    """Give a file to write to that takes its place at `path` once the block has ended without an error.

    `mode` are its permissions, less the process's umask. Without `replace` a file that is there stays and
    FileExistsError is raised. A link stays, and what it leads to is replaced; a pipe or a device is written to as it
    is. Raises OSError where it cannot be written; nothing is left behind then. What killed writers left in the folder
    more than an hour ago is swept.
    """
    if not path.name:
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if replace and path.is_symlink():
        path = Path(os.path.realpath(path))
    if replace and path.exists() and not (path.is_file() or path.is_dir()):
        with path.open("wb") as pipe:
            yield pipe
        return
    descriptor, draft = _open_draft(path, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            if draft is None:
                draft = _name_draft(file.fileno(), path)
            if replace:
                draft.replace(path)
            else:
                os.link(draft, path)
        _flush_folder(path.parent)
        sweep_drafts(path.parent)
    finally:
        if draft is not None:
            draft.unlink(missing_ok=True)


def sweep_drafts(folder: Path) -> None:
    """Remove the drafts in a folder that nobody has written to for an hour; what cannot be removed stays."""
    oldest = time.time() - LEFTOVER_SECONDS
    for path in folder.glob(".*.tmp"):
        with suppress(OSError):
            status = path.lstat()
            if _DRAFT.fullmatch(path.name) and stat.S_ISREG(status.st_mode) and status.st_mtime < oldest:
                path.unlink()


def _open_draft(path: Path, mode: int) -> tuple[int, Path | None]:
    """Open a file without a name, which the system takes back from a killed process, or else one beside `path`."""
    if hasattr(os, "O_TMPFILE"):
        try:
            return os.open(path.parent, os.O_TMPFILE | os.O_WRONLY, mode), None
        except OSError as error:
            if error.errno not in _UNSUPPORTED or not path.parent.is_dir():
                raise
    draft = _draft_name(path)
    return os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0), mode), draft


def _name_draft(descriptor: int, path: Path) -> Path:
    draft = _draft_name(path)
    # Only with a folder named does Python follow the link, as open(2) says that it must be followed.
    os.link(f"/proc/self/fd/{descriptor}", draft, src_dir_fd=descriptor, follow_symlinks=True)
    return draft


def _draft_name(path: Path) -> Path:
    return path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")


def _flush_folder(folder: Path) -> None:
    if sys.platform == "win32":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
