import type { Command } from "commander";
import type { Cli } from "../../cli.ts";
import { fieldsOf } from "../../server.ts";
import { openApi, pathPart } from "../api.ts";
import { addExamples } from "../help.ts";
import { readListing, writeRegistered } from "./listing-file.ts";
import { curvesOf, freeCapabilities, parsePricing, withCurves } from "./pricing.ts";

export function addRegister(provider: Command, cli: Cli): void {
  const command = provider
    .command("register")
    .description("Offer an agent, or offer it anew after its listing changed")
    .argument("<listing>", "a slug in providers/, a YAML file, or - for stdin")
    .option("--pricing <price>", 'a price for what has none, e.g. "50 per_call"')
    .action(async (named: string, options: { pricing?: string }) => {
      const pricing = options.pricing === undefined ? undefined : parsePricing(options.pricing);
      const listing = await readListing(cli, named);
      const curves = pricing === undefined ? {} : curvesOf(listing.body, pricing);
      const body = withCurves(listing.body, curves);
      const api = await openApi(cli);
      warnOfUnread(cli, listing.body);
      warnOfFree(cli, body);
      const { agentId, path } = listing;
      const answer = await api.ask(
        agentId === undefined
          ? { method: "POST", path: "/agents", json: body }
          : { method: "PATCH", path: `/agents/${pathPart(agentId)}`, json: body },
      );
      const given = String(fieldsOf(answer).agent_id ?? agentId ?? "");
      if (path !== undefined) await writeRegistered(path, { agentId: given, curves });
      cli.terminal.answer(answer, (_, page) => {
        const next = `${cli.name} provider run ${named} --handler-cmd "…"`;
        return `${page.paint.good("✔")} ${page.paint.accent(given)}\n  ${page.paint.dim(next)}`;
      });
    });
  addExamples(command, cli, [
    ['provider register shouter --pricing "50 per_call"', "providers/shouter.yaml, for 50 credits"],
    ["provider register ./listing.yaml", "as the file says, prices too"],
  ]);
}

/** What a listing may say: the first for the server, the others for the daemon (`limits.ts`). */
// biome-ignore format: read as a table
const READ: ReadonlySet<string> = new Set([
  "slug", "agent_name", "description", "capabilities", "capabilities_meta",
  "pricing_model", "price_credits", "provider_type", "verify_method",
  "slot_fulfillment", "fork_policy", "sla_tier",
  "max_concurrent_runs", "per_requester_limit", "max_sessions", "turn_timeout", "max_stake",
  "auto_accept_invokes", "auto_accept_sessions", "auto_accept_gig_tasks",
]);

/** A misspelt name is no error, since a file may say more; but what stands under it would not count. */
function warnOfUnread(cli: Cli, body: Readonly<Record<string, unknown>>): void {
  const unread = Object.keys(body).filter((name) => !READ.has(name));
  if (unread.length > 0) warn(cli, "unread", `Nobody reads ${unread.join(", ")}: is it misspelt?`);
}

function warnOfFree(cli: Cli, body: Readonly<Record<string, unknown>>): void {
  const free = freeCapabilities(body);
  if (free.length === 0) return;
  warn(cli, "free", `${free.join(", ")} will be FREE: no price is given.`);
}

function warn(cli: Cli, code: string, message: string): void {
  if (cli.terminal.isHuman) cli.terminal.note(cli.terminal.errorPaint.warning(message));
  else cli.terminal.event("warning", { code, message });
}
