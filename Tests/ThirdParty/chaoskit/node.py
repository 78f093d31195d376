"""One node of a run: its process, its disk, its log, and what is expected of it just now."""
import contextlib
import os
import resource
import shutil
import signal
import subprocess
import threading
from pathlib import Path

from roostkit.nodes import Node, binary

from . import control

HTTP_PORT = 8080
PEER_PORT = 7400
FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"


class ChaosNode(Node):
    """A `roostkit` node with an address, a namespace and a disk of its own."""

    def __init__(self, name, network, disk, log, options, key_file, clock=None):
        super().__init__(disk.folder, name, HTTP_PORT, PEER_PORT, options, key_file=key_file)
        self.address = network.addresses[name]
        self.peer_address = network.peers[name]
        self.prefix = network.prefix(name)
        self.disk = disk
        self.log = Path(log)
        self.clock = clock          # a file for libfaketime, or None
        self.has_control = False
        self.wanted = False         # whether its process should run now
        self.excuses = []           # asked about the end of a process that was wanted; without one it is a finding
        self.known_id = None
        self.lock = threading.RLock()

    http = property(lambda self: f"http://{self.address}:{self.http_port}")
    ws = property(lambda self: f"ws://{self.address}:{self.http_port}/ws")
    peer = property(lambda self: f"{self.peer_address}:{self.peer_port}")
    # A Unix socket's path is short; the run's folder need not be.
    socket = property(lambda self: self.folder / "control.sock")

    def command(self):
        argv = [*self.prefix, binary(), "serve", "--data", str(self.data),
                "--listen", f"{self.address}:{self.http_port}", "--peer-listen", self.peer,
                "--seeds", ",".join(self.seeds), "--cluster-key-file", str(self.key_file)]
        return argv + self.options

    def start(self):
        with self.lock:
            assert not self.is_running(), f"{self.name} runs already"
            self.wanted = True
            self.starts += 1
            self.socket.unlink(missing_ok=True)
            environment = {k: v for k, v in os.environ.items() if not k.startswith("ROOST_")}
            environment.update(SWIFT_BACKTRACE="enable=no", **self.extra_environment())
            # Not on the node's disk: that one may be full, frozen or gone.
            self._out = self.log.with_suffix(f".out.{self.starts}")
            with open(self._out, "wb") as out, open(self.log, "ab") as log:
                log.write(f"--- start {self.starts}\n".encode())
                log.flush()
                self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=out, stderr=log,
                                                start_new_session=True, env=environment)
        return self

    def extra_environment(self):
        found = {}
        if self.has_control:
            found["ROOST_CHAOS_SOCKET"] = str(self.socket)
        if self.clock:
            # Without DONT_FAKE_MONOTONIC every timer of the program would jump along.
            found.update(LD_PRELOAD=FAKETIME, FAKETIME_TIMESTAMP_FILE=str(self.clock), DONT_FAKE_MONOTONIC="1",
                         FAKETIME_NO_CACHE="1")
        return found

    def halt(self, number=signal.SIGKILL, seconds=40):
        """Ends the process; nobody will wonder about it."""
        with self.lock:
            self.wanted = False
            if self.is_running():
                self.process.send_signal(number)
                if number == signal.SIGKILL:
                    # It may be stopped; a kill reaches it all the same. A frozen disk can hold it until the thaw.
                    self.process.wait(timeout=60)
                else:
                    self.process.wait(timeout=seconds)

    @contextlib.contextmanager
    def excused(self, excuse):
        """While this lasts, `excuse(status)` says whether the process may have ended so."""
        self.excuses.append(excuse)
        try:
            yield
        finally:
            self.excuses.remove(excuse)

    def send_signal(self, number):
        with self.lock:
            if self.is_running():
                self.process.send_signal(number)

    def control(self, line):
        # A fault may meet a node that another one's end has just started.
        return control.command(self.socket, line, patience=10)

    def wipe(self):
        """As an operator does with a lost disk: the folder goes, the address stays."""
        self.halt()
        shutil.rmtree(self.data)
        self.known_id = None

    def limit_files(self, extra):
        """Leaves room for so many more open files. Returns the limits before."""
        in_use = len(os.listdir(f"/proc/{self.pid}/fd"))
        old = resource.prlimit(self.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(self.pid, resource.RLIMIT_NOFILE, (in_use + extra, old[1]))
        return old

    def restore_files(self, limits):
        with self.lock:
            if self.is_running():
                resource.prlimit(self.pid, resource.RLIMIT_NOFILE, limits)

    def tail(self, lines=15):
        text = self.log.read_text(errors="replace").splitlines()
        return "\n".join(text[-lines:])

    def last_words(self):
        """Why the last process ended, as its log says it: the lines that are not routine, at most three."""
        text = self.log.read_text(errors="replace").rpartition("--- start")[2].splitlines()[1:]
        grave = [line for line in text[-30:] if " info " not in line and " notice " not in line]
        return "\n".join((grave or text)[-3:])
