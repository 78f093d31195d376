"""Control groups that hold a node's CPU or memory down; version 1 or 2, whichever the machine has."""
from .sandbox import CGROUPS


def missing(controller):
    """Why the controller ("cpu" or "memory") cannot be used here, or None."""
    if (CGROUPS / controller / "cgroup.procs").exists():
        root = CGROUPS / controller
    elif controller in _controllers():
        root = CGROUPS
    else:
        return f"no control group controller '{controller}'"
    trial = root / "roost-chaos-0-trial"
    try:
        trial.mkdir()
        trial.rmdir()
        return None
    except OSError as error:
        return f"control groups: {error.strerror}"


def _controllers():
    try:
        return (CGROUPS / "cgroup.subtree_control").read_text().split()
    except OSError:
        return []


class Group:
    """One node's group of one controller. Made on first use, emptied and removed by `close`."""

    def __init__(self, controller, run_name, node_name):
        self.first = (CGROUPS / controller / "cgroup.procs").exists()
        self.root = CGROUPS / controller if self.first else CGROUPS
        self.folder = self.root / run_name / f"{node_name}-{controller}"
        self.folder.parent.mkdir(exist_ok=True)
        if not self.first:
            (self.folder.parent / "cgroup.subtree_control").write_text(f"+{controller}")
        self.folder.mkdir(exist_ok=True)

    def hold(self, pid):
        (self.folder / "cgroup.procs").write_text(str(pid))

    def cpu_percent(self, percent):
        """So much of one CPU; None lifts the limit."""
        if self.first:
            self._write("cpu.cfs_period_us", 100_000)
            self._write("cpu.cfs_quota_us", -1 if percent is None else percent * 1000)
        else:
            self._write("cpu.max", "max 100000" if percent is None else f"{percent * 1000} 100000")

    def memory_bytes(self, size):
        self._write("memory.limit_in_bytes" if self.first else "memory.max",
                    (-1 if self.first else "max") if size is None else size)

    def memory_peak(self):
        name = "memory.max_usage_in_bytes" if self.first else "memory.peak"
        return int((self.folder / name).read_text())

    def _write(self, name, value):
        (self.folder / name).write_text(str(value))

    def close(self):
        # Processes move up to the root; a group with members cannot be removed.
        for pid in (self.folder / "cgroup.procs").read_text().split():
            try:
                (self.root / "cgroup.procs").write_text(pid)
            except ProcessLookupError:
                continue    # It has ended meanwhile, and is in no group.
        self.folder.rmdir()
