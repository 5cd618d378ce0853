"""Rendering: a fill plan carried out at full resolution, by copying scene-linear plate pixels.

May know plans, plates, motion and grain; the networks have had their say already.
Read in this order: `fill_buffer` (what every stage reads and writes), `finisher` (the stages in their order), `warp`
with `plate_sampler`; `edge_alignment` with `affine_refine` and `tile_cache`; `defocus`; `static_camera`,
`second_sample` and `regrain` against grain that stands still; `filled_frame` (the composite) and `aovs`.
"""
