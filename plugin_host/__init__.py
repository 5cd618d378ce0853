"""The host half: what a host application (Nuke, Blender, a terminal) needs to talk to the engine.

These modules are copied into Nuke and Blender under other names. So they import each other relatively, use the standard
library and pyzmq only, and run on Python 3.9 and up. The engine's own half is the package `server`; it is not copied.
Reading order: protocol, wire, connection_file, engine_socket, client, launch, engine_monitor, host_job.
"""
