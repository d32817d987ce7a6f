"""What a stress test means, in sentences for people."""

from puntual.reporting.wording import count, fixed
from puntual.stress.results import StressResult


def sentences(result: StressResult) -> list[str]:
    """Say what was asked, how answers compared with the predictor, what it took, and whether the bar was met."""
    lines = [
        f"{count(result.requests)} requests {_about(result)} were answered "
        f"in {fixed(result.seconds, 1)} s over {result.connections} connections ({result.generator}); "
        f"{count(result.errors)} errors, {count(result.wrong_answers)} answers that were not the predictor's."
    ]
    if result.usage is not None:
        share = 100 * result.usage.cpu_seconds / result.seconds if result.seconds else None
        lines.append(
            f"The service took {fixed(result.usage.cpu_seconds, 1)} s of processor ({fixed(share, 0)} % of one, its "
            f"start included) and {fixed(result.usage.peak_rss_mb, 0)} MB of memory at the most."
        )
    bar = f"{count(result.asked)} requests in {result.within_seconds} s"
    lines.append(f"The bar of {bar} was {'met' if result.met else 'NOT met'}.")
    return lines


def _about(result: StressResult) -> str:
    if result.repeated:
        return f"about {count(result.distinct)} flights, again and again,"
    if result.came_round:
        return f"about {count(result.distinct)} flights, {count(result.came_round)} of them asked before,"
    return "about as many flights, none asked before,"
