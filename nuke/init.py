"""Nuke runs this at every start. Registers one callback in terminal mode; an error here never stops Nuke."""

try:
    import nuke

    if not nuke.GUI:

        def _aan_script_loaded() -> None:
            import aan_nuke.farm

            aan_nuke.farm.script_loaded()

        nuke.addOnScriptLoad(_aan_script_loaded)
except Exception:
    import traceback

    traceback.print_exc()
