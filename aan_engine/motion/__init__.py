"""Motion: dense displacement between neighbouring frames, and hidden pixels tracked until they come into view.

May know registration and proxies; nothing of candidates or networks.
Read in this order: `flow_field` (homography plus residual optical flow), `foreground` (what moves against the camera,
extended into the hole), `tracks`, and `shot_motion`, which remembers the motions near the current target.
"""
