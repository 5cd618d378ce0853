"""Selection: the networks at work on one target's proxy; which candidate fills each hidden pixel, and by how much.

May know candidates, motion and networks; no plate at full resolution is touched here.
Read in this order: `plan` (the values on the way from candidates to a fill plan), `selector`, `chooser_weights` (the
chooser put to use), `feature_cache` (encoded frames, the learned homography), `texture_fill` (what no frame shows: key
frames, carried), `light_match` (a source's light brought to the target's), `poisson` (joining in the gradient domain),
`temporal_prior` (leaning on the previous target's weights) and `preference` (clean plates and frames painted by hand).
"""
