"""F14: bytes of a stopped node's files go bad. What a disk does over years, done to one node at a time."""
import random

from .base import Fault, running

BLOCK = 4096


class Corrupt(Fault):
    id, name = "F14", "files damaged"
    about = "bits flipped, files cut short, blocks swapped or zeroed in the log, the projections or the identity"
    destroys = True
    seconds = (1.0, 4.0)

    @classmethod
    def draw(cls, rng, names):
        what = rng.choice(["log", "log", "log", "sqlite", "sqlite", "identity"])
        how = rng.choice(["flip", "flip", "truncate", "zero", "swap"])
        return {"target": rng.choice(names), "what": what, "how": how, "seed": rng.getrandbits(32)}

    def begin(self, world, nodes):
        node = running(nodes)[0]
        node.halt()
        return damage(node.data, self.params["what"], self.params["how"], random.Random(self.params["seed"]))

    def end(self, world, nodes):
        node = nodes[0]
        refusal = []

        def refused(status):
            # It may refuse what it can not trust, by name. Then an operator gives it an empty disk, as the runbook says.
            refusal.append(status)
            if status < 0:
                return False
            node.wipe()
            return True

        self.excuse(node, refused)
        node.start()
        ailment = world.wait_whole(90, quiet=True)
        if ailment:
            world.find(f"90 s after {node.name}'s files were damaged: {ailment}")
        return f"refused with status {refusal[0]}, wiped, whole again" if refusal else "started, whole again"


def damage(data, what, how, rng):
    """Damages one file of a stopped node. Returns what was done, for the journal."""
    if what == "log":
        # Spares are all zeros and nobody reads them: what counts are the segments with content.
        files = [p for p in sorted((data / "wal").glob("*.wal")) if _begins(p)]
    elif what == "sqlite":
        files = sorted(p for p in data.rglob("*.sqlite*") if p.suffix in (".sqlite", ".sqlite-wal") and _begins(p))
    else:
        files = [data / "identity"]
    # Where there is more there is more to lose.
    sizes = [used(p) for p in files]
    path = rng.choices(files, sizes)[0]
    size = used(path)
    with open(path, "r+b") as file:
        if how == "truncate":
            at = rng.randrange(size)
            file.truncate(at)
            return f"{path.name} cut at byte {at} of {size}"
        if how == "flip":
            places = sorted(rng.sample(range(size), min(size, rng.choice([1, 1, 3, 20]))))
            for at in places:
                file.seek(at)
                byte = file.read(1)[0]
                file.seek(at)
                file.write(bytes([byte ^ 1 << rng.randrange(8)]))
            return f"{path.name}: {len(places)} bits flipped, the first at byte {places[0]} of {size}"
        blocks = max(1, size // BLOCK)
        one, other = rng.randrange(blocks) * BLOCK, rng.randrange(blocks) * BLOCK
        if how == "zero" or one == other:
            file.seek(one)
            file.write(bytes(min(BLOCK, size - one)))
            return f"{path.name}: block at byte {one} of {size} zeroed"
        file.seek(one)
        first = file.read(BLOCK)
        file.seek(other)
        second = file.read(BLOCK)
        file.seek(one)
        file.write(second)
        file.seek(other)
        file.write(first)
        return f"{path.name}: blocks at bytes {one} and {other} of {size} swapped"


def _begins(path):
    with open(path, "rb") as file:
        return any(file.read(BLOCK))


def used(path):
    """The length without the zeros at the end: a log's segment is made at full length."""
    end = path.stat().st_size
    with open(path, "rb") as file:
        while end > 0:
            begin = max(0, end - (1 << 20))
            file.seek(begin)
            piece = file.read(end - begin).rstrip(b"\0")
            if piece:
                return begin + len(piece)
            end = begin
    return path.stat().st_size
