"""What was measured, by part and size, in a file that is whole after each of them."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.scale.runs import Cost

_FIELDS = ("rows", "seconds", "processor_seconds", "peak_bytes")


class Results:
    """The costs of parts by size, and figures by name; each is in the file once it is noted."""

    def __init__(self, path: Path) -> None:
        """Go on with what the file holds."""
        self._path = path
        held = json.loads(path.read_text()) if path.is_file() else {}
        self._measured: dict[str, dict[str, dict[str, Any]]] = held.get("measured", {})
        self._figures: dict[str, Any] = held.get("figures", {})

    def cost(self, part: str, size: str) -> Cost | None:
        """Give what a part took at a size, None where that was not measured."""
        held = self._measured.get(part, {}).get(size)
        return None if held is None else Cost(**held)

    def figure(self, name: str) -> Any:
        """Give a figure by its name, None where there is none."""
        return self._figures.get(name)

    def note(self, part: str, size: str, cost: Cost) -> None:
        """Write down what a part took at a size."""
        self._measured.setdefault(part, {})[size] = asdict(cost)
        self._write()

    def note_figures(self, **figures: Any) -> None:
        """Write down figures by name."""
        self._figures |= figures
        self._write()

    def costs(self, part: str) -> list[Cost]:
        """Give what a part took, from the smallest size to the largest."""
        costs = [Cost(**held) for held in self._measured.get(part, {}).values()]
        return sorted(costs, key=lambda cost: cost.rows)

    def exponents(self) -> dict[str, float | None]:
        """Give each part's exponent of time over rows."""
        return {part: exponent(self.costs(part)) for part in self._measured}

    def _write(self) -> None:
        by_field = {
            name: {part: [getattr(cost, name) for cost in self.costs(part)] for part in self._measured}
            for name in _FIELDS
        }
        whole: Mapping[str, Any] = {
            **by_field,
            "exponent": self.exponents(),
            **self._figures,
            "measured": self._measured,
            "figures": self._figures,
        }
        draft = self._path.with_suffix(".part")
        draft.write_text(json.dumps(whole, indent=1) + "\n")
        draft.replace(self._path)


def exponent(costs: Sequence[Cost]) -> float | None:
    """Give the slope of log seconds of the processors over log rows, by least squares; nothing of a single size."""
    if len({cost.rows for cost in costs}) < 2:
        return None
    x = [math.log(cost.rows) for cost in costs]
    y = [math.log(cost.processor_seconds) for cost in costs]
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    above = sum((one - mean_x) * (other - mean_y) for one, other in zip(x, y, strict=True))
    return above / sum((one - mean_x) ** 2 for one in x)
