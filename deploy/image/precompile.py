"""Compiles what serving imports, the standard library's part too, to where PYTHONPYCACHEPREFIX says.

Bytecode that does not ask for its source's date stays valid however an image's layers are written, and saves a look
at each file.
"""

import importlib
import py_compile
import sys

SERVING = (
    "puntual.cli",
    "puntual.cli.output.console",
    "puntual.api.server",
    "puntual.api.health_check",
    # The journal's thread and the first questions to a bucket load these when they need them.
    "sqlalchemy.dialects.sqlite",
    "puntual.operations.journal_database",
    "alembic.script",
    "botocore.session",
    "uvloop",
)  # fmt: skip


def precompile() -> int:
    """Import all of it, compile each module that has a source, and give their number."""
    for name in SERVING:
        importlib.import_module(name)
    sources = {getattr(module, "__file__", None) or "" for module in list(sys.modules.values())}
    compiled = [source for source in sorted(sources) if source.endswith(".py") and source != __file__]
    for source in compiled:
        py_compile.compile(
            source, doraise=True, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH
        )
    return len(compiled)


if __name__ == "__main__":
    print(f"{precompile()} modules compiled to {sys.pycache_prefix}")
