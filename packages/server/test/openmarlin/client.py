"""A stand-in of OpenMarlin's published client (contract sections 2, 4, 8 and 10).

It has that client's habits, since they are what a server has to live with: urllib without any timeout,
"Accept: application/json" on each call, response headers looked up in their exact case, instants compared as
text, server-sent events taken apart by str.splitlines() once the whole body is there, and any status of 400
or more taken for the end of a poll.
"""

import argparse
import json
import os
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request


class Refused(Exception):
    def __init__(self, method, url, status, body):
        super().__init__(f"HTTP {status} {method} {url}: {json.dumps(body, sort_keys=True)}")
        self.status = status
        self.body = body


def call(server, method, path, body=None, key=None):
    """Gives status, headers as they came, and the body: parsed where it is JSON, events where it streams."""
    url = server.rstrip("/") + path
    data = None if body is None else json.dumps(body).encode("ascii")
    request = urllib.request.Request(url, data=data, method=method)
    request.add_header("Accept", "application/json")
    if data is not None:
        request.add_header("Content-Type", "application/json")
    if key is not None:
        request.add_header("Authorization", f"Bearer {key}")
    try:
        with urllib.request.urlopen(request) as response:
            raw = response.read()
            headers = dict(response.headers.items())
            return response.status, headers, parse(raw, headers)
    except urllib.error.HTTPError as error:
        raw = error.read()
        try:
            refusal = json.loads(raw)
        except ValueError:
            refusal = raw.decode("utf-8", "replace")
        raise Refused(method, url, error.code, refusal) from None


def parse(raw, headers):
    text = raw.decode("utf-8")
    if headers.get("content-type", "").startswith("text/event-stream"):
        return events_of(text)
    return json.loads(text) if text else {}


def events_of(text):
    events, name, data = [], "message", []
    for line in text.splitlines() + [""]:
        if line.strip() == "":
            if data:
                events.append({"event": name, "data": json.loads("\n".join(data))})
            name, data = "message", []
        elif line.startswith("event:"):
            name = line[6:].removeprefix(" ")
        elif line.startswith("data:"):
            data.append(line[5:].removeprefix(" "))
    return events


def session_path(session_id):
    return f"/v1/registration/sessions/{urllib.parse.quote(session_id)}"


def watch_registration(args):
    deadline = time.monotonic() + args.timeout_seconds
    while True:
        _, _, session = call(args.server_url, "GET", session_path(args.session_id))
        if session["state"] in ("completed", "expired"):
            return session
        if time.monotonic() >= deadline:
            raise SystemExit("the registration was not completed in time")
        time.sleep(args.interval_seconds)


def issue(args):
    _, _, session = call(args.server_url, "GET", session_path(args.session_id))
    if session["state"] != "completed":
        raise SystemExit(f"the registration is {session['state']}")
    handoff = session["handoff"]
    body = (
        {"device_code": handoff["device_code"]}
        if handoff["type"] == "device"
        else {"callback_state": handoff["callback_state"]}
    )
    if args.label:
        body["label"] = args.label
    _, _, issued = call(args.server_url, "POST", session_path(args.session_id) + "/api-keys", body)
    if not isinstance(issued.get("api_key"), dict):
        raise SystemExit("the answer has no api_key")
    return session, issued


def profiles_path(agent_id):
    root = os.environ.get("OPENCLAW_STATE_DIR") or os.path.join(os.environ["HOME"], ".openclaw")
    return os.path.join(os.path.expanduser(root), "agents", agent_id, "agent", "auth-profiles.json")


def store(args, session, issued):
    path = profiles_path(args.agent_id)
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    metadata = {"server_url": args.server_url}
    for name in ("key_id", "workspace_id", "created_at", "label", "status"):
        metadata[name] = issued["api_key"][name]
    completion = session["completion"]
    metadata["account_id"] = completion["account_id"]
    metadata["workspace_slug"] = completion["workspace"]["slug"]
    metadata["workspace_display_name"] = completion["workspace"]["display_name"]
    profile = {
        "type": "api_key",
        "provider": "openmarlin-platform",
        "key": issued["secret"],
        "metadata": {name: value for name, value in metadata.items() if isinstance(value, str) and value},
    }
    content = {"version": 1, "profiles": {args.profile_id: profile}}
    handle, temporary = tempfile.mkstemp(dir=os.path.dirname(path))
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=2, sort_keys=True)
        file.write("\n")
    os.replace(temporary, path)
    return {"auth_store_path": path, "profile_id": args.profile_id, "agent_id": args.agent_id}


def key_of(args):
    if args.api_key:
        return args.api_key
    try:
        with open(profiles_path(args.agent_id), encoding="utf-8") as file:
            profile = json.load(file)["profiles"][args.profile_id]
    except (FileNotFoundError, KeyError):
        raise SystemExit("no API key is stored")
    if profile["type"] != "api_key" or not profile["key"].strip():
        raise SystemExit("no API key is stored")
    return profile["key"]


def create(args):
    body = {"provider": "workos", "auth_flow": args.auth_flow}
    _, _, session = call(args.server_url, "POST", "/v1/registration/sessions", body)
    return session, 0


def status(args):
    _, _, session = call(args.server_url, "GET", session_path(args.session_id))
    return session, 3 if session["state"] == "expired" else 0


def watch(args):
    session = watch_registration(args)
    return session, 3 if session["state"] == "expired" else 0


def issue_api_key(args):
    session, issued = issue(args)
    if args.store:
        issued = {**issued, "stored": store(args, session, issued)}
    return issued, 0


def bootstrap(args):
    session = watch_registration(args)
    if session["state"] != "completed":
        raise SystemExit("the registration has expired")
    session, issued = issue(args)
    result = {"session": session, "issued": issued}
    if args.store:
        result["stored"] = store(args, session, issued)
    return result, 0


def probe(args):
    _, headers, document = call(args.server_url, "GET", "/openapi.json")
    return {"ok": True, "openapi": document["openapi"], "content_type": headers.get("content-type")}, 0


COMMANDS = {
    "create": create,
    "status": status,
    "watch": watch,
    "issue-api-key": issue_api_key,
    "bootstrap": bootstrap,
    "probe": probe,
}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("command", choices=sorted(COMMANDS))
    parser.add_argument("--server-url", required=True)
    parser.add_argument("--session-id", default="")
    parser.add_argument("--auth-flow", default="device")
    parser.add_argument("--label", default="OpenClaw bootstrap")
    parser.add_argument("--store", action="store_true")
    parser.add_argument("--api-key", default="")
    parser.add_argument("--profile-id", default="openmarlin-platform:default")
    parser.add_argument("--agent-id", default="main")
    parser.add_argument("--interval-seconds", type=float, default=2.0)
    parser.add_argument("--timeout-seconds", type=float, default=300.0)
    args = parser.parse_args()
    try:
        result, code = COMMANDS[args.command](args)
    except Refused as refusal:
        raise SystemExit(str(refusal))
    json.dump(result, sys.stdout, indent=2, sort_keys=True)
    print()
    raise SystemExit(code)


if __name__ == "__main__":
    main()
