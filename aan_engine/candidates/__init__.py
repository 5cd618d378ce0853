"""Candidates: every place where a hidden pixel might be seen, proposed for the chooser to score.

May know motion, registration and proxies; nothing of networks or full-resolution plates.
Read in this order: `candidate` (the value, its kinds, the region that is worked on), `builders` (points sent somewhere
and what is seen there), `references` (which distant frames are asked), `generators` (each pathway of the paper).
"""
