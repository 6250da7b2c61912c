"""Scripts for test jobs."""

import json


def saying(*lines, then=""):
    """A script that prints messages (or text) line by line, and then does something else."""
    texts = [line if isinstance(line, str) else json.dumps({"xy": 1} | line) for line in lines]
    body = "\n".join(texts)
    return f"#!/bin/sh\ncat <<'END_OF_TEXT'\n{body}\nEND_OF_TEXT\n{then}\n"


def python(code):
    """A script in Python."""
    return f"#!/usr/bin/env -S python3 -I\n{code}\n"


#: Runs until its job is aborted.
ENDLESS = "#!/bin/sh\necho started\nexec sleep 600\n"

#: Tells of its progress for two seconds, then of a table, of HTML and of data.
STEPS = """#!/bin/sh
echo first
for i in 1 2 3; do
  sleep 0.5
  echo "{\\"xy\\":1,\\"progress\\":0.$i,\\"status\\":\\"step $i\\"}"
done
sleep 0.3
echo '{"xy":1,"table":{"header":["A"],"rows":[["1"]]},"html":{"content":"<b>x</b>"}}'
sleep 0.3
echo '{"xy":1,"data":{"answer":42}}'
"""
