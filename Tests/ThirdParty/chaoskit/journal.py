"""faults.jsonl: what was done to whom and when, on the clock of the clients' history (monotonic microseconds)."""
import json
import threading
import time


def now_us():
    return time.monotonic_ns() // 1000


class Journal:
    """Appends lines from any thread and flushes each: a run that is killed keeps all but the last."""

    def __init__(self, path):
        self._file = open(path, "a", buffering=1)
        self._lock = threading.Lock()
        self.records = []

    def write(self, number, fault, target, phase, detail=None):
        """`number` tells one fault of the plan from another; a fault of several nodes has a line for each."""
        record = {"t_us": now_us(), "number": number, "fault": fault, "target": target, "phase": phase}
        if detail:
            record["detail"] = detail
        with self._lock:
            self.records.append(record)
            self._file.write(json.dumps(record) + "\n")

    def close(self):
        self._file.close()
