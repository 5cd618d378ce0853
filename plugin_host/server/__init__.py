"""The engine half: the persistent process that hosts talk to. Never shipped into a host."""
