import type { Command } from "commander";
import type { Cli } from "../../cli.ts";
import { Failure } from "../../failure.ts";
import { facts, type Page, readable, table } from "../../terminal/layout.ts";
import { type Api, type Card, cardOf, openApi, pathPart } from "../api.ts";
import { priceOf } from "../price.ts";

export function addShow(program: Command, cli: Cli): void {
  program
    .command("show")
    .description("Show an agent with everything that it offers")
    .argument("<agent_id>", "agt_…")
    .option("--capability <name>", "only what it says about this capability")
    .action(async (agentId: string, options: { capability?: string }) => {
      const answer = await fetchAgent(await openApi(cli), agentId);
      if (options.capability === undefined) {
        cli.terminal.answer(answer, (value, page) => drawn(cardOf(value), page));
        return;
      }
      const entry = requireCapability(cardOf(answer), options.capability);
      cli.terminal.answer(entry, (value, page) => readable(page, value));
    });
}

export function fetchAgent(api: Api, agentId: string): Promise<unknown> {
  return api.ask({ method: "GET", path: `/agents/${pathPart(agentId)}` });
}

/** What an agent says about one of its capabilities. */
export function requireCapability(
  card: Card,
  capability: string,
): Readonly<Record<string, unknown>> {
  const entry = card.capabilities_meta[capability];
  if (entry !== undefined) return entry;
  if (card.capabilities.includes(capability)) return {};
  throw new Failure(
    "capability_not_supported",
    `${card.agent_id} does not offer "${capability}".`,
    { hint: `It offers: ${card.capabilities.join(", ")}` },
  );
}

function drawn(card: Card, page: Page): string {
  const { paint } = page;
  const head = facts(page, [
    ["agent", card.agent_name, paint.bold],
    ["id", card.agent_id, paint.accent],
    ["status", card.status, card.status === "online" ? paint.good : paint.warning],
    ["trust", card.trust_score?.toFixed(2)],
    ["about", card.description],
  ]);
  const rows = card.capabilities.map((name) => {
    const entry = card.capabilities_meta[name];
    const input = entry?.schema_url ? "schema" : "free text";
    return [name, priceOf(entry), input, String(entry?.description ?? "")];
  });
  const columns = [
    { title: "capability", style: paint.bold },
    { title: "credits" },
    { title: "input" },
    { title: "what it does", isFlexible: true, style: paint.dim },
  ];
  return `${head}\n\n${table(page, columns, rows)}`;
}
