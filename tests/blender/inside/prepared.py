"""Jobs as they are prepared, and not yet submitted: what the checks of strips, mattes and movies share."""

import sys
from pathlib import Path

from studio import ADDON, HostError, InAStudio

job_spec = sys.modules[f"{ADDON}.job_spec"]
render_process = sys.modules[f"{ADDON}.render_process"]
sequence = sys.modules[f"{ADDON}.plugin_host.sequence"]


class InAShot(InAStudio):
    def wanted(self, strip, **options):
        job_spec.ensure_uid(self.scene, strip)
        return job_spec.prepare(self.scene, strip, **options)

    def spec(self, strip, **options):
        return self.wanted(strip, **options).state.ticket.spec

    def rendered(self, wanted):
        """Render what the job needs first."""
        work = render_process.RenderProcess(wanted.renders, wanted.render_folder)
        self.addCleanup(work.stop)
        self.tick_until(work.poll)
        self.assertEqual(work.done, work.total)
        return wanted

    def shown(self, strip):
        """The source files of what the engine is given for each timeline frame, in the timeline's order."""
        state = self.wanted(strip).state
        files = dict(sequence.expand(state.ticket.spec.plate))
        return [Path(files[frame]).resolve().name for frame in state.frames]

    def refusal(self, strip, **options):
        with self.assertRaises(HostError) as caught:
            self.wanted(strip, **options)
        self.assertTrue(caught.exception.reason and caught.exception.hint)
        return caught.exception.reason
