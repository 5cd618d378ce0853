"""Grain: a plate's noise as a model, measured on the plate, synthesised anew, and removed where it must not stay.

May know arrays and the log range; nothing of shots or files.
Read in this order: `model` (white noise under a Gaussian, and what resampling leaves of it), `estimate` (strength and
size from smooth places), `denoise` (DCT shrinkage against that model).
"""
