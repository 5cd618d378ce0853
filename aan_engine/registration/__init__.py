"""Registration: homographies between the proxies of a shot, to a fraction of a pixel, and how reliable they are.

May know proxies; nothing of flow, candidates or full-resolution plates.
Read in this order: `pyramid`, `photometric` (Gauss-Newton refinement), `overlap_score` (how well two frames lie on each
other), `block_matching` and `recovery` for where refinement gets lost, `proxy_images`, and `shot_registration`, which
answers for any two frames of a shot.
"""
