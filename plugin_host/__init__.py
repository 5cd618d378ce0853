"""What a host needs to talk to the engine: standard library and pyzmq only, Python 3.9 and up.

The files beside this one travel into Nuke and Blender, so they import each other relatively and nothing else of ours;
the folder `server/` is the engine's own half and stays behind.
"""
