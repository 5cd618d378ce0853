"""The Align-and-Attend network (arXiv 1905.13066): pure functions of tensors, one file a pathway."""
