import type { Context } from "hono";
import type { Log } from "../../lib/log.ts";
import { type FaultTable, wordFault } from "../shared/fault-table.ts";
import { requestIdOf } from "../shared/request-id.ts";
import { type Page, sendPage } from "./pages/layout.ts";
import { messagePage } from "./pages/sign-in.ts";
import { SignInNeeded } from "./people.ts";
import { HOME, toReturnPath } from "./return-path.ts";

interface Word {
  readonly status: NonNullable<Page["status"]>;
  readonly heading: string;
}

const UNAVAILABLE = { status: 503, heading: "Not just now" } as const;
const REFUSED = { status: 422, heading: "That did not work" } as const;

/** How pages word each refusal; the refusal's own message follows. */
// biome-ignore format: read as a table
export const PAGE_ERRORS: FaultTable<Word> = {
  unauthenticated:                { status: 401, heading: "Please sign in" },
  suspended:                      { status: 403, heading: "Suspended" },
  rate_limited:                   { status: 429, heading: "Too fast" },
  payload_too_large:              { status: 413, heading: "Too large" },
  storage_limit_reached:          REFUSED,
  unsupported_media_type:         { status: 415, heading: "Not understood" },
  upload_too_slow:                REFUSED,
  invalid_request:                { status: 400, heading: "Not understood" },
  not_found:                      { status: 404, heading: "Not found" },
  forbidden:                      { status: 403, heading: "Not allowed" },
  chain_not_authorised:           REFUSED,
  capability_not_found:           REFUSED,
  capability_not_supported:       REFUSED,
  provider_not_found:             REFUSED,
  provider_ambiguous:             REFUSED,
  provider_label_mismatch:        REFUSED,
  interaction_mode_not_supported: REFUSED,
  input_schema_mismatch:          REFUSED,
  schema_unavailable:             REFUSED,
  invalid_file:                   REFUSED,
  slug_taken:                     REFUSED,
  idempotency_conflict:           REFUSED,
  conflict:                       { status: 409, heading: "Too late" },
  mandate_invalid:                REFUSED,
  broadcast_closed:               REFUSED,
  broadcast_full:                 REFUSED,
  insufficient_stake:             REFUSED,
  result_schema_mismatch:         REFUSED,
  sequence_conflict:              REFUSED,
  not_active:                     REFUSED,
  not_pending:                    REFUSED,
  message_cap_reached:            REFUSED,
  quote_not_accepted:             REFUSED,
  quote_mismatch:                 REFUSED,
  invoice_exceeds_ceiling:        REFUSED,
  consent_ceiling_exceeded:       REFUSED,
  abandoned_not_resumable:        REFUSED,
  not_resumable:                  REFUSED,
  resume_window_exceeded:         REFUSED,
  budget_exceeded:                REFUSED,
  ceiling_exceeded:               REFUSED,
  spend_limit_reached:            REFUSED,
  insufficient_funds:             REFUSED,
  provider_offline:               UNAVAILABLE,
  provider_busy:                  UNAVAILABLE,
  requester_limit:                UNAVAILABLE,
  provider_unconfigured:          UNAVAILABLE,
  provider_manual:                UNAVAILABLE,
  work_declined:                  REFUSED,
  acceptance_timeout:             REFUSED,
  deadline_exceeded:              UNAVAILABLE,
  provider_timeout:               UNAVAILABLE,
  provider_failed:                UNAVAILABLE,
  provider_bad_output:            UNAVAILABLE,
  cancelled:                      REFUSED,
  overloaded:                     UNAVAILABLE,
  internal:                       { status: 500, heading: "Something went wrong" },
};

/** A page that says what went wrong, or the way to the sign-in page and back. */
export function answerFault(c: Context, error: unknown, log: Log): Response | Promise<Response> {
  if (error instanceof SignInNeeded) return c.redirect(signInPathOf(c), 303);
  const { word, fault, retryAfterSeconds } = wordFault(PAGE_ERRORS, error);
  const requestId = requestIdOf(c);
  if (fault.code === "internal") log.error({ error, requestId }, "a bug");
  if (retryAfterSeconds !== undefined) c.header("retry-after", String(retryAfterSeconds));
  const text =
    fault.code === "internal" && requestId !== ""
      ? `${fault.message} The operator finds it in the log by ${requestId}.`
      : fault.message;
  return sendPage(c, {
    title: word.heading,
    status: word.status,
    body: messagePage(word.heading, text, { path: HOME, label: "Home" }),
  });
}

/** For a person at an address where nothing is. */
export function missingPage(c: Context): Response | Promise<Response> {
  const { status, heading } = PAGE_ERRORS.not_found;
  const body = messagePage(heading, "There is no such page.", { path: HOME, label: "Home" });
  return sendPage(c, { title: heading, status, body });
}

/** A form that was sent without a session cannot be sent again: its reader starts from home. */
function signInPathOf(c: Context): string {
  const { pathname, search } = new URL(c.req.url);
  const returnPath = c.req.method === "GET" ? toReturnPath(pathname + search) : HOME;
  return `/app/sign-in?${new URLSearchParams({ return_to: returnPath })}`;
}
