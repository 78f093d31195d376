"""What a run says in the end: did it count, did the history hold, did the nodes, and how long writes stood still."""
import statistics

from .own_load import longest_gap

LEAST_RATE = 100        # acked messages a second before the first fault, or the run does not count
LEAST_SHARE = 0.5       # of the operations have to succeed, or the run does not count
AFTER_US = 5_000_000    # a gap counts to a fault up to this long after its end


def gaps_by_fault(records, channels):
    """For each kind of fault, for each time it was done: the longest time without an ack of any one channel."""
    open_ones, spans = {}, []
    for r in records:
        key = (r["fault"], r["target"])
        if r["phase"] == "begin":
            open_ones[key] = r["t_us"]
        elif key in open_ones and r.get("detail") != "did not begin":
            spans.append((r["fault"], open_ones.pop(key), r["t_us"]))
    # A fault of several nodes is one fault: their spans begin within a moment.
    merged = {}
    for fault, begin, end in spans:
        slot = next((s for s in merged.setdefault(fault, []) if abs(s[0] - begin) < 50_000), None)
        if slot:
            slot[1] = max(slot[1], end)
        else:
            merged[fault].append([begin, end])
    found = {}
    for fault, times in merged.items():
        for begin, end in times:
            worst = [g for g in (longest_gap(c, begin, end + AFTER_US) for c in channels) if g is not None]
            if worst:
                found.setdefault(fault, []).append(max(worst) / 1e6)
    return found


def gap_lines(found, goals):
    """A table, a line a kind of fault."""
    if not found:
        return []
    lines = ["write gaps, seconds (longest of any channel from a fault's begin to 5 s after its end; faults overlap):",
             f"  {'fault':<28} {'times':>5} {'median':>7} {'max':>7} {'goal':>6}"]
    for fault in sorted(found, key=lambda f: int(f.split()[0][1:])):
        gaps = found[fault]
        goal = goals.get(fault)
        over = "  over the goal" if goal and max(gaps) > goal else ""
        lines.append(f"  {fault:<28} {len(gaps):>5} {statistics.median(gaps):>7.2f} {max(gaps):>7.2f} "
                     f"{goal if goal else '-':>6}{over}")
    return lines
