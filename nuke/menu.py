"""Nuke runs this when it starts with its interface. Adds one menu entry; an error here never stops Nuke."""

try:
    import nuke

    nuke.menu("Nodes").addMenu("Align & Attend").addCommand("AlignAttend", "nuke.createNode('AlignAttend')")
except Exception:
    import traceback

    traceback.print_exc()
