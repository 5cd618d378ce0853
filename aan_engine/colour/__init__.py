"""Colour: what pixel values mean as light, and how light changed between two frames.

May know OpenColorIO and arrays; nothing of files, mattes or networks.
Read in this order: `log_encoding`, the range of values in which frames are compared; `ocio` and `encoding`, camera
spaces to scene-linear and back; `exposure`, the change of light between two frames; `display`, scene-linear to sRGB for
people.
"""
