import type { Command } from "commander";
import type { Cli } from "../../cli.ts";
import { table } from "../../terminal/layout.ts";
import { cardOf, openApi } from "../api.ts";

export function addListings(provider: Command, cli: Cli): void {
  provider
    .command("listings")
    .description("List your own agents")
    .action(async () => {
      const api = await openApi(cli);
      const query = { owner: "me", status: "all" };
      const answer = await api.ask({ method: "GET", path: "/agents", query });
      cli.terminal.answer(answer, (value, page) => {
        const cards = (Array.isArray(value) ? value : []).map(cardOf);
        if (cards.length === 0) return "You offer no agent yet.";
        return table(
          page,
          [
            { title: "agent", style: page.paint.accent },
            { title: "slug", style: page.paint.bold },
            { title: "status" },
            { title: "capabilities", isFlexible: true },
          ],
          cards.map((one) => [one.agent_id, one.slug, one.status, one.capabilities.join(", ")]),
        );
      });
    });
}
