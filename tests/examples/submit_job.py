"""Have the persistent engine fill a shot: `submit_job.py PLATES MATTES RESULT`, each a pattern such as `a.####.exr`.

This is a whole host: the standard library, pyzmq and the host half of `plugin_host`. The engine is found, or started
by the Python that `AAN_ENGINE` names, else by this one; it stays up for the next job.
"""

import sys

from plugin_host.errors import HostError
from plugin_host.launch import find_or_start
from plugin_host.protocol import Accepted, Cancelled, Failed, Finished, FrameReady, JobSpec, Progress


def main(plate: str, matte: str, output: str) -> int:
    try:
        with find_or_start(name="example") as client:
            accepted = client.answer(client.submit(JobSpec(plate, matte), output=output), timeout=600)
            assert isinstance(accepted, Accepted)
            print(f"{accepted.job}: {accepted.total} frames, {accepted.cached} of them in the cache")
            for message in client.follow(accepted.job):
                if isinstance(message, Progress):
                    print(f"{message.stage} {message.done}/{message.total}")
                elif isinstance(message, FrameReady):
                    print(f"frame {message.frame}: {message.path}")
                elif isinstance(message, Finished):
                    print(f"{message.frames} frames filled, {message.unseen:.1%} of the hidden pixels made up")
                    return 0
                elif isinstance(message, Failed):
                    print(f"{message.reason}. {message.hint}", file=sys.stderr)
                elif isinstance(message, Cancelled):
                    print("somebody cancelled the job", file=sys.stderr)
    except HostError as error:
        print(error, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
