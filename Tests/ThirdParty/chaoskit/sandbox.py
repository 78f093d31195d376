"""Where the processes run: inside namespaces of their own where the kernel lets us make them.

Everything that a run makes there (links, firewall rules, mounts, loop devices, processes) belongs to a network, a
mount and a process namespace, so the kernel takes it away when the run ends, however it ends. What does not live in a
namespace, the working folder and the control groups, is swept by the outer process and again at the next start."""
import ctypes
import functools
import os
import re
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

PREFIX = "roost-chaos-"
INSIDE = "ROOST_CHAOSKIT_INSIDE"
EVIDENCE = "keep"       # a file in a working folder: the nodes' data show what went wrong and must stay
TOOLS = {"ip": "iproute2", "tc": "iproute2", "nft": "nftables", "unshare": "util-linux", "nsenter": "util-linux"}
CGROUPS = Path("/sys/fs/cgroup")


class CanNotRun(Exception):
    """This machine does not let us do what was asked; the text says what is missing."""


FLAGS = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]


@functools.cache
def _flags():
    """The flags of unshare that work for us, or what it said about the last that did not."""
    for flags in (FLAGS, ["--map-root-user", *FLAGS]):
        # Anyone may be root of a user namespace of his own, where the administrator allows those.
        said = _trial(flags)
        if said is None:
            return flags, None
    return None, said


def missing():
    """Why there can be no namespaces here, or None. A try is the only honest probe."""
    absent = [f"{tool} ({package})" for tool, package in TOOLS.items() if not shutil.which(tool)]
    if absent:
        return f"not installed: {', '.join(absent)}; scripts/setup --tests installs them"
    _, said = _flags()
    if said is not None:
        return f"the kernel refuses namespaces to this user (CAP_SYS_ADMIN and CAP_NET_ADMIN are needed): {said}"
    return None


def _trial(flags):
    """What a try at everything that has to work said, or None: a private mount, a link, a firewall rule."""
    script = ("mount --make-rprivate / && ip link set lo up && ip link add trial0 type veth peer name trial1 && "
              "nft 'add table inet t; add chain inet t c { type filter hook input priority 0; }'")
    done = subprocess.run(["unshare", *flags, "sh", "-c", script], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=20)
    return None if done.returncode == 0 else done.stderr.strip() or f"status {done.returncode}"


def is_inside():
    return os.environ.get(INSIDE) == "1"


def run_inside(argv, work, keep=False):
    """Runs the inner half of a run in fresh namespaces and returns its exit status. Signals that end a program are
    passed on to it, and it gets the time to write its verdict."""
    inner = subprocess.Popen(["unshare", *_flags()[0], *argv], env={**os.environ, INSIDE: "1"},
                             start_new_session=True, preexec_fn=_die_with_parent)

    def forward(number, _frame):
        for child in _children(inner.pid):
            os.kill(child, number)

    old = {n: signal.signal(n, forward) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        return inner.wait()
    finally:
        if inner.poll() is None:
            inner.kill()
            inner.wait()
        for number, handler in old.items():
            signal.signal(number, handler)
        remove(work, keep or (Path(work) / EVIDENCE).exists())


def _die_with_parent():
    # PR_SET_PDEATHSIG: where the outer process is killed, nobody is left to end the inner one.
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def _children(pid):
    try:
        return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def make_work_folder():
    """A working folder whose name says whose it is, after sweeping those that nobody owns any more."""
    sweep()
    return Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))


def sweep():
    """Removes what runs that were killed have left: folders and control groups named after a process that is gone."""
    places = list(Path(tempfile.gettempdir()).glob(PREFIX + "*"))
    places += [p for root in cgroup_roots() for p in root.glob(PREFIX + "*")]
    for place in places:
        owner = re.match(re.escape(PREFIX) + r"(\d+)-", place.name)
        if owner and not Path(f"/proc/{owner[1]}").exists():
            remove(place, keep=(place / EVIDENCE).exists())


def cgroup_roots():
    """Where control groups can be made: the hierarchies of version 1, or the one of version 2."""
    return [r for r in (CGROUPS / "cpu", CGROUPS / "memory", CGROUPS) if (r / "cgroup.procs").exists()]


def remove(folder, keep=False):
    """Takes a working folder away unless it is to be kept, and the control groups of the same name, which are empty by
    now."""
    folder = Path(folder)
    for root in cgroup_roots():
        for group in sorted((root / folder.name).glob("**/"), reverse=True):
            try:
                group.rmdir()
            except OSError as error:
                print(f"chaos: {group} stays behind: {error.strerror}", flush=True)
    if CGROUPS not in folder.parents and not keep:
        shutil.rmtree(folder, ignore_errors=True)


def settle_in():
    """The first thing inside: mounts that nobody outside sees, a place for names of namespaces, loopback up."""
    run("mount", "--make-rprivate", "/")
    names = Path("/run/netns")
    run("mount", "-t", "tmpfs", "chaos", str(names if names.is_dir() else names.parent))
    names.mkdir(exist_ok=True)
    run("ip", "link", "set", "lo", "up")


def run(*argv, text=None):
    """Runs a tool of the system; its failure is ours, with what it said."""
    done = subprocess.run(argv, input=text, capture_output=True, text=True, timeout=60,
                          stdin=subprocess.DEVNULL if text is None else None)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(argv)}: {done.stderr.strip() or done.returncode}")
    return done.stdout
