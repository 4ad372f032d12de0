"""One data directory, and the processes that serve it one after another."""

from pathlib import Path

from api import API
from server import Server


class Lives:
    """What a process leaves behind when it is killed is what the next one finds."""

    def __init__(self, directory, *arguments):
        self.directory = Path(directory)
        self.arguments = arguments
        self.server = None

    def start(self, *arguments, **environment):
        """A process on the directory, once every session in it is rebuilt."""
        self.server = Server("--data-dir", self.directory, *self.arguments, *arguments,
                             environment=environment)
        return self.api

    @property
    def api(self):
        return API(self.server.port)

    def kill(self):
        if self.server:
            self.server.close()
        self.server = None

    def kill_and_start(self, *arguments):
        self.kill()
        return self.start(*arguments)

    def stop(self):
        """Asks the process to drain, which must succeed; returns what it printed."""
        said = self.server.stop()
        self.kill()
        return said

    def session_directory(self, name):
        """The directory of the session's present life."""
        found = [path for path in (self.directory / "sessions").glob(f"{name}@*")
                 if path.name.removeprefix(f"{name}@").isdigit()]
        assert len(found) == 1, found
        return found[0]

    def files(self, name, kind):
        """Its log segments or snapshots, oldest first."""
        return sorted(self.session_directory(name).glob(f"{kind}-*"))
