"""The panel, drawn onto a strict stand-in for a layout: every control, button and line is one that Blender has."""

import unittest
from dataclasses import replace

import bpy

from studio import ADDON, InAStudio, JobPhase, compat, saved_state, timer
from studio import sys as python

panel = python.modules[f"{ADDON}.panel"]
status_text = python.modules[f"{ADDON}.status_text"]
properties = python.modules[f"{ADDON}.properties"]
engine_monitor = python.modules[f"{ADDON}.plugin_host.engine_monitor"]
protocol = python.modules[f"{ADDON}.plugin_host.protocol"]
job_status = python.modules[f"{ADDON}.plugin_host.job_status"]
job_handle = python.modules[f"{ADDON}.plugin_host.job_handle"]
controls = python.modules[f"{ADDON}.plugin_host.controls"]

ICONS = set(bpy.types.UILayout.bl_rna.functions["label"].parameters["icon"].enum_items.keys())


class Layout:
    """Notes what is drawn, and refuses what Blender would not draw."""

    def __init__(self):
        self.notes = []

    def __setattr__(self, name, value):
        if name not in ("notes", "scale_y", "use_property_split", "use_property_decorate"):
            raise AssertionError(f"a layout has no {name} that the panel needs")
        super().__setattr__(name, value)

    def row(self, align=False):
        return self

    def column(self, align=False):
        return self

    def box(self):
        return self

    def grid_flow(self, columns=0, align=False):
        return self

    def label(self, *, text, icon="NONE"):
        assert icon in ICONS, icon
        self.notes.append(text)

    def prop(self, data, name):
        assert name in data.bl_rna.properties, name
        self.notes.append(data.bl_rna.properties[name].name)

    def prop_search(self, data, name, source, collection):
        assert name in data.bl_rna.properties, name
        assert collection in source.bl_rna.properties, collection
        self.notes.append(data.bl_rna.properties[name].name)

    def progress(self, *, factor, text):
        assert 0 <= factor <= 1, factor
        self.notes.append(text)

    def operator(self, name, *, text=None, icon="NONE"):
        assert icon in ICONS, icon
        label = getattr(bpy.ops.aan, name.partition(".")[2]).get_rna_type().name
        self.notes.append(f"[{label if text is None else text}]")
        return type("Settings", (), {})()


class Context:
    """As much of Blender's context as a panel may look at."""

    def __init__(self, scene):
        self.scene = scene
        if hasattr(bpy.context, "sequencer_scene"):
            self.sequencer_scene = scene


