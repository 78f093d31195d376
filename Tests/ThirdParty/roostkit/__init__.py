"""What the independent checks and the demonstration share: nodes as processes, and a client that is not ours."""
