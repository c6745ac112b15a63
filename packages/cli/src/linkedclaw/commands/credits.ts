import type { Command } from "commander";
import type { Cli } from "../../cli.ts";
import { fieldsOf } from "../../server.ts";
import { facts } from "../../terminal/layout.ts";
import { openApi } from "../api.ts";

export function addCredits(program: Command, cli: Cli): void {
  program
    .command("credits")
    .description("Show the wallet: what is there, what is held for work, what is free")
    .action(async () => {
      const api = await openApi(cli);
      const answer = await api.ask({ method: "GET", path: "/credits" });
      cli.terminal.answer(answer, (value, page) => {
        const { balance, escrowed, available } = fieldsOf(value);
        return facts(page, [
          ["available", `${available} credits`, page.paint.bold],
          ["held", `${escrowed} credits`],
          ["balance", `${balance} credits`],
        ]);
      });
    });
}
