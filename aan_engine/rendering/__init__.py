"""Rendering: a fill plan carried out at full resolution, by copying scene-linear plate pixels.

May know plans, plates, motion and grain; the networks have had their say already.
Read in this order: `fill_buffer` (what every stage reads and writes), `target` (what it is given beside it), `finisher`
(the stages in their order); then the stages: `warp` with `plate_sampler`, `edge_alignment` over `affine_refine` and
`tile_cache`, and `defocus`; `texture` (what no frame shows); `static_camera`, `second_sample`, `plate_grain` and
`regrain` for grain; `matte_residue` (is the matte too tight?); `sources` (the shot's other frames); `filled_frame` (the
composite), `fill_layers` (depth, normals and what else is filled along) and `aovs`.
"""
