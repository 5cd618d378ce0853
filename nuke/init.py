"""Runs wherever Nuke starts, also without interface. Makes nothing but one registration, and never stops Nuke."""

try:
    import nuke

    if not nuke.GUI:

        def _aan_script_loaded():
            import aan_nuke.farm

            aan_nuke.farm.script_loaded()

        nuke.addOnScriptLoad(_aan_script_loaded)
except Exception:
    import traceback

    traceback.print_exc()
