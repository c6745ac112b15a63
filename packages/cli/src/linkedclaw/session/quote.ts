/**
 * Open quotes: the provider names a price after it has read what is to be done, and bills what it
 * really took (LinkedClaw contract §10.4).
 *
 *   1. hire --open-quote, then send a brief.       2. get-quote-proposal, once there is one.
 *   3. accept-quote: the most it may cost is held. 4. activate, send the work, recv, end.
 *   5. get-invoice, once there is one, and accept-invoice: what was billed is paid, the rest comes back.
 *
 * The provider's side of it is submit-quote and submit-invoice.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { Command } from "commander";
import type { Cli } from "../../cli.ts";
import { isFailure } from "../../failure.ts";
import { jsonArray, textOrStdin, wholeNumber } from "../../input.ts";
import { fieldsOf } from "../../server.ts";
import { facts, type Page, readable } from "../../terminal/layout.ts";
import { type Api, openApi } from "../api.ts";
import { addExamples } from "../help.ts";
import { drawSession, nextStep, sessionPath } from "./session.ts";
import { requireSessionId } from "./state.ts";

/** Holding waits for a turn of the ledger, and for nothing else. */
const HOLD_TIMEOUT_MS = 60_000;
const WAIT_SECONDS_MAX = 86_400;
/** As often as `recv` looks. */
const POLL_MS = 1_500;

export function addGetQuoteProposal(program: Command, cli: Cli): void {
  const command = program
    .command("get-quote-proposal")
    .description("Show the price that a provider proposes for an open-quote session")
    .argument("<session_id>", "ses_…")
    .option("--wait <seconds>", "wait for it so long", wholeNumber(0, WAIT_SECONDS_MAX), 0)
    .action(async (sessionId: string, { wait }: { wait: number }) => {
      const path = sessionPath(requireSessionId(sessionId), "/quote-proposal");
      const asked = onceThere(await openApi(cli), path, "no_quote_proposed", wait);
      const answer = await cli.terminal.waiting("waiting for the price", asked);
      cli.terminal.answer(answer, (value, page) => {
        const { proposal_hash: hash } = fieldsOf(value);
        const next = `${cli.name} accept-quote ${sessionId} --proposal-hash ${String(hash)}`;
        return `${drawPrice(page, value)}\n${nextStep(page, next)}`;
      });
    });
  addExamples(command, cli, [
    ["get-quote-proposal ses_… --wait 30", "after hire --open-quote and a brief by send"],
  ]);
}

interface AcceptQuoteOptions {
  readonly proposalHash: string;
  readonly silentConsentBound?: number;
}

export function addAcceptQuote(program: Command, cli: Cli): void {
  const command = program
    .command("accept-quote")
    .description("Accept a proposed price: the most that it may cost is held")
    .argument("<session_id>", "ses_…")
    .requiredOption("--proposal-hash <hash>", "of the proposal that you read: sha256:…")
    .option(
      "--silent-consent-bound <n>",
      "pay an invoice of at most this without asking again, in credits",
      wholeNumber(0),
    )
    .action(async (sessionId: string, options: AcceptQuoteOptions) => {
      const path = sessionPath(requireSessionId(sessionId), "/accept-quote");
      const asked = (await openApi(cli)).ask({
        method: "POST",
        path,
        json: {
          proposal_hash: options.proposalHash,
          silent_consent_bound: options.silentConsentBound,
        },
        timeoutMs: HOLD_TIMEOUT_MS,
      });
      const answer = await cli.terminal.waiting("holding the price", asked);
      cli.terminal.answer(answer, (value, page) =>
        drawSession(page, value, `${cli.name} activate ${sessionId}`),
      );
    });
  addExamples(
    command,
    cli,
    [
      ["accept-quote ses_… --proposal-hash sha256:…", "every invoice waits for accept-invoice"],
      [
        "accept-quote ses_… --proposal-hash sha256:… --silent-consent-bound 150",
        "up to 150 do not",
      ],
    ],
    "Whoever proposes anew changes the hash, so that nothing is accepted that was not read.",
  );
}

interface SubmitQuoteOptions {
  readonly amountCredits: number;
  readonly maxCredits: number;
  readonly note?: string;
}

export function addSubmitQuote(program: Command, cli: Cli): void {
  const command = program
    .command("submit-quote")
    .description("Propose a price for a session that you were hired for")
    .argument("<session_id>", "ses_…")
    .requiredOption("--amount-credits <n>", "what it will probably cost", wholeNumber(0))
    .requiredOption("--max-credits <n>", "what it will cost at most", wholeNumber(0))
    .option("--note <text>", "what the price is made of")
    .action(async (sessionId: string, options: SubmitQuoteOptions) => {
      const path = sessionPath(requireSessionId(sessionId), "/quote-proposal");
      const json = {
        shape: "itemized",
        amount_credits: options.amountCredits,
        max_credits: options.maxCredits,
        note: options.note,
      };
      const answer = await (await openApi(cli)).ask({ method: "POST", path, json });
      cli.terminal.answer(answer, (value, page) => drawPrice(page, value));
    });
  addExamples(command, cli, [
    ["submit-quote ses_… --amount-credits 120 --max-credits 200", "after reading the brief"],
  ]);
}

