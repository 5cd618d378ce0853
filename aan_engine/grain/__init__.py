"""Grain: a plate's noise as a model, estimated on the plate, synthesised anew, and removed where it must not stay.

May know arrays and the log range; nothing of shots or files.
Read in this order: `model` (white noise under a Gaussian, and what resampling leaves of it), `estimate` (strength and
size from smooth blocks), `denoise` (DCT shrinkage, then an empirical Wiener filter, against that model).
"""
