"""A stand-in of OpenMarlin's published client (contract sections 2 to 4, 7, 8 and 10).

It has that client's habits, since they are what a server has to live with: urllib without any timeout,
"Accept: application/json" on each call, response headers looked up in their exact case, instants compared as
text, server-sent events taken apart by str.splitlines() once the whole body is there, and any status of 400
or more taken for the end of a poll. It keeps the same files in the same spelling.

    client.py COMMAND --server-url URL [flags]

registration_session:  create [--auth-flow F] · status · watch · issue-api-key · bootstrap, with --session-id ID,
                       [--label L] [--store] [--interval-seconds S] [--timeout-seconds S]
platform_request:      executions --body-json J [--provider P] [--label NAME=VALUE …] · models
                       tasks-submit --body-json J [--watch] [--idempotency-key K] [--allow-duplicate-submit]
                       [--dedupe-window-seconds S] · tasks-status --task-id T · tasks-watch --task-id T
billing:               explain-402 --response-json J [--auto-recover] · create-topup --amount N or --response-json J
                       balance [--workspace-id W] · history [--limit N] · activity [--limit N] · referral-link
                       topup-status --session-id T · topup-watch --session-id T   (that program's status and watch)
of its own:            probe: whether a server is there

The key is --api-key, OPENMARLIN_PLATFORM_API_KEY or the one that is stored (--profile-id, --agent-id). Stdout is
one JSON object as the client prints it with --json. Exit code 0 done, 1 refused or invalid (why is on stderr, or
for requests with a key in the object, with "ok": false), 2 usage, 3 a registration that has expired. --dry-run
of a command with a key looks for the server and the key, and does nothing else.
"""

import argparse
import json
import sys

import client_billing
import client_platform
import client_registration
import client_state
from client_wire import Refused, call


def probe(args):
    _, headers, document = call(args.server_url, "GET", "/openapi.json")
    return {"ok": True, "openapi": document["openapi"], "content_type": headers.get("content-type")}, 0


def dry_run(args):
    key, source = client_state.find_key(args)
    call(args.server_url, "GET", "/openapi.json")
    told = {"ok": key is not None, "dry_run": True, "command": args.command, "api_key_source": source}
    return told, 0 if key is not None else 1


COMMANDS = {
    **client_registration.COMMANDS,
    **client_platform.COMMANDS,
    **client_billing.COMMANDS,
    "probe": probe,
}


def parser():
    made = argparse.ArgumentParser()
    made.add_argument("command", choices=sorted(COMMANDS))
    made.add_argument("--server-url", required=True)
    for name in ("session-id", "task-id", "workspace-id", "provider", "api-key", "idempotency-key"):
        made.add_argument(f"--{name}", default="")
    for name in ("body-json", "response-json"):
        made.add_argument(f"--{name}", default="null")
    for name in ("store", "watch", "allow-duplicate-submit", "auto-recover", "dry-run"):
        made.add_argument(f"--{name}", action="store_true")
    made.add_argument("--auth-flow", default="device")
    made.add_argument("--label", action="append", default=[])
    made.add_argument("--amount", type=float)
    made.add_argument("--limit", type=int, default=10)
    made.add_argument("--profile-id", default="openmarlin-platform:default")
    made.add_argument("--agent-id", default="main")
    made.add_argument("--dedupe-window-seconds", type=float, default=120.0)
    made.add_argument("--interval-seconds", type=float, default=2.0)
    made.add_argument("--timeout-seconds", type=float, default=300.0)
    return made


def main():
    args = parser().parse_args()
    # As the published client: its requests, its files and its fingerprints know no slash at the end.
    args.server_url = args.server_url.rstrip("/")
    args.label_text = args.label[-1] if args.label else "OpenClaw bootstrap"
    try:
        result, code = dry_run(args) if args.dry_run else COMMANDS[args.command](args)
    except Refused as refusal:
        raise SystemExit(str(refusal))
    json.dump(result, sys.stdout, indent=2, sort_keys=True)
    print()
    raise SystemExit(code)


if __name__ == "__main__":
    main()
