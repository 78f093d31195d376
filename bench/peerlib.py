"""Shared parts of the peer measurements: installing, starting and stopping servers,
probing the disk, and taking the median of runs. Standard library only."""
import json, os, shutil, signal, socket, statistics, subprocess, sys, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))
BASE = os.environ.get("PEERS_DIR", os.path.join(tempfile.gettempdir(), "peers"))
VENV = os.path.join(BASE, "venv")


def log(*a):
    print(*a, file=sys.stderr, flush=True)


def need_deb(*pkgs):
    """Installs the Debian packages that are missing."""
    miss = [p for p in pkgs if subprocess.run(["dpkg-query", "-W", "-f=${Status}", p], capture_output=True,
                                              text=True).stdout != "install ok installed"]
    if miss:
        env = dict(os.environ, DEBIAN_FRONTEND="noninteractive", RUNLEVEL="1")
        subprocess.run(["apt-get", "install", "-y", "--no-install-recommends", *miss], check=True,
                       stdout=subprocess.DEVNULL, env=env)


def deb_version(pkg):
    return subprocess.run(["dpkg-query", "-W", "-f=${Version}", pkg], capture_output=True, text=True).stdout


def need_pip(*pkgs, venv=VENV):
    """Installs the PyPI packages that are missing into a virtual environment."""
    py = os.path.join(venv, "bin", "python")
    if not os.path.exists(py):
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    have = {l.split("==")[0].lower() for l in subprocess.run([py, "-m", "pip", "freeze"], capture_output=True,
                                                            text=True).stdout.splitlines()}
    miss = [p for p in pkgs if p.split("==")[0].lower() not in have]
    if miss:
        subprocess.run([py, "-m", "pip", "install", "-q", *miss], check=True, stdout=sys.stderr)
    return os.path.join(venv, "bin")


def need_tool(name, libs=()):
    """Compiles bench/NAME.c when the binary is older than the sources."""
    src, out = os.path.join(HERE, name + ".c"), os.path.join(BASE, "bin", name)
    os.makedirs(os.path.dirname(out), exist_ok=True)
    deps = [src, os.path.join(HERE, "loadutil.h")]
    if not os.path.exists(out) or any(os.path.getmtime(d) > os.path.getmtime(out) for d in deps if os.path.exists(d)):
        subprocess.run(["cc", "-O2", "-Wall", "-o", out, src, *("-l" + l for l in libs)], check=True)
    return out


class Procs:
    """The server processes this script started; ended by pid when it leaves."""

    def __init__(self, name):
        self.dir = os.path.join(BASE, "run", name)
        shutil.rmtree(self.dir, ignore_errors=True)
        os.makedirs(self.dir)
        self.p = {}

    def start(self, name, argv, **kw):
        out = open(os.path.join(self.dir, name + ".log"), "ab")
        self.p[name] = subprocess.Popen(argv, stdout=out, stderr=out, stdin=subprocess.DEVNULL,
                                        start_new_session=True, **kw)
        return self.p[name]

    def pids(self, tree=False):
        r = [p.pid for p in self.p.values() if p.poll() is None]
        return sum(([x] + (descendants(x) if tree else []) for x in r), [])

    def stop(self):
        for p in self.p.values():
            if p.poll() is None:
                p.terminate()
        for p in self.p.values():
            try:
                p.wait(10)
            except subprocess.TimeoutExpired:
                p.kill()
                p.wait()

    def __enter__(self):
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
        return self

    def __exit__(self, *a):
        self.stop()


def descendants(pid):
    r = []
    try:
        for t in os.listdir(f"/proc/{pid}/task"):
            for c in open(f"/proc/{pid}/task/{t}/children").read().split():
                r += [int(c)] + descendants(int(c))
    except OSError:
        pass
    return r


def wait_port(port, host="127.0.0.1", timeout=30):
    end = time.time() + timeout
    while time.time() < end:
        try:
            socket.create_connection((host, port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise SystemExit(f"nothing listens on {host}:{port}")


def reset_hwm(pids):
    for p in pids:
        try:
            open(f"/proc/{p}/clear_refs", "w").write("5")
        except OSError:
            pass


def rss_kb(pids, key="VmRSS"):
    t = 0
    for p in pids:
        try:
            for l in open(f"/proc/{p}/status"):
                if l.startswith(key + ":"):
                    t += int(l.split()[1])
        except OSError:
            pass
    return t


def cpu_s(pids):
    t, hz = 0, os.sysconf("SC_CLK_TCK")
    for p in pids:
        try:
            f = open(f"/proc/{p}/stat").read().rsplit(")", 1)[1].split()
            t += int(f[11]) + int(f[12])
        except OSError:
            pass
    return t / hz


def fsync_us(path=None, n=300):
    """Median microseconds of a 4 KiB append and fdatasync, for context of the durable runs."""
    path = os.path.join(path or BASE, "fsync.probe")
    f = os.open(path, os.O_CREAT | os.O_RDWR | os.O_TRUNC)
    l = []
    for _ in range(n):
        t = time.perf_counter()
        os.write(f, b"x" * 4096)
        os.fdatasync(f)
        l.append(time.perf_counter() - t)
    os.close(f)
    os.unlink(path)
    l.sort()
    return {"p50": round(l[n // 2] * 1e6), "p99": round(l[n * 99 // 100] * 1e6)}


def tool(argv, timeout=120):
    """Runs a load client and returns its JSON line."""
    r = subprocess.run([str(a) for a in argv], stdout=subprocess.PIPE, text=True, timeout=timeout)
    if r.returncode or not r.stdout.strip():
        raise RuntimeError(f"{argv[0]} exited {r.returncode}")
    return json.loads(r.stdout.strip().splitlines()[-1])


def median(runs):
    """Field-wise median of equal-shaped JSON objects, plus the spread of numeric top-level fields."""
    def med(vals):
        v = vals[0]
        if isinstance(v, dict):
            return {k: med([x[k] for x in vals if k in x]) for k in v}
        if isinstance(v, bool) or not isinstance(v, (int, float)):
            return v
        return statistics.median(vals)
    return med(runs)


def spread(runs, *keys):
    """min..max of chosen fields over the runs."""
    return {k: [min(r[k] for r in runs), max(r[k] for r in runs)] for k in keys if k in runs[0]}


def moderate_rate(members, max_msgs_per_s):
    """The common latency rate: 10,000 deliveries/s (at least 5 messages/s), or half of what was sustained."""
    return round(max(0.1, min(max(5, 10000 / members), max_msgs_per_s / 2)), 2)