export function addGetInvoice(program: Command, cli: Cli): void {
  const command = program
    .command("get-invoice")
    .description("Show what a provider bills for an open-quote session that has ended")
    .argument("<session_id>", "ses_…")
    .option("--wait <seconds>", "wait for it so long", wholeNumber(0, WAIT_SECONDS_MAX), 0)
    .action(async (sessionId: string, { wait }: { wait: number }) => {
      const path = sessionPath(requireSessionId(sessionId), "/invoice");
      const asked = onceThere(await openApi(cli), path, "no_invoice_submitted", wait);
      const answer = await cli.terminal.waiting("waiting for the invoice", asked);
      cli.terminal.answer(answer, (value, page) => {
        const { invoice_id: id } = fieldsOf(value);
        const next = `${cli.name} accept-invoice ${sessionId} --invoice-id ${String(id)}`;
        return `${drawPrice(page, value)}\n${nextStep(page, next)}`;
      });
    });
  addExamples(command, cli, [["get-invoice ses_… --wait 30", "after end"]]);
}

export function addAcceptInvoice(program: Command, cli: Cli): void {
  const command = program
    .command("accept-invoice")
    .description("Pay an invoice; what was held beyond it comes back")
    .argument("<session_id>", "ses_…")
    .requiredOption("--invoice-id <id>", "the invoice that you read: inv_…")
    .action(async (sessionId: string, { invoiceId }: { invoiceId: string }) => {
      const path = sessionPath(requireSessionId(sessionId), "/accept-invoice");
      const json = { invoice_id: invoiceId };
      const asked = (await openApi(cli)).ask({
        method: "POST",
        path,
        json,
        timeoutMs: HOLD_TIMEOUT_MS,
      });
      const answer = await cli.terminal.waiting("settling", asked);
      cli.terminal.answer(answer, (value, page) => {
        const { settled_credits: paid, refunded_credits: back } = fieldsOf(value);
        return `${page.paint.good("✔")} ${paid} credits paid, ${back} came back`;
      });
    });
  addExamples(command, cli, [
    ["accept-invoice ses_… --invoice-id inv_…", "as get-invoice showed it"],
  ]);
}

interface SubmitInvoiceOptions {
  readonly totalCredits: number;
  readonly lineItems?: string;
  readonly note?: string;
}

export function addSubmitInvoice(program: Command, cli: Cli): void {
  const command = program
    .command("submit-invoice")
    .description("Bill a session that you were hired for, up to what was agreed on")
    .argument("<session_id>", "ses_…")
    .requiredOption("--total-credits <n>", "what it cost", wholeNumber(0))
    .option("--line-items <json>", "what the total is made of, a JSON array; - reads it from stdin")
    .option("--note <text>", "a word to go with it")
    .action(async (sessionId: string, options: SubmitInvoiceOptions) => {
      const { lineItems } = options;
      const items =
        lineItems === undefined
          ? undefined
          : jsonArray(await textOrStdin(lineItems), "--line-items");
      const path = sessionPath(requireSessionId(sessionId), "/invoice");
      const json = { total_credits: options.totalCredits, line_items: items, note: options.note };
      const answer = await (await openApi(cli)).ask({ method: "POST", path, json });
      cli.terminal.answer(answer, (value, page) => drawPrice(page, value));
    });
  addExamples(command, cli, [
    ["submit-invoice ses_… --total-credits 140", "after the requester has ended it"],
  ]);
}

/** What a provider has yet to say, asked for until it is there or the time is up. */
async function onceThere(
  api: Api,
  path: string,
  missing: string,
  waitSeconds: number,
): Promise<unknown> {
  const endMs = performance.now() + waitSeconds * 1000;
  for (;;) {
    const isLast = performance.now() >= endMs;
    try {
      return await api.ask({ method: "GET", path });
    } catch (error) {
      if (isLast || !isFailure(error, missing)) throw error;
    }
    await delay(Math.max(0, Math.min(POLL_MS, endMs - performance.now())));
  }
}

/** A proposal or an invoice: amounts first, then what they are made of. */
function drawPrice(page: Page, value: unknown): string {
  const { line_items: items, ...rest } = fieldsOf(value);
  const known = Object.entries(rest).filter(([, one]) => one !== null && one !== undefined);
  const head = facts(
    page,
    known.map(([name, one]) => [name.replaceAll("_", " "), String(one)] as const),
  );
  const isItemized = Array.isArray(items) && items.length > 0;
  return isItemized ? `${head}\n${readable(page, items)}` : head;
}
