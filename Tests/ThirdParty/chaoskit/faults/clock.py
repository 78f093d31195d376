"""F15: the wall clock jumps, strobes or runs at another rate; the monotonic clock does not."""
import threading

from .base import Fault, running


class Clock(Fault):
    id, name = "F15", "wall clock"
    about = "a node's wall clock jumps by up to a day, jumps to and fro, or runs 5 % fast or slow"
    needs = ("faketime",)
    aspect = "clock"
    seconds = (3.0, 20.0)

    @classmethod
    def draw(cls, rng, names):
        offset = rng.choice([-86400, -3600, -30, 30, 3600, 86400])
        return {"target": cls.draw_target(rng, names), "kind": rng.choice(["jump", "jump", "strobe", "rate"]),
                "offset": offset, "rate": rng.choice(["0.95", "1.05"])}

    def begin(self, world, nodes):
        node = running(nodes)[0]
        self._over = threading.Event()
        p = self.params
        if p["kind"] == "rate":
            node.clock.write_text(f"+0 x{p['rate']}\n")
            return f"rate {p['rate']}"
        node.clock.write_text(f"{p['offset']:+d}\n")
        if p["kind"] == "strobe":
            self._strobe = threading.Thread(target=self._to_and_fro, args=(node,), daemon=True)
            self._strobe.start()
        return f"{p['kind']} {p['offset']:+d} s"

    def _to_and_fro(self, node):
        away = True
        while not self._over.wait(0.2):
            away = not away
            node.clock.write_text(f"{self.params['offset'] if away else 0:+d}\n")

    def end(self, world, nodes):
        self._over.set()
        if self.params["kind"] == "strobe":
            self._strobe.join()
        nodes[0].clock.write_text("+0\n")
