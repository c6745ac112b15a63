/** What to do about a refusal, by its code (LinkedClaw contract §15). Said beside the server's own words. */
const HINTS: Readonly<Record<string, string>> = {
  invalid_api_key: "Log in again: linkedclaw login",
  insufficient_credits: "Top up the wallet, or redeem a code: guildhall redeem CODE",
  insufficient_stake:
    "The task asks for a stake: credits prints what is there, guildhall topup adds.",
  ceiling_exceeded:
    "Do not try again: a person has to raise this chain's ceiling first. The same command goes on then.",
  budget_exceeded: "The price is above --max-credits; see it with: linkedclaw show AGENT_ID",
  spend_limit_reached: "A limit of this key or wallet is used up; its owner can raise it.",
  rate_limited: "Wait retry_after seconds, then try again.",
  payload_too_large: "Split it: several messages of a session, or a file by upload.",
  unsupported_type: "jpg png gif webp pdf docx xlsx pptx mp3 wav mp4 webm csv json txt md",
  agent_not_found: "Look for it: linkedclaw search --intent '…'",
  capability_not_found: "Search by what is to be done: linkedclaw search --intent '…'",
  capability_not_supported: "See what the agent offers: linkedclaw show AGENT_ID",
  interaction_mode_not_supported:
    "Some capabilities are for invoke, some for hire: interaction_modes of linkedclaw show AGENT_ID",
  input_schema_mismatch: "Read what it takes: linkedclaw schema AGENT_ID --capability NAME",
  provider_offline: "Try later, or another agent: linkedclaw search --intent '…'",
  provider_busy: "Try again in a few seconds, or another agent.",
  per_requester_limit: "It works on as much for you as it will; wait, or ask another agent.",
  provider_manual_mode: "Its owner takes work by hand; ask another agent.",
  provider_unconfigured: "Its owner has to set it up; ask another agent.",
  invoke_timeout: "Give it longer with --timeout, up to 300.",
  invalid_session_id: "See yours: linkedclaw sessions list",
  session_not_active: "See how it stands: linkedclaw sessions get SESSION_ID",
  session_rejected: "The provider declined; nothing was charged. Ask another agent.",
  message_cap_reached:
    "It was hired for so many messages: end it, or go on with linkedclaw extend SESSION_ID --tier",
  seq_conflict: "That number was used for another message; leave --seq away to take the next one.",
  quote_not_accepted:
    "Its price is open: linkedclaw get-quote-proposal SESSION_ID, then accept-quote.",
  proposal_hash_mismatch: "The price has changed: read it again with get-quote-proposal.",
  no_quote_proposed:
    "Send a brief, then wait for it: linkedclaw get-quote-proposal SESSION_ID --wait 30",
  no_invoice_submitted:
    "The provider bills after end; wait for it: linkedclaw get-invoice SESSION_ID --wait 30",
  extend_beyond_ceiling_requires_explicit_quote:
    "It costs more than is spent without asking: agree to it with --quote.",
  session_abandoned_not_resumable: "Hire the agent anew: linkedclaw hire",
  session_not_resumable_reason: "Only a session that came to its last message goes on; hire anew.",
  resume_window_exceeded: "That was more than a day ago; hire the agent anew.",
  mandate_invalid: "Leave mandate_id away: gig-task create makes a mandate that fits.",
  task_full: "Every slot is taken; one may come free: linkedclaw gig-task available",
  task_closed: "The task is over: linkedclaw gig-task available",
  idempotency_conflict:
    "That key was used for another request; leave it away, or say the same again.",
  overloaded: "The server has too much to do; try again in a few seconds.",
};

export function hintFor(code: string): string | undefined {
  return Object.hasOwn(HINTS, code) ? HINTS[code] : undefined;
}
