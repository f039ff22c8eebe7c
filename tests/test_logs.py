"""Lines of the log."""

import json
import logging
import logging.config
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from strandkeep import logs


def record(message="it %s", *arguments, facts=None, error=False):
    failed = None
    if error:
        try:
            raise ValueError("what\nwas wrong")
        except ValueError:
            failed = sys.exc_info()
    made = logging.LogRecord("strandkeep.x", logging.WARNING, "x.py", 1, message, arguments, failed)
    made.created = 1_795_324_187.25
    if facts:
        made.facts = facts
    return made


def test_a_line_is_one_json_object():
    line = logs.JsonLines().format(record("it %s\n", "broke"))
    assert "\n" not in line
    assert json.loads(line) == {
        "time": "2026-11-22T05:09:47.250Z",
        "level": "warning",
        "logger": "strandkeep.x",
        "message": "it broke\n",
    }


def test_a_traceback_stands_inside_the_object():
    line = logs.JsonLines().format(record("broke", error=True))
    assert "\n" not in line
    assert json.loads(line)["traceback"].splitlines()[-2:] == ["ValueError: what", "was wrong"]


def test_a_line_carries_what_it_is_about_and_its_own_facts():
    with logs.about(job_id="1"), logs.about(request_id="r"):
        line = json.loads(logs.JsonLines().format(record("x", facts={"status": 200})))
        text = logs.TextLines().format(record("x", facts={"status": 200}))
    assert (line["job_id"], line["request_id"], line["status"]) == ("1", "r", 200)
    assert text == "2026-11-22T05:09:47.250Z warning strandkeep.x: x job_id=1 request_id=r status=200"
    assert "request_id" not in logs.JsonLines().format(record("x"))


def test_what_one_thread_is_about_is_not_what_another_is():
    def told(number):
        with logs.about(request_id=str(number)):
            return json.loads(logs.JsonLines().format(record("x")))["request_id"]

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(told, range(200))) == [str(number) for number in range(200)]


def test_text_for_people_has_the_traceback_below():
    assert logs.TextLines().format(record("broke", error=True)).splitlines()[-1] == "was wrong"


@pytest.mark.parametrize(("form", "begins"), [("json", "{"), ("text", "2")])
def test_the_level_is_ours_and_libraries_tell_what_went_wrong(form, begins, capsys):
    names = ("strandkeep", "alembic", "_granian", "dbos")
    before = {name: (list(logging.getLogger(name).handlers), logging.getLogger(name).level) for name in ("", *names)}
    try:
        logging.config.dictConfig(logs.configuration(form, "info"))
        for name in names:
            logging.getLogger(name).info("%s informs", name)
            logging.getLogger(name).warning("%s warns", name)
        lines = capsys.readouterr().err.splitlines()
    finally:
        for name, (handlers, level) in before.items():
            logger = logging.getLogger(name)
            logger.handlers, logger.propagate = handlers, True
            logger.setLevel(level)
    assert [line.startswith(begins) for line in lines] == [True] * 5
    assert [word for line in lines for word in ("informs", "warns") if word in line] == ["informs", *["warns"] * 4]
