"""An engine without processes and threads, whose steps tests take one by one."""

from core import clock
from engine import finish, phases
from engine.errand_worker import Done
from engine.finish import Kept
from engine.queue import Queue
from engine.turn import Run, Turn
from models.database import db
from models.errand import Errand
from services.errand import Outcome
from tests.factories import load


class Stepper:
    """Takes steps with one job after another; remembers what it launched and killed."""

    def __init__(self, settings):
        self.settings = settings
        self.queue = Queue()
        self.launched = []
        self.killed = []

    def turn(self, work):
        """One transaction of the engine, and what follows it."""
        turn = db.write(lambda connection: self._step(connection, work))
        for effect in turn.after:
            effect()

    def _step(self, connection, work):
        turn = Turn(connection, self.settings)
        with turn.step():
            work(turn)
        return turn

    def look(self, job_id):
        """Do with a job what the database says is to be done; others are left alone."""
        row = load(job_id)
        ours = {job_id} if row is None else {job_id, row.queue_key}
        self.queue.stir()

        def work(turn):
            todo = self.queue.find(turn.connection, may_start=True)
            for name, step in self.queue.steps(todo, 64, self.launch, self.kill):
                if name in ours:
                    step(turn)

        self.turn(work)

    def launch(self, frame, job_id):
        self.launched.append(frame["launch"])

    def kill(self, row, way):
        if way is not None:
            self.killed.append(row.launch)

    def errands(self, job_id):
        """What a job waits for."""
        return [errand for errand in db.read(Errand.all) if errand.job == job_id]

    def record(self, errand_id, outcome, times=1):
        """An errand is done; after a crash of the engine twice."""
        done = Done(errand_id, outcome, clock.now())
        for _ in range(times):
            self.turn(lambda turn: phases.record(turn, done, self.launch))

    def do_errands(self, job_id, code=0):
        """All errands of a job are done."""
        for errand in self.errands(job_id):
            self.record(errand.id, Outcome({"code": code, "description": "done"}))

    def close(self, job_id, **record):
        """The process of a job has ended."""
        run = Run(job_id, load(job_id).launch)
        folder = self.settings["INSTANCE_PATH"] / "nosuch"
        self.turn(lambda turn: finish.close(turn, run, record, folder))

    def complete(self, job_id, **kept):
        """The output files of a job are stored."""
        run = Run(job_id, load(job_id).launch)
        self.turn(lambda turn: finish.complete(turn, run, Kept(**kept)))