class Drawing(InAStudio):
    def setUp(self):
        super().setUp()
        self.source = self.image_strip(self.plates(3), start=11)

    def drawn(self, kind="AAN_PT_strip"):
        fake = type("Drawn", (), {"layout": Layout()})()
        getattr(panel, kind).draw(fake, Context(self.scene))
        return fake.layout.notes

    def kept(self, **told):
        handle = job_handle.JobHandle(protocol.JobSpec("/p.####.exr", "/m.exr"), "/o.####.exr", "job-1")
        return saved_state.SavedState(handle, (1001, 1002, 1003), 0, **told)

    def test_every_control_is_there_in_the_words_of_the_command_line(self):
        self.source.aan.matte_kind = "FILES"
        shown = [*self.drawn(), *self.drawn("AAN_PT_rare")]
        for control in controls.CONTROLS:
            if control.name not in ("write", "plate_first"):
                self.assertIn(control.label, shown)
        self.assertNotIn("Movie begins at", shown, "pictures have numbers of their own")
        self.assertNotIn("Seed", self.drawn(), "rare ones are folded away")
        self.assertIn("Seed", self.drawn("AAN_PT_rare"))

    def test_the_help_is_the_command_line_s_too(self):
        for control in properties.SHOWN_CONTROLS:
            said = self.source.aan.bl_rna.properties[control.name].description
            self.assertTrue(said.startswith(control.help.rstrip(".")), said)

    def test_each_kind_of_matte_asks_for_what_it_needs(self):
        for kind, asked in (("MASK", "Mask"), ("STRIP", "Strip"), ("FILES", "Files")):
            self.source.aan.matte_kind = kind
            self.assertIn(asked, self.drawn())

    def test_what_means_nothing_for_a_matte_is_not_shown(self):
        levels = {"Channel", "Invert matte", "Matte black", "Matte white"}
        numbering = {"Missing mattes", "Matte offset"}
        strip = self.strips.new_mask(name="over", mask=self.mask(), channel=2, frame_start=11)
        self.source.aan.matte_strip = strip.name
        for kind, hidden in (
            *(("FILES", set()), ("ALPHA", numbering)),
            *(("MASK", levels | numbering), ("STRIP", levels | numbering)),
        ):
            self.source.aan.matte_kind = kind
            shown = set(self.drawn("AAN_PT_rare"))
            self.assertEqual((levels | numbering) - shown, hidden, kind)
            self.assertIn("Matte floor", shown)
        self.source.aan.matte_strip = self.image_strip(self.plates(3, name="above"), channel=3, start=11).name
        self.scene.sequence_editor.active_strip = self.source
        self.assertEqual((levels | numbering) - set(self.drawn("AAN_PT_rare")), numbering)

    def test_the_buttons_are_preview_and_clean_until_it_runs(self):
        self.assertLess({"[Preview Frame]", "[Clean]"}, set(self.drawn()))
        self.assertNotIn("[Cancel]", self.drawn())

    def test_without_a_strip_it_says_what_to_do(self):
        self.scene.sequence_editor.active_strip = None
        self.assertEqual(self.drawn(), ["Select the strip to be cleaned."])
        self.assertFalse(panel.AAN_PT_rare.poll(Context(self.scene)))

    def test_without_a_timeline_nothing_breaks(self):
        self.scene.sequence_editor_clear()
        self.drawn()
        self.drawn("AAN_PT_engine")

    def test_after_a_job_the_worst_frames_are_buttons_that_jump_there(self):
        told = {"unseen": 0.125, "worst": (1003, 1001), "report": "/o.report.json"}
        self.source.aan.record = self.kept(phase=JobPhase.FINISHED.name, **told).to_text()
        drawn = self.drawn()
        self.assertIn("12.5% of it no frame showed: synthesised", drawn)
        self.assertLess({"[13]", "[11]", "[Open Report]"}, set(drawn))
        bpy.ops.aan.jump(frame=13)
        self.assertEqual(compat.scene_of(bpy.context).frame_current, 13)

    def test_what_was_understood_and_what_seems_wrong_is_told_in_every_session(self):
        told = {"inputs": "3 frames 1001-1003", "warnings": ("the matte hides nothing",)}
        status = job_status.JobStatus(JobPhase.RUNNING, **told)
        words = [*told["inputs"].split("; "), "Warning: the matte hides nothing"]
        for phase in (JobPhase.RUNNING, JobPhase.CANCELLED, JobPhase.FINISHED):
            lines = [line.text for line in status_text.job_lines(replace(status, phase=phase))]
            self.assertLess(set(words), set(lines), phase)
        self.source.aan.record = self.kept(phase=JobPhase.FINISHED.name, **told).to_text()
        self.assertLess(set(words), set(self.drawn()))

    def test_a_matte_that_turned_out_too_tight_names_the_control_that_cures_it(self):
        status = job_status.JobStatus(JobPhase.FINISHED, residue=3, grow=4.0)
        text = " ".join(line.text for line in status_text.job_lines(status))
        self.assertIn("Warning: the object seems to reach 3 pixels beyond the matte: Grow matte 4", text)

    def test_where_no_frame_stands_out_that_is_said(self):
        self.source.aan.record = self.kept(phase=JobPhase.FINISHED.name, report="/o.report.json").to_text()
        drawn = self.drawn()
        self.assertIn("No frame stands out.", drawn)
        self.assertNotIn("Look at first:", drawn)

    def test_a_job_that_runs_shows_its_bar_and_can_be_cancelled(self):
        class Running:
            status = job_status.JobStatus(JobPhase.RUNNING, stage="fill", frames=(1001,), total=3, seconds_left=95)
            note = note_hint = ""
            abandoned, title, state, uid = False, "plate", self.kept(), "u"

        self.source.aan.uid = "u"
        timer._jobs["u"] = Running
        self.addCleanup(timer._jobs.clear)
        drawn = self.drawn()
        self.assertIn("1 of 3 frames, 1:35 left", drawn)
        self.assertIn("[Cancel]", drawn)
        self.assertNotIn("[Clean]", drawn)
        self.scene.sequence_editor.active_strip = None
        elsewhere = self.drawn("AAN_PT_engine")
        self.assertIn("1 of 3 frames, 1:35 left", elsewhere)


class Words(unittest.TestCase):
    def test_every_state_of_the_engine_has_a_line_and_every_reason_is_whole(self):
        reason = "the engine ended while starting (exit code 1); its last words: no weights in the house"
        for presence in engine_monitor.Presence:
            lines = status_text.engine_lines(engine_monitor.EngineState(presence, reason, "Look at its log."))
            self.assertIn(lines[0].icon, ICONS)
            if presence in (
                engine_monitor.Presence.FAILED,
                engine_monitor.Presence.LOST,
                engine_monitor.Presence.REFUSED,
            ):
                self.assertEqual(" ".join(line.text for line in lines[1:]), f"{reason} Look at its log.")

    def test_every_phase_has_a_line_and_is_a_state_to_rest_in_or_has_a_bar(self):
        for phase in JobPhase:
            status = job_status.JobStatus(phase, "the reason", "the hint", total=4)
            lines = status_text.job_lines(status)
            self.assertIn(lines[0].icon, ICONS)
            self.assertIn("the reason", [line.text for line in lines])
            self.assertEqual(status_text.progress_bar(status) is not None, phase in job_status.ACTIVE_PHASES)

    def test_time_left_is_as_people_say_it(self):
        self.assertEqual([status_text.time_left(s) for s in (7, 95, 3725)], ["0:07 left", "1:35 left", "1:02:05 left"])

    def test_a_path_is_never_broken(self):
        path = "/a/very/long/folder/" + "x" * 80
        status = job_status.JobStatus(JobPhase.FAILED, f"lost {path} twice")
        self.assertIn(path, [line.text for line in status_text.job_lines(status)])


if __name__ == "__main__":
    unittest.main()
