"""Training of the network: the data it learns from, the losses, the loops."""
