"""Candidates: every place where a hidden pixel might be seen, proposed for the chooser to score.

May know motion, registration and proxies; nothing of networks or full-resolution plates.
Read in this order: `candidate` (the value, its kinds, the region that is worked on), `builders` (from positions on
source frames to a candidate), `references` (which distant frames are registered with a target), `generators` (all
candidates of a target, kind by kind).
"""
