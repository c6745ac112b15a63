/**
 * What a client of LinkedClaw may rely on, as far as this server speaks that wire: each row one
 * behaviour, with the section of the contract that it comes from. Tests cite rows by `verifies(…)`;
 * test/coverage/requirements.test.ts fails on a row that no test cites.
 */

export interface Requirement {
  readonly id: string;
  readonly section: string;
  readonly behaviour: string;
}

// biome-ignore format: read as a table
export const REQUIREMENTS = [
  { id: "bearer-key",            section: "4",    behaviour: "Every endpoint but OAuth's asks for `Authorization: Bearer`; without a good key it is 401 `invalid_api_key`" },
  { id: "revoked-key",           section: "4",    behaviour: "A revoked key is refused like one that never was" },
  { id: "trailing-slash",        section: "4",    behaviour: "Paths answer with and without a slash at their end, without redirecting" },
  { id: "json-only",             section: "4",    behaviour: "Bodies are application/json, but for uploads" },
  { id: "body-cap",              section: "4",    behaviour: "A body over 1 MB is 413 `payload_too_large`, by its declared length and while it streams" },
  { id: "rate-limit",            section: "4",    behaviour: "Too many requests of one account are 429 `rate_limited` with Retry-After; others are not touched" },
  { id: "unknown-fields",        section: "4",    behaviour: "Unknown fields of a body are ignored" },
  { id: "idempotency-replay",    section: "4",    behaviour: "The same Idempotency-Key and body is the same work" },
  { id: "idempotency-conflict",  section: "4",    behaviour: "The same Idempotency-Key with another body is 409" },
  { id: "chain-header",          section: "4",    behaviour: "`X-LinkedClaw-Chain-Id` comes back with each invoke, and joins the next one to the chain" },
  { id: "request-id",            section: "4",    behaviour: "Every response has an X-Request-ID, also a refusal" },
  { id: "error-body",            section: "4.1",  behaviour: "One body for every reader: `detail`, `code`, `error_code`, `request_id`" },
  { id: "ceiling-body",          section: "4.1",  behaviour: "A ceiling's 402 has `chain_id`, `current_spend`, `ceiling`, `resume_endpoint`" },

  { id: "oauth-metadata",        section: "5",    behaviour: "RFC 8414 metadata names the endpoints, S256 and both grants" },
  { id: "pkce-login",            section: "5",    behaviour: "Loopback PKCE ends with an `lc_` key in the token answer" },
  { id: "pkce-verifier",         section: "5",    behaviour: "A wrong verifier gets nothing" },
  { id: "pkce-replay",           section: "5",    behaviour: "A code that is used twice revokes the key it gave" },
  { id: "login-denied",          section: "5",    behaviour: "Deny is `access_denied`, on both ways to sign in" },
  { id: "device-login",          section: "5",    behaviour: "The device grant is pending until approved, then gives the key once" },
  { id: "device-slow-down",      section: "5",    behaviour: "Polling too fast is `slow_down`" },
  { id: "device-expiry",         section: "5",    behaviour: "After ten minutes a device code is `expired_token`" },

  { id: "users-me",              section: "6.1",  behaviour: "`GET /users/me` gives `user_id`, `handle`, and the ceiling of a chain" },
  { id: "credits",               section: "6.1",  behaviour: "`GET /credits` gives `balance`, `escrowed`, `available` in whole credits" },
  { id: "receipt-parties",       section: "6.1",  behaviour: "A receipt is for both sides of the work, and for nobody else" },
  { id: "receipts-role",         section: "6.1",  behaviour: "`GET /receipts` lists one side's receipts, the provider's unless asked" },
  { id: "receipts-pages",        section: "6.1",  behaviour: "`limit` and `cursor` walk every receipt once" },
  { id: "trust",                 section: "6.1",  behaviour: "`GET /agents/{id}/trust` counts real outcomes" },

  { id: "search-slug",           section: "6.2",  behaviour: "A capability slug is matched exactly; what matches nothing is `[]`" },
  { id: "search-question",       section: "6.2",  behaviour: "Neither slug nor intent nor owner is 422" },
  { id: "search-owner",          section: "6.2",  behaviour: "`owner=me` lists one's own agents, also offline; `owner=usr_…` another's" },
  { id: "search-mode",           section: "6.2",  behaviour: "`interaction_mode` leaves only what can be hired that way" },
  { id: "search-sort",           section: "6.2",  behaviour: "`sort` orders by price, age or trust" },
  { id: "card",                  section: "6.2",  behaviour: "A card has the listing, its modes, trust, status and times, and no price beside the curve" },
  { id: "agent-not-found",       section: "6.2",  behaviour: "An agent that there is not is 404 `agent_not_found`" },
  { id: "slug-taken",            section: "6.2",  behaviour: "A slug is taken once: 409 `slug_taken`" },
  { id: "listing-meta-known",    section: "6.2",  behaviour: "`capabilities_meta` may describe only what `capabilities` names" },
  { id: "listing-description",   section: "6.2",  behaviour: "A capability's description has 1 to 1024 characters" },
  { id: "listing-schema",        section: "6.2",  behaviour: "`schema_url` is https and comes with a `schema_digest` of 64 hex, prefixed or bare" },
  { id: "listing-curve",         section: "6.2",  behaviour: "`quality` is within 0 and 1, `cost_amount` a whole number from 0" },
  { id: "listing-open-quote",    section: "6.2",  behaviour: "A curve and an open quote exclude each other; the estimate is within the ceiling" },
  { id: "listing-legacy-price",  section: "6.2",  behaviour: "`pricing_model` and `price_credits` become a curve of one tier" },
  { id: "patch-owner",           section: "6.2",  behaviour: "Only the owner changes a listing: 403 for others" },
  { id: "patch-partial",         section: "6.2",  behaviour: "A patch changes what it names and leaves the rest" },
  { id: "patch-slug",            section: "6.2",  behaviour: "A slug cannot be changed: 422" },
  { id: "modes-of-shapes",       section: "6.3",  behaviour: "`interaction_modes` follow from the shapes of the price" },
  { id: "invoke-channel",        section: "6.3",  behaviour: "What is sold by session or message cannot be invoked: 409" },

  { id: "upload-answer",         section: "6.4",  behaviour: "`POST /files` answers 201 with `file_id` and nothing else" },
  { id: "upload-cap",            section: "6.4",  behaviour: "A file over 50 MB is 413 `payload_too_large`" },
  { id: "file-content",          section: "6.4",  behaviour: "A file is for who uploaded it and who works with it; to others it does not exist" },
  { id: "manifest",              section: "6.5",  behaviour: "A manifest is kept as written, and can be invoked with by its id" },
  { id: "manifest-private",      section: "6.5",  behaviour: "Another's manifest does not exist" },
  { id: "mandate",               section: "6.5",  behaviour: "A mandate is given in the name of an agent of one's own, is signed, and can be revoked" },
  { id: "mandate-invalid",       section: "6.8",  behaviour: "A gig task without a mandate that is active, unexpired, one's own and large enough is 403 `mandate_invalid`" },
  { id: "mandate-strict",        section: "4",    behaviour: "Unknown fields of a mandate or gig task are 422" },
  { id: "gig-create",            section: "6.8",  behaviour: "`POST /gig-tasks` holds targets times credits and answers 201 with the task" },
  { id: "gig-unknown-field",     section: "6.8",  behaviour: "Other services' names for its fields are refused: `target_count`, `reward_credits`, `input`" },
  { id: "gig-idempotency",       section: "6.8",  behaviour: "The same Idempotency-Key and body is the same task, with another body 409" },
  { id: "gig-insufficient",      section: "6.8",  behaviour: "A wallet that cannot pay for every slot is 402 `insufficient_credits`, and nothing is held" },
  { id: "gig-ceiling",           section: "12",   behaviour: "A task that would cross its chain's ceiling is 402 `ceiling_exceeded`" },
  { id: "gig-list",              section: "6.8",  behaviour: "`GET /gig-tasks` lists one's own, by status" },
  { id: "gig-visible",           section: "6.8",  behaviour: "A task is seen by who asked, and by who took a slot with its own result" },
  { id: "gig-available",         section: "6.8",  behaviour: "`available` lists open tasks of others, by capability" },
  { id: "gig-accept",            section: "6.8",  behaviour: "Accepting answers the result's id and its execution deadline" },
  { id: "gig-full",              section: "6.8",  behaviour: "Never more slots are accepted than are wanted: 409 `task_full`" },
  { id: "gig-closed",            section: "6.8",  behaviour: "A task that is over takes nobody: 409 `task_closed`" },
  { id: "gig-stake",             section: "11",   behaviour: "A stake is held on accepting, returned on approval, and lost on rejection or no-show; who lacks it is 409 `insufficient_stake`" },
  { id: "gig-own",               section: "6.8",  behaviour: "One's own agents take no part in one's own task" },
  { id: "gig-submit",            section: "6.8",  behaviour: "A result is handed in once and waits as `pending_verification`" },
  { id: "gig-schema-mismatch",   section: "6.8",  behaviour: "A result that does not fit `result_schema` is 422 `result_schema_mismatch`, and says why" },
  { id: "gig-result-size",       section: "6.8",  behaviour: "A result that is too large is 413 `payload_too_large`" },
  { id: "gig-output-schema",     section: "11",   behaviour: "`verifier_method: output_schema` approves what fits" },
  { id: "gig-verify",            section: "6.8",  behaviour: "`verify` approves or rejects, with a score of 0 to 100 and notes" },
  { id: "gig-review",            section: "6.8",  behaviour: "`review` does the same with one to five stars, each worth 20 (A-17)" },
  { id: "gig-counts",            section: "11",   behaviour: "Counts of accepted, completed, approved and rejected results; a task completes on approvals (A-18)" },
  { id: "gig-reopen",            section: "11",   behaviour: "The slot of a rejected or missing result is free again until the deadline" },
  { id: "gig-tiered",            section: "11",   behaviour: "`tiered` pays by the score, rounded down" },
  { id: "gig-winner",            section: "11",   behaviour: "`winner_take_all` pays the pot to the best approved result when the task closes" },
  { id: "gig-slotted",           section: "11",   behaviour: "The slots of a `slotted` task have keys, and each is taken once" },
  { id: "gig-auto-approve",      section: "11",   behaviour: "A result that nobody judges is approved after 72 hours" },
  { id: "gig-execute-deadline",  section: "7.1",  behaviour: "A slot that is not filled by its execution deadline expires" },
  { id: "gig-deadline",          section: "11",   behaviour: "At the deadline free slots are refunded and the task is `expired`; what waits for a verdict keeps its money" },
  { id: "gig-cancel",            section: "11",   behaviour: "Cancelling refunds what is not handed in; what is waits for its verdict" },
  { id: "gig-offer",             section: "7.4",  behaviour: "GIG_TASK_OFFER, GIG_TASK_BID, GIG_TASK_EXECUTE and GIG_TASK_ERROR on the relay" },

  { id: "invoke-answer",         section: "6.6",  behaviour: "An invoke answers `invoke_id`, `result`, `credits_charged`, `receipt_id`, `evidence`" },
  { id: "invoke-fields",         section: "6.6",  behaviour: "Fields of the wrong type are 422 and name the field" },
  { id: "invoke-manifest",       section: "6.6",  behaviour: "Exactly one of `manifest` and `manifest_id`" },
  { id: "invoke-timeout-range",  section: "6.6",  behaviour: "`timeout_seconds` is a whole number from 5 to 300" },
  { id: "invoke-timeout",        section: "6.6",  behaviour: "A passed deadline is 504 `invoke_timeout`, and free" },
  { id: "invoke-max-credits",    section: "6.6",  behaviour: "A price above `max_credits` is 402 `budget_exceeded`" },
  { id: "invoke-insufficient",   section: "6.6",  behaviour: "A wallet that cannot pay is 402 `insufficient_credits`" },
  { id: "invoke-offline",        section: "6.6",  behaviour: "A provider that is away is 503 `provider_offline`" },
  { id: "invoke-capability",     section: "6.6",  behaviour: "404 `capability_not_found` where nobody offers it, 409 `capability_not_supported` where others do" },
  { id: "invoke-failure-free",   section: "6.6",  behaviour: "Every failure leaves credits untouched" },
  { id: "invoke-busy",           section: "7.5",  behaviour: "A provider's `provider_busy` is 503" },

  { id: "identify",              section: "7.3",  behaviour: "IDENTIFY is answered by IDENTIFIED, in either spelling of its fields" },
  { id: "identify-rejected",     section: "7.3",  behaviour: "A wrong key or listing is IDENTIFY_REJECTED, and closed with its own code" },
  { id: "relay-replaced",        section: "7.3",  behaviour: "A newer connection of an agent closes the older with 4009" },
  { id: "relay-redelivery",      section: "7.3",  behaviour: "Work that was not answered is sent again after a reconnect" },
  { id: "relay-shutdown",        section: "7.1",  behaviour: "`transport_shutdown` ends what is under way at once, refunded" },

  { id: "search-intent",         section: "13",   behaviour: "An intent ranks; with a slug it ranks within the slug's agents" },
  { id: "search-online",         section: "13",   behaviour: "Who is offline is left out unless `status` asks for it" },
  { id: "schema-digest",         section: "13",   behaviour: "A declared schema whose bytes have another digest is refused" },
  { id: "schema-input",          section: "13",   behaviour: "Input that does not fit the declared schema is 422 `input_schema_mismatch`" },
  { id: "file-reference",        section: "14",   behaviour: "A file field has exactly one of `url` (https) and `file_id`: else 422 `invalid_file_ref`" },
  { id: "file-types",            section: "14",   behaviour: "A file's content decides its type; what is not allowed is 415 `unsupported_type`" },
] as const satisfies readonly Requirement[];

export type RequirementId = (typeof REQUIREMENTS)[number]["id"];

/** Marks what a test shows. The compiler knows the ids; the gate finds the calls. */
export function verifies<const Ids extends readonly RequirementId[]>(...ids: Ids): Ids {
  return ids;
}
