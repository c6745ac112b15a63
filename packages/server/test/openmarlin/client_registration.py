"""`registration_session` (contract section 10.1)."""

import time

import client_state as state
from client_wire import call, escaped

SESSIONS = "/v1/registration/sessions"


def look(args):
    _, _, session = call(args.server_url, "GET", f"{SESSIONS}/{escaped(args.session_id)}")
    return session


def watch_session(args):
    deadline = time.monotonic() + args.timeout_seconds
    while True:
        session = look(args)
        if session["state"] in ("completed", "expired"):
            return session
        if time.monotonic() >= deadline:
            raise SystemExit("the registration was not completed in time")
        time.sleep(args.interval_seconds)


def issue(args):
    session = look(args)
    if session["state"] != "completed":
        raise SystemExit(f"the registration is {session['state']}")
    handoff = session["handoff"]
    body = (
        {"device_code": handoff["device_code"]}
        if handoff["type"] == "device"
        else {"callback_state": handoff["callback_state"]}
    )
    if args.label_text:
        body["label"] = args.label_text
    path = f"{SESSIONS}/{escaped(args.session_id)}/api-keys"
    _, _, issued = call(args.server_url, "POST", path, body)
    if not isinstance(issued.get("api_key"), dict):
        raise SystemExit("the answer has no api_key")
    return session, issued


def store(args, session, issued):
    names = ("key_id", "workspace_id", "created_at", "label", "status")
    completion = session["completion"]
    metadata = {
        "server_url": args.server_url,
        **{name: issued["api_key"][name] for name in names},
        "account_id": completion["account_id"],
        "workspace_slug": completion["workspace"]["slug"],
        "workspace_display_name": completion["workspace"]["display_name"],
    }
    return state.store_profile(args, issued["secret"], metadata)


def told(session):
    return session, 3 if session["state"] == "expired" else 0


def create(args):
    body = {"provider": "workos", "auth_flow": args.auth_flow}
    _, _, session = call(args.server_url, "POST", SESSIONS, body)
    return told(session)


def status(args):
    return told(look(args))


def watch(args):
    return told(watch_session(args))


def issue_api_key(args):
    session, issued = issue(args)
    if args.store:
        issued = {**issued, "stored": store(args, session, issued)}
    return issued, 0


def bootstrap(args):
    session = watch_session(args)
    if session["state"] != "completed":
        raise SystemExit("the registration has expired")
    session, issued = issue(args)
    result = {"session": session, "issued": issued}
    if args.store:
        result["stored"] = store(args, session, issued)
    return result, 0


COMMANDS = {
    "create": create,
    "status": status,
    "watch": watch,
    "issue-api-key": issue_api_key,
    "bootstrap": bootstrap,
}
