"""The files of the published client (contract section 3.2), read and written as it does."""

import datetime
import hashlib
import json
import os
import tempfile


def path_of(agent_id, name):
    root = os.environ.get("OPENCLAW_STATE_DIR") or os.path.join(os.environ["HOME"], ".openclaw")
    return os.path.join(os.path.expanduser(root), "agents", agent_id, "agent", name)


def read(path, part):
    """The store of a file: an empty one where there is no file, or nothing in it."""
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except FileNotFoundError:
        text = ""
    store = json.loads(text) if text.strip() else {}
    store.setdefault("version", 1)
    store.setdefault(part, {})
    return store


def write(path, store):
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=os.path.dirname(path))
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(store, file, indent=2, sort_keys=True)
        file.write("\n")
    os.replace(temporary, path)


def now():
    return datetime.datetime.now(datetime.timezone.utc).isoformat()


def age_seconds(instant):
    seen = datetime.datetime.fromisoformat(instant.replace("Z", "+00:00"))
    return (datetime.datetime.now(datetime.timezone.utc) - seen).total_seconds()


def digest(text):
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def request_fingerprint(server, key, body):
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return digest(f"{server}\n{digest(key)}\n{canonical}")


def store_profile(args, secret, metadata):
    path = path_of(args.agent_id, "auth-profiles.json")
    store = read(path, "profiles")
    store["profiles"][args.profile_id] = {
        "type": "api_key",
        "provider": "openmarlin-platform",
        "key": secret,
        "metadata": {name: value for name, value in metadata.items() if isinstance(value, str) and value},
    }
    write(path, store)
    return {"auth_store_path": path, "profile_id": args.profile_id, "agent_id": args.agent_id}


def find_key(args):
    """The key and its tag; the file is made as soon as a key is looked up."""
    given = args.api_key or os.environ.get("OPENMARLIN_PLATFORM_API_KEY", "").strip()
    if given:
        return given, "env-or-flag"
    path = path_of(args.agent_id, "auth-profiles.json")
    store = read(path, "profiles")
    write(path, store)
    profile = store["profiles"].get(args.profile_id, {})
    if profile.get("type") != "api_key" or not profile.get("key", "").strip():
        return None, "no API key is stored"
    return profile["key"], f"auth-profiles:{path}"


def key_of(args):
    key, source = find_key(args)
    if key is None:
        raise SystemExit(source)
    return key, source


def save_snapshot(args, workspace_id, amount, unit, source, **facts):
    path = path_of(args.agent_id, "billing-state.json")
    store = read(path, "workspaces")
    snapshot = {
        "workspace_id": workspace_id,
        "amount": float(amount),
        "unit": unit,
        "observed_at": now(),
        "source": source,
        "estimated": False,
        **facts,
    }
    store["workspaces"].setdefault(workspace_id, {})["last_balance_snapshot"] = snapshot
    write(path, store)
    return {"billing_state_path": path, "snapshot": snapshot}


def find_snapshot(args, workspace_id):
    store = read(path_of(args.agent_id, "billing-state.json"), "workspaces")
    return store["workspaces"].get(workspace_id, {}).get("last_balance_snapshot")


def save_topup(args, session):
    """Dies where the server left the ids out, after it has succeeded."""
    path = path_of(args.agent_id, "billing-state.json")
    store = read(path, "workspaces")
    workspace = store["workspaces"].setdefault(session["workspace_id"], {})
    kept = {**session, "last_seen_at": now()}
    workspace.setdefault("topup_sessions", {})[session["topup_session_id"]] = kept
    write(path, store)
    return {"billing_state_path": path, "session": kept}


def topups(args):
    store = read(path_of(args.agent_id, "billing-state.json"), "workspaces")
    chosen = [args.workspace_id] if args.workspace_id else list(store["workspaces"])
    return [
        session
        for workspace_id in chosen
        for session in store["workspaces"].get(workspace_id, {}).get("topup_sessions", {}).values()
    ]


def submissions(args):
    path = path_of(args.agent_id, "task-state.json")
    return path, read(path, "submissions")
