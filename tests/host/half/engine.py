"""A strict hand-written engine on the test's own thread: it hears what comes, and says what it is told to."""

import zmq
from host_half import connection_file
from host_half.connection_file import Connection
from host_half.protocol import HIGHEST, LOWEST, Hello, Welcome
from host_half.wire import decode, encode


class Engine:
    """One life of an engine; `session` names it."""

    def __init__(self, session="one"):
        self.lock = None
        self.context = zmq.Context()
        self.router = self.context.socket(zmq.ROUTER)
        self.router.linger = 0
        port = self.router.bind_to_random_port("tcp://127.0.0.1")
        self.connection = Connection("tcp://127.0.0.1:%d" % port, "t0ken", 1, session, LOWEST, HIGHEST)

    def hear(self):
        assert self.router.poll(5000), "nothing was said"
        self.host, *frames = self.router.recv_multipart()
        envelope = decode(frames)
        return envelope.request, envelope.message

    def hears_nothing(self):
        return not self.router.poll(30)

    def say(self, message, request=None):
        self.router.send_multipart([self.host, *encode(message, request)])

    def is_greeted(self):
        """Whether a greeting has come; the job's own requests are left for the test to hear."""
        return bool(self.router.poll(0))

    def welcome(self):
        request, hello = self.hear()
        assert isinstance(hello, Hello), hello
        self.greet(request)

    def greet(self, request):
        self.say(Welcome(HIGHEST, self.connection.session, "9.9"), request)

    def announce(self):
        """Be found, as by the connection file of an engine that lives."""
        self.lock = connection_file.claim()
        assert self.lock is not None, "another engine lives"
        connection_file.write(self.connection)

    def close(self):
        if self.lock is not None:
            self.lock.close()
        self.context.destroy(linger=0)
