"""Compares two texts: one line of JSON in for each piece of work, one line of JSON out.

Answers may come in any order, since each carries the id of its work; this one is quick and keeps the order.
What it prints to stderr passes through to whoever watches the daemon.
"""

import difflib
import json
import sys


def compare(before, after):
    lines = list(
        difflib.unified_diff(before.splitlines(), after.splitlines(), "before", "after", lineterm="")
    )
    changed = [line for line in lines[2:] if line[:1] in "+-"]
    return {"diff": "\n".join(lines), "changed_lines": len(changed)}


def answer(work):
    if work["event"] != "invoke":
        return {"error": {"code": "subagent_error", "message": "One call, one answer: I do not talk."}}
    given = work["input"]
    texts = [given.get(name) if isinstance(given, dict) else None for name in ("before", "after")]
    if not all(isinstance(text, str) for text in texts):
        # The message is shown to the requester, who is charged nothing.
        return {"error": {"code": "subagent_bad_output", "message": "Give me two texts: before and after."}}
    return {"output": compare(*texts)}


for line in sys.stdin:
    work = json.loads(line)
    print(json.dumps({"id": work["id"], **answer(work)}), flush=True)
