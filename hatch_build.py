"""Compiles the kernels where Cython and a compiler are there; elsewhere the wheel holds their plain Python alone."""

import shutil
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

KERNELS = ("puntual.features.kernel", "puntual.features.layout_kernel", "puntual.prediction.band_kernel")
# Bits may not depend on whether an expression is compiled: no fused multiply-add, no shorter arithmetic.
_FLAGS = ["/O2", "/fp:precise"] if sys.platform == "win32" else ["-O2", "-g0", "-ffp-contract=off"]
_DIRECTIVES = {
    "language_level": 3,
    # The types are those of the .pxd files; annotations are for readers and mypy.
    "annotation_typing": False,
    "boundscheck": False,
    "cdivision": True,
    "initializedcheck": False,
    "wraparound": False,
}


class CustomBuildHook(BuildHookInterface[Any]):
    """Adds the compiled kernels to a wheel, and puts them beside their sources for an editable install."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and say so in the wheel's tag; without a compiler, leave a pure wheel and say why."""
        if self.target_name != "wheel":
            return
        try:
            built = compile_kernels(Path(self.root), Path(self.directory) / "kernels")
        except Exception as error:
            self.app.display_warning(
                f"the kernels are not compiled, so predictions take longer, to the same bits: {error}"
            )
            return
        if version == "editable":
            for name, library in built.items():
                place = Path(self.root) / "src" / name
                # Beside it and then in its place: a process that runs the former library has its file mapped.
                shutil.copy(library, place.with_suffix(".new"))
                place.with_suffix(".new").replace(place)
            return
        build_data["pure_python"], build_data["infer_tag"] = False, True
        build_data["force_include"] |= {str(library): name for name, library in built.items()}


def compile_kernels(root: Path, folder: Path) -> dict[str, Path]:
    """Compile the kernels into a folder; give each library by its name in the wheel."""
    from Cython.Build import cythonize
    from setuptools import Distribution, Extension

    extensions = [
        Extension(module, [str(root / "src" / f"{module.replace('.', '/')}.py")], extra_compile_args=_FLAGS)
        for module in KERNELS
    ]
    generated = cythonize(
        extensions, compiler_directives=_DIRECTIVES, build_dir=str(folder / "c"), force=True, quiet=True
    )
    command = Distribution({"ext_modules": generated}).get_command_obj("build_ext")
    command.build_lib, command.build_temp, command.force = str(folder), str(folder / "o"), True
    command.ensure_finalized()
    command.run()
    return {path.relative_to(folder).as_posix(): path for path in map(Path, command.get_outputs())}
