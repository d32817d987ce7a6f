"""Lays an environment into the workspace that sees the packages of the rehearsal's own, and the sources here."""

import sysconfig
import venv
from pathlib import Path

HERE = Path.cwd()
ENVIRONMENT = HERE / ".venv"

venv.create(ENVIRONMENT, symlinks=True, with_pip=False)
packages = Path(sysconfig.get_path("purelib", vars={"base": str(ENVIRONMENT)}))
(packages / "rehearsal.pth").write_text(f"{HERE / 'src'}\n{sysconfig.get_path('purelib')}\n")
program = ENVIRONMENT / "bin" / "puntual"
program.write_text(f"#!{ENVIRONMENT / 'bin' / 'python'}\nfrom puntual.cli import main\n\nmain()\n")
program.chmod(0o755)
(ENVIRONMENT / "bin" / "syft").symlink_to(Path(sysconfig.get_path("scripts")) / "syft")
# What make would install is there.
for name in ("created", "image-installed"):
    (ENVIRONMENT / name).touch()
