"""Core: geometry, sampling, filters and small tools that every other package builds on.

May know numpy, OpenCV and torch; nothing of shots, files, colour or networks.
Read in this order: `types`, `frame`, `box`, `proxy_scale`, `homography` and its batched torch counterpart `projective`,
`sampling`, `filters`, `robust` (weights and Gauss-Newton), then `grouping` (pixels by source frame), `pooling`,
`harmonic` (smooth fill of holes), `screened_poisson` (steps closed), `lru`, `prefetch`, `temporary_name`, and
`stages`, which runs the pipeline's stages side by side.
"""
