"""Runs wherever Nuke starts, also without interface. Makes nothing but one registration, and never stops Nuke."""

try:
    import nuke

    if not nuke.GUI:

        def _aan_opened():
            import aan_nuke.farm

            aan_nuke.farm.opened()

        nuke.addOnScriptLoad(_aan_opened)
except Exception:
    import traceback

    traceback.print_exc()
