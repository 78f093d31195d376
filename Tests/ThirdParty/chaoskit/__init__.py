"""Chaos on real processes: nodes in network namespaces with disks of their own, faults from a seeded plan, real
clients, and a verdict on what the clients saw. `scripts/chaos` is its command; docs/verification.md says what it
proves and what it does not."""
