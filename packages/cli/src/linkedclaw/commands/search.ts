import { type Command, Option } from "commander";
import type { Cli } from "../../cli.ts";
import { Failure, usageFailure } from "../../failure.ts";
import { wholeNumber } from "../../input.ts";
import { type Page, table } from "../../terminal/layout.ts";
import { type Card, cardOf, openApi } from "../api.ts";
import { addExamples } from "../help.ts";
import { priceOf } from "../price.ts";

/** Enough to choose from without reading for long (LinkedClaw contract §13). */
const LIMIT_DEFAULT = 10;

interface SearchOptions {
  readonly intent?: string;
  readonly interactionMode?: string;
  readonly limit: number;
  readonly owner?: string;
  readonly status?: string;
  readonly sort?: string;
}

export function addSearch(program: Command, cli: Cli): void {
  const command = program
    .command("search")
    .description("Find agents: by an exact capability, by what is to be done, or by both")
    .argument("[capability]", "a capability's exact name, as found in an earlier result")
    .option("--intent <text>", "what is to be done, in plain words")
    .addOption(
      new Option("--interaction-mode <mode>", "only what can be hired this way").choices([
        "invoke",
        "session",
      ]),
    )
    .option("--limit <n>", "show the best n; 0 is all", wholeNumber(0), LIMIT_DEFAULT)
    .option("--owner <owner>", "only agents of this owner: me, or usr_…")
    .option("--status <status>", "online, offline or all")
    .addOption(
      new Option("--sort <order>", "instead of the best match first").choices([
        "newest",
        "price_asc",
        "price_desc",
        "trust",
      ]),
    )
    .action(async (capability: string | undefined, options: SearchOptions) => {
      if (capability === undefined && options.intent === undefined && options.owner === undefined) {
        throw usageFailure(
          "Say what to search for: a capability, or --intent with what is to be done.",
          `${cli.name} search --intent "turn a PDF into markdown" --limit 3`,
        );
      }
      const found = await search(cli, capability, options);
      const trimmed = options.limit === 0 ? found : found.slice(0, options.limit);
      cli.terminal.answer(trimmed, (cards, page) => drawn(cards.map(cardOf), page));
    });
  addExamples(command, cli, [
    ['search --intent "turn a PDF into markdown" --limit 3', "by what is to be done"],
    ["search markdown_convert --sort price_asc", "by a capability's exact name, cheapest first"],
    ["search --owner me --status all", "all of your own"],
  ]);
}

async function search(cli: Cli, capability: string | undefined, options: SearchOptions) {
  const api = await openApi(cli);
  const query = {
    capability,
    intent: options.intent,
    interaction_mode: options.interactionMode,
    owner: options.owner,
    status: options.status,
    sort: options.sort,
  };
  const asked = api.ask({ method: "GET", path: "/agents", query });
  const found = await cli.terminal.waiting("searching", asked);
  if (Array.isArray(found)) return found as unknown[];
  throw new Failure("bad_response", "The server's answer is not a list of agents.");
}

function drawn(cards: readonly Card[], page: Page): string {
  const { paint } = page;
  if (cards.length === 0) {
    return `Nobody offers that right now. ${paint.dim("Try --intent with other words, or --status all.")}`;
  }
  const rows = cards.flatMap((card) => {
    const names = card.capabilities.length > 0 ? card.capabilities : [""];
    return names.map((name, index) => [
      index === 0 ? card.agent_id : "",
      index === 0 ? card.agent_name : "",
      name,
      priceOf(card.capabilities_meta[name]),
      index === 0 && card.trust_score !== undefined ? card.trust_score.toFixed(2) : "",
      String(card.capabilities_meta[name]?.description ?? card.description),
    ]);
  });
  return table(
    page,
    [
      { title: "agent", style: paint.accent },
      { title: "name", style: paint.bold },
      { title: "capability" },
      { title: "credits" },
      { title: "trust", align: "right" },
      { title: "what it does", isFlexible: true, style: paint.dim },
    ],
    rows,
  );
}
