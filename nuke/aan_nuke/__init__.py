"""Align & Attend in Nuke: everything behind the node, thin, on Python 3.9 and up.

Importing the package opens no socket, writes no file and loads no pyzmq: that waits until a shot is to be cleaned.
The host half of Align & Attend is found as `aan_nuke.host`, see there.
"""

VERSION = "0.1.0"
