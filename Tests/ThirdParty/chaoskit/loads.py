"""The load of a run, by name; all have the same few methods."""
from .own_load import OwnLoad


def make_load(options, world, out, seconds):
    return OwnLoad(world, out, channels=min(options.channels, 8), senders=options.clients, rate=options.rate or 150.0,
                   seed=options.seed)
