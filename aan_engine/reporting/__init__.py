"""Reporting: what a job's report says of each frame, as JSON and as one page of pictures.

May know the figures and the picture of a filled frame, and where it comes from; nothing of how it was filled.
Read in this order: `rows` (the figures of each frame and of all), `stored` (the file, which several runs write in turn:
`folder_lock`), `report` (the rows of a run, as it goes), `contents` (what the page says), `page` (the drawing) and
`thumbnails`.
"""
