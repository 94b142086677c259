import json
import math
import re

from alic_tf.training.folder import RunFolder
from alic_tf.training.log import RunLog
from alic_tf.training.schedule import Schedule


class Board(list):
    def row(self, step, values):
        self.append((step, values))


def test_rows_go_to_history_and_board_and_those_to_be_done_again_are_forgotten(tmp_path):
    folder, schedule, board = RunFolder(tmp_path), Schedule(1e-3, steps=100), Board()
    folder.history.write_text('{"step": 20}\n{"step": 40}\n')
    schedule.step = 20
    log = RunLog(folder, schedule, board)
    log.forget()
    schedule.step, schedule.elapsed = 60, 8.0
    log.row(loss=1.5, skipped=0)
    log.row(loss=math.nan, rate=math.inf)
    rows = [json.loads(row) for row in folder.history.read_text().splitlines()]
    state = {"step": 60, "seconds": 8.0, "cpu_seconds": 0.0}
    expected = [{"loss": 1.5, "skipped": 0}, {"loss": None, "rate": None}]
    assert rows == [{"step": 20}, *(state | values for values in expected)]
    assert board == [(60, values) for values in expected]


def test_what_is_said_is_kept_with_its_time(tmp_path, capsys):
    log = RunLog(RunFolder(tmp_path), Schedule(1e-3, steps=100))
    log.say("one")
    RunLog(RunFolder(tmp_path), Schedule(1e-3, steps=100)).say("two")
    assert capsys.readouterr().out == "one\ntwo\n"
    lines = log.folder.log.read_text().splitlines()
    assert [re.sub(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  ", "", line) for line in lines] == [
        "one", "two"]
