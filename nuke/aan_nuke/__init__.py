"""Align & Attend as a Nuke node: the Python behind AlignAttend.gizmo, for Nuke's Pythons from 3.9 up.

It may import nuke, the standard library and `host` (a copy of plugin_host), never the engine: that is another process.
Importing it opens no socket, writes no file and loads no pyzmq before a shot is to be solved. Read in this order:
`knobs` (what the artist sees), `callbacks` and `buttons` (what calls this package), `job_spec` with `read_files` and
`render_inputs` (from knobs to jobs), `engine_timer` and `node_job` (a job at work), `result` and `versions`.
"""

VERSION = "0.1.0"
