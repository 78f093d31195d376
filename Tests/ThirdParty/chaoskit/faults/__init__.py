"""All faults by their number. F20, a webhook receiver that is down, waits for outgoing webhooks."""
from .base import Fault, Skip
from .clock import Clock
from .disk import Error, Failpoint, Full, PowerLoss, Stall
from .files import Corrupt
from .membership import Membership
from .network import HalfPartition, Loss, Partition, Reset, Slow
from .process import Files, Kill, KillMany, Memory, Starve, Stop

FAULTS = {f.id: f for f in (
    Kill, KillMany, PowerLoss, Stop, Partition, HalfPartition, Reset, Loss, Slow, Starve, Stall, Full, Error, Corrupt,
    Clock, Membership, Memory, Files, Failpoint)}

__all__ = ["FAULTS", "Fault", "Skip"]
