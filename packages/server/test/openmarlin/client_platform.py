"""`platform_request` (contract section 10.2)."""

import json
import secrets
import time

import client_billing as billing
import client_state as state
from client_wire import Refused, escaped, events_of, exchange, is_stream, payload_of

FORBIDDEN = ("instruction", "provider_id", "providerId", "labels", "model", "model_provider", "modelProvider", "stream")
INPUT = ("prompt", "media_urls", "media_ids", "duration_ms", "aspect_ratio")
ENDS = ("succeeded", "failed")


def send(args, method, path, body=None, provider=None, labels=None):
    """The envelope of an answer, and the exit code."""
    key, source = state.key_of(args)
    envelope = {"provider": provider, "labels": labels or {}, "api_key_source": source}
    try:
        status, headers, text = exchange(args.server_url, method, path, body, key)
    except Refused as refusal:
        return {**envelope, **refusal_of(args, refusal)}, 1
    envelope.update({"ok": True, "status": status, "response_headers": headers})
    if is_stream(headers):
        envelope.update({"response": text, "stream_events": events_of(text)})
    else:
        envelope["response"] = payload_of(headers, text)
    return envelope, 0


def refusal_of(args, refusal):
    body = refusal.body if isinstance(refusal.body, dict) else {}
    code = body["error"] if isinstance(body.get("error"), str) else body.get("error_code")
    told = {"ok": False, "status": refusal.status, "response": refusal.body}
    told["message"] = f"HTTP {refusal.status} {code}"
    shortfall = billing.shortfall_of(body)
    if shortfall is None:
        return told
    stored = billing.remember(args, shortfall)
    if stored:
        told["stored_balance"] = stored
    if refusal.status == 402:
        told["recovery"] = shortfall
        told["commands"] = billing.commands_for(shortfall)
    return told


def body_of(args):
    body = json.loads(args.body_json)
    if not isinstance(body, dict):
        raise SystemExit("the body has to be a JSON object")
    return body


def executions(args):
    body = body_of(args)
    if "model_provider" in body or "modelProvider" in body:
        raise SystemExit("model_provider is no field")
    model = body.get("model")
    if model is not None:
        if not isinstance(model, str) or (model.strip() and "/" not in model):
            raise SystemExit("model has to be an exact full ref")
        body["model"] = model.strip()
    labels = dict(label.split("=", 1) for label in args.label)
    if args.provider:
        body["provider_id"] = args.provider
    if labels:
        body["labels"] = labels
    return send(args, "POST", "/v1/executions", body, args.provider or None, labels)


def models(args):
    return send(args, "GET", "/v1/models")


def task_body(args):
    body = body_of(args)
    unknown = [name for name in body if name not in ("kind", "input", "metadata", "idempotency_key")]
    if unknown or body.get("kind") != "video" or not isinstance(body.get("input"), dict):
        raise SystemExit(f"not a task: {unknown}")
    prompt = body["input"].get("prompt")
    if not isinstance(prompt, str) or not prompt.strip() or set(body["input"]) - set(INPUT):
        raise SystemExit("not the input of a task")
    body["input"] = {**body["input"], "prompt": prompt.strip()}
    return body


def tasks_submit(args):
    body = task_body(args)
    key, _ = state.key_of(args)
    given = body.pop("idempotency_key", None)
    fingerprint = state.request_fingerprint(args.server_url, key, body)
    name = "|".join((args.server_url, state.digest(key), fingerprint))
    path, store = state.submissions(args)
    known = store["submissions"].get(name)
    chosen = args.idempotency_key or given
    if not chosen and not args.allow_duplicate_submit:
        is_recent = known and state.age_seconds(known["last_seen_at"]) <= args.dedupe_window_seconds
        chosen = known["idempotency_key"] if is_recent else f"openclaw-task-{secrets.token_hex(16)}"
    record = {
        "server_url": args.server_url,
        "api_key_fingerprint": state.digest(key),
        "request_fingerprint": fingerprint,
        "idempotency_key": chosen,
        "kind": body["kind"],
        "status": "submitting",
        "prompt": body["input"]["prompt"],
        "recorded_at": state.now(),
        "last_seen_at": state.now(),
    }
    if chosen:
        body["idempotency_key"] = chosen
        store["submissions"][name] = record
        state.write(path, store)
    envelope, code = send(args, "POST", "/v1/tasks", body)
    if code != 0:
        return envelope, code
    task = envelope["response"]
    if not isinstance(task, dict) or not str(task.get("task_id") or "").strip():
        raise SystemExit("the answer has no task_id")
    if chosen:
        record.update({"task_id": task["task_id"], "status": task["status"], "last_seen_at": state.now()})
        state.write(path, store)
    return follow(args, task["task_id"]) if args.watch else (envelope, 0)


def look(args, task_id):
    return send(args, "GET", f"/v1/tasks/{escaped(task_id)}")


def follow(args, task_id):
    """Unknown states are waited for as long as others; a refusal ends it."""
    deadline = time.monotonic() + args.timeout_seconds
    while True:
        envelope, code = look(args, task_id)
        if code != 0 or envelope["response"]["status"] in ENDS:
            return envelope, code
        if time.monotonic() >= deadline:
            raise SystemExit("the task did not end in time")
        time.sleep(args.interval_seconds)


COMMANDS = {
    "executions": executions,
    "tasks-submit": tasks_submit,
    "tasks-status": lambda args: look(args, args.task_id),
    "tasks-watch": lambda args: follow(args, args.task_id),
    "models": models,
}
