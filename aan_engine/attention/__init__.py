"""Attention: what no frame shows, found by what looks alike: patches in space and time, one plate coordinate a pixel.

The refinement stage of arXiv 1905.13066. May know motion, registration and proxies; nothing of candidates or networks.
Read in this order: `patch_level` (patches matched on one level of a pyramid), `patch_search` (from coarse to fine),
`source_map` (the coordinates of one frame), `survey` (which frames to fill), `carry` (a source map taken to another
frame) and `join` (copies brought to the light of their place, seams closed).
"""
