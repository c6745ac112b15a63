"""`billing` (contract section 10.3)."""

import json
import time

import client_state as state
from client_wire import Refused, call, escaped

TOPUPS = "/v1/topup/sessions"


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def amount_of(value):
    if isinstance(value, dict) and is_number(value.get("amount")) and isinstance(value.get("unit"), str):
        return value
    return None


def shortfall_of(body):
    """A structured refusal; anything that is not quite one counts as none."""
    if not isinstance(body, dict) or body.get("error_code") != "insufficient_balance":
        return None
    current, required = amount_of(body.get("current_balance")), amount_of(body.get("required_balance"))
    if not current or not required or current["unit"] != required["unit"]:
        return None
    missing = max(required["amount"] - current["amount"], 0)
    return {
        "workspace_id": body.get("workspace_id"),
        "message": body.get("message"),
        "current_balance": current,
        "required_balance": required,
        "shortfall": {"amount": missing, "unit": required["unit"]},
        "topup": missing or required["amount"],
    }


def remember(args, shortfall):
    workspace_id = shortfall["workspace_id"]
    if not isinstance(workspace_id, str) or not workspace_id.strip():
        return None
    current, required = shortfall["current_balance"], shortfall["required_balance"]
    return state.save_snapshot(
        args,
        workspace_id,
        current["amount"],
        current["unit"],
        "structured_402",
        message=shortfall["message"],
        required_amount=float(required["amount"]),
        reference={"error_code": "insufficient_balance"},
    )


def commands_for(shortfall):
    amount = shortfall["topup"]
    shown = int(amount) if float(amount).is_integer() else amount
    return [f"billing create-topup --amount {shown}", "billing watch --session-id <topup-session-id>"]


def given_shortfall(args):
    shortfall = shortfall_of(json.loads(args.response_json))
    if shortfall is None or not isinstance(shortfall["workspace_id"], str):
        raise SystemExit("that is no insufficient_balance refusal with a workspace_id")
    return shortfall


def send(args, method, path, body=None):
    key, source = state.key_of(args)
    try:
        status, _, response = call(args.server_url, method, path, body, key)
    except Refused as refusal:
        told = {"ok": False, "status": refusal.status, "api_key_source": source, "response": refusal.body}
        return told, 1
    return {"ok": True, "status": status, "api_key_source": source, "response": response}, 0


def explain_402(args):
    shortfall = given_shortfall(args)
    told = {"recovery": shortfall, "commands": commands_for(shortfall), "stored": remember(args, shortfall)}
    if not args.auto_recover:
        return told, 0
    envelope, code = send(args, "POST", TOPUPS, {"amount": float(shortfall["topup"])})
    if code != 0:
        return envelope, code
    told["auto_recovered"] = envelope["response"]
    told["stored_session"] = state.save_topup(args, envelope["response"])
    return told, 0


def create_topup(args):
    amount = args.amount if args.amount is not None else float(given_shortfall(args)["topup"])
    return topup_told(args, *send(args, "POST", TOPUPS, {"amount": amount}))


def topup_status(args):
    return topup_told(args, *send(args, "GET", f"{TOPUPS}/{escaped(args.session_id)}"))


def topup_watch(args):
    deadline = time.monotonic() + args.timeout_seconds
    while True:
        envelope, code = send(args, "GET", f"{TOPUPS}/{escaped(args.session_id)}")
        if code != 0 or envelope["response"]["status"] in ("credit_applied", "payment_failed"):
            return topup_told(args, envelope, code)
        if time.monotonic() >= deadline:
            raise SystemExit("the top-up was not paid in time")
        time.sleep(args.interval_seconds)


def topup_told(args, envelope, code):
    """Remembers it, and asks for the balance at once where it is paid."""
    if code != 0:
        return envelope, code
    session = envelope["response"]
    envelope["stored_session"] = state.save_topup(args, session)
    if session["status"] == "credit_applied":
        answer, failed = send(args, "GET", "/v1/balance")
        envelope["authoritative_balance_status"] = answer["status"]
        envelope["authoritative_balance_response"] = answer["response"]
        if failed == 0:
            envelope["refreshed_balance"] = keep_balance(args, answer["response"])
    return envelope, 0


def keep_balance(args, response):
    """Dies where the answer is not exactly a balance."""
    available = amount_of(response.get("available_balance"))
    workspace_id, updated_at = response.get("workspace_id"), response.get("updated_at")
    is_good = available and isinstance(workspace_id, str) and workspace_id.strip()
    if not is_good or not (updated_at is None or isinstance(updated_at, str)):
        raise SystemExit("the answer is an invalid balance")
    return state.save_snapshot(
        args,
        workspace_id,
        available["amount"],
        available["unit"],
        "authoritative_balance_api",
        reference={"updated_at": updated_at},
    )["snapshot"]


def balance(args):
    envelope, code = send(args, "GET", "/v1/balance")
    if code != 0:
        known = state.find_snapshot(args, args.workspace_id) if args.workspace_id else None
        return {**envelope, "fallback_balance": known}, 1
    return {**envelope, "balance": keep_balance(args, envelope["response"])}, 0


def newest(items, limit):
    """By the text of their instants."""
    ordered = sorted(items, key=lambda item: item["created_at"], reverse=True)
    return ordered[: max(limit, 0)]


def history(args):
    return {"ok": True, "sessions": newest(state.topups(args), args.limit)}, 0


def activity(args):
    usage, code = send(args, "GET", "/v1/usage-events")
    if code != 0:
        return usage, code
    ledger, code = send(args, "GET", "/v1/ledger")
    if code != 0:
        return ledger, code
    return {
        "ok": True,
        "api_key_source": usage["api_key_source"],
        "usage_events_status": usage["status"],
        "usage_events": newest(usage["response"]["data"], args.limit),
        "ledger_status": ledger["status"],
        "ledger_entries": newest(ledger["response"]["data"], args.limit),
    }, 0


def referral_link(args):
    envelope, code = send(args, "GET", "/v1/referrals/me")
    if code != 0:
        return envelope, code
    referral = envelope.pop("response")
    counts = [referral["summary"][f"{name}_count"] for name in ("signed_up", "qualified", "rewarded")]
    if not all(type(count) is int for count in counts) or not referral["referral_code"].strip():
        raise SystemExit("the answer is an invalid referral")
    return {**envelope, "referral": referral}, 0


COMMANDS = {
    "explain-402": explain_402,
    "create-topup": create_topup,
    "balance": balance,
    "history": history,
    "activity": activity,
    "referral-link": referral_link,
    "topup-status": topup_status,
    "topup-watch": topup_watch,
}
