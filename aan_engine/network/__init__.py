"""Network: the trained parts of the Align-and-Attend Network (arXiv 1905.13066) and their shipped weights.

May know torch and the core; nothing of shots, plates or candidates: tensors in, tensors out.
Read in this order: `blocks`, `homography` (section 3.1), `align`, `attend`, `flow` and `inpainter` (sections 3.2 and
3.3), `chooser` (one softmax over all candidates), `weights` (files, digests, model cards), `bundle` (all of them on one
device).
"""
