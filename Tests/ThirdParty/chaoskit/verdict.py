"""How long writes stood still, for each kind of fault; and what makes a run count."""
import statistics
from dataclasses import dataclass

LEAST_RATE = 100        # acked messages a second before the first fault, or the run does not count
LEAST_SHARE = 0.5       # of the operations have to succeed, or the run does not count
AFTER_US = 5_000_000    # a gap counts to a fault up to this long after its end


@dataclass
class Span:
    """One fault, from its begin at the first node to its end at the last. Alone is one that no other was near."""

    number: int
    fault: str
    begin: int
    end: int
    alone: bool = True


def spans(records):
    """The faults of a journal in the order of their begins; those that did not begin are left out."""
    begun, found = {}, []
    for r in records:
        if r["phase"] == "begin":
            begun.setdefault(r["number"], Span(r["number"], r["fault"], r["t_us"], r["t_us"]))
        elif r.get("detail") == "did not begin":
            begun.pop(r["number"], None)
        elif r["number"] in begun:
            begun[r["number"]].end = r["t_us"]
    found = sorted(begun.values(), key=lambda s: s.begin)
    for span in found:
        span.alone = not any(o is not span and o.begin < span.end + AFTER_US and span.begin < o.end + AFTER_US
                             for o in found)
    return found


def gap_lines(found, goals):
    """A table, a line a kind of fault. The goals are for a fault alone: two at once can take a majority away."""
    if not found:
        return []
    lines = ["write gaps in seconds: the longest of any channel, from a fault's begin to 5 s after its end",
             f"  {'fault':<30} {'times':>5} {'median':>7} {'max':>7}   {'alone':>5} {'median':>7} {'max':>7} {'goal':>5}"]
    for fault in sorted(found, key=lambda f: int(f.split()[0][1:])):
        gaps = [g for g, _ in found[fault]]
        alone = [g for g, lonely in found[fault] if lonely]
        goal = goals.get(fault)
        line = f"  {fault:<30} {len(gaps):>5} {statistics.median(gaps):>7.2f} {max(gaps):>7.2f}   {len(alone):>5} "
        line += f"{statistics.median(alone):>7.2f} {max(alone):>7.2f} " if alone else f"{'-':>7} {'-':>7} "
        line += f"{goal if goal else '-':>5}"
        lines.append(line + ("  over the goal" if goal and alone and max(alone) > goal else ""))
    return lines
