"""docs/plugin-examples.md: each plugin works as pasted, and tells what the page says it does."""

import json
import re
import shutil
import subprocess
from operator import itemgetter

import pytest

from tests.docs import pages
from tests.server import ADMIN_KEY

INTRODUCTION, *SECTIONS = pages.read("docs/plugin-examples.md").split("\n## ")
#: What each language needs beside what every machine has, and whether failures have a reason.
NEEDS = {"Bash": "bash", "Python": "python3", "Node.js": "node", "C": "gcc"}
REPORTS_FAILURES = {"Python", "Node.js"}
(MAKE_EVENT,) = pages.blocks(INTRODUCTION, "bash")
COMMANDS = {
    "Bash": ["bash", "lines.sh"],
    "Python": ["python3", "lines.py"],
    "Node.js": ["node", "lines.js"],
    "C": ["./count_lines"],
}


@pytest.fixture(params=SECTIONS, ids=lambda section: section.partition("\n")[0])
def example(request, tmp_path):
    """A language, and the commands of its section; its file lies in `tmp_path`, among texts."""
    language = request.param.partition("\n")[0]
    if shutil.which(NEEDS[language]) is None:
        pytest.skip(f"{NEEDS[language]} is not installed, which the example in {language} needs")
    (_, code), (_, commands) = pages.code(request.param)
    (tmp_path / re.search(r"`(lines\.\w+)`", request.param)[1]).write_text(code)
    texts = tmp_path / "texts"
    texts.mkdir()
    for name, lines in (("a.txt", 1), ("b.txt", 20), ("c.txt", 300)):
        (texts / name).write_text("line\n" * lines)
    (texts / "folder").mkdir()
    return language, commands


def pasted(commands, folder, server):
    """The job that the page's commands ran in a folder."""
    preamble = pages.blocks(pages.read("README.md"), "bash")[0]
    preamble = re.sub(r"^KEY=.*$", f"KEY={ADMIN_KEY}", preamble, flags=re.MULTILINE)
    show = 'echo "== $JOB"'
    done = pages.paste(f"{preamble}\n{MAKE_EVENT}\n{commands}\n{show}", folder, server)
    assert done.stderr == ""
    return server.job(done.stdout.rpartition("== ")[2].strip())


def test_a_plugin_in_each_language_works_as_pasted(example, tmp_path, server):
    language, commands = example

    job = pasted(commands, tmp_path, server)

    assert (job["code"], job["description"]) == (0, "321 lines")
    assert job["data"] == {"lines": 321}
    assert job["output"] == "Looked at 4 names\n"
    (file,) = job["files"]
    assert file["filename"] == "lines.csv"
    csv = server.client.get(f"/{file['path']}").text.split()
    assert csv == ["file,lines", "a.txt,1", "b.txt,20", "c.txt,300"]
    if language != "C":
        assert job["table"]["rows"] == [["a.txt", 1], ["b.txt", 20], ["c.txt", 300]]
    fails(language, server, job["event"])
    tells_its_progress(language, tmp_path)


def fails(language, server, event):
    """Without its folder the plugin fails with the code and the reason that the page promises."""
    job = server.run_and_wait(id=event, params={"folder": "/no/such"})
    assert job["code"] == 2
    assert job["output"] == "There is no folder /no/such\n"
    if language in REPORTS_FAILURES:
        assert job["description"] == "There is no folder /no/such"
    else:
        assert re.fullmatch(r"Child \d+ crashed with code: 2", job["description"])


def tells_its_progress(language, folder):
    """What the plugin prints, run without a server, tells its progress name by name."""
    job = {"params": {"folder": "texts"}}
    done = subprocess.run(
        COMMANDS[language],
        cwd=folder,
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", "folder": "texts"},
        input=json.dumps(job),
        capture_output=True,
        text=True,
        check=True,
    )
    told = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    told = [message for message in told if "progress" in message]
    assert [message["progress"] for message in told] == [0.25, 0.5, 0.75, 1]
    names = map(itemgetter("status"), told)
    assert list(names) == ["a.txt", "b.txt", "c.txt", "folder"]
