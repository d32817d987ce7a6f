"""What a stress test means, in sentences for people."""

from puntual.reporting.wording import count, fixed
from puntual.stress.results import Stressed


def sentences(found: Stressed) -> list[str]:
    """Say what was asked, how answers compared with the predictor, what it took, and whether the bar was met."""
    lines = [
        f"{count(found.requests)} requests about {count(found.distinct)} different flights were answered "
        f"in {fixed(found.seconds, 1)} s over {found.connections} connections ({found.generator}); "
        f"{count(found.errors)} errors, {count(found.wrong_answers)} answers that were not the predictor's."
    ]
    if found.usage is not None:
        share = 100 * found.usage.cpu_seconds / found.seconds if found.seconds else None
        lines.append(
            f"The service took {fixed(found.usage.cpu_seconds, 1)} s of processor ({fixed(share, 0)} % of one, its "
            f"start included) and {fixed(found.usage.peak_rss_mb, 0)} MB of memory at the most."
        )
    bar = f"{count(found.asked)} requests in {found.within_seconds} s"
    lines.append(f"The bar of {bar} was {'met' if found.met else 'NOT met'}.")
    return lines
