"""What a run tells: lines for people, rows for programs, and what TensorBoard shows of both."""

import json
import math
import time


class RunLog:
    """Hands on what a run tells.

    Args:
        folder: `RunFolder`; its log takes the lines, its history the rows.
        schedule: the `Schedule`, with whose state each row begins.
        board: `EventFile` that takes rows and pictures too, or None.
    """

    def __init__(self, folder, schedule, board=None):
        self.folder, self.schedule, self.board = folder, schedule, board

    def forget(self):
        """Drops the rows of steps that are about to be done again."""
        path = self.folder.history
        rows = path.read_text().splitlines() if path.exists() else []
        kept = [row for row in rows if json.loads(row)["step"] <= self.schedule.step]
        path.write_text("".join(f"{row}\n" for row in kept))

    def say(self, text):
        """A line on the console and, with the time, in the log."""
        print(text, flush=True)
        with open(self.folder.log, "a") as file:
            file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')}  {text}\n")

    def row(self, **values):
        """A row of the history; a number that is not finite becomes None."""
        values = {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in values.items()
        }
        with open(self.folder.history, "a") as file:
            file.write(json.dumps(self.schedule.state() | values) + "\n")
        if self.board is not None:
            self.board.row(self.schedule.step, values)

    def pictures(self, images):
        """Pictures of validation, uint8 [n, h, w, 3]."""
        if self.board is not None:
            self.board.pictures(self.schedule.step, images)
