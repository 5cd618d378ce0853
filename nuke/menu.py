"""Runs where Nuke starts with its interface: an entry in the node menu. Whatever goes wrong here, Nuke starts."""

try:
    import nuke

    nuke.menu("Nodes").addMenu("Align & Attend").addCommand("AlignAttend", "nuke.createNode('AlignAttend')")
except Exception:
    import traceback

    traceback.print_exc()
