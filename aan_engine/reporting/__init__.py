"""Reporting: what a job's report says of each frame, as JSON and as one page of pictures.

May know filled frames by what they show; nothing of how they came about.
Read in this order: `report` (rows, summary, the files on disk), `page` (the drawing).
"""
