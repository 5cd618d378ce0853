"""Rendering: a fill plan carried out at full resolution, by copying scene-linear plate pixels.

May know plans, plates, motion and grain; the networks have decided already.
Read in this order: `finisher` (the list of stages, and who runs them); `fill_buffer` and `target`, which every stage is
given, with `sources` (the shot's other frames). Then the stages: `warp` with `plate_sampler`, and the services that it
asks: `edge_alignment` with `affine_refine` and `tile_cache`, and `defocus`. `regrain` with `second_sample`, and
`static_camera`, see to grain, by the plate's own (`plate_grain`). Last `filled_frame` (the composite) and `aovs`.
"""
