"""Reporting: what a job's report says of each frame, as JSON and as one page of pictures.

May know the figures and the picture of a filled frame; nothing of how it was filled.
Read in this order: `report` (rows, summary, the files on disk), `page` (the drawing).
"""
