import type { Command } from "commander";
import type { Cli } from "../../cli.ts";
import { fieldsOf } from "../../server.ts";
import { openApi, pathPart } from "../api.ts";
import { readListing, writeRegistered } from "./listing-file.ts";
import { curvesOf, freeCapabilities, parsePricing, withCurves } from "./pricing.ts";

export function addRegister(provider: Command, cli: Cli): void {
  provider
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
}

function warnOfFree(cli: Cli, body: Readonly<Record<string, unknown>>): void {
  const free = freeCapabilities(body);
  if (free.length === 0) return;
  const message = `${free.join(", ")} will be FREE: no price is given.`;
  if (cli.terminal.isHuman) cli.terminal.note(cli.terminal.errorPaint.warning(message));
  else cli.terminal.event("warning", { code: "free", message });
}
