import { microsOfUsd } from "@guildhall/protocol";
import { type Command, InvalidArgumentError } from "commander";
import { fieldsOf } from "../server.ts";
import { table } from "../terminal/layout.ts";
import type { Admin } from "./admin.ts";

interface PriceOptions {
  readonly inputUsd: string;
  readonly cachedUsd?: string;
  readonly outputUsd: string;
  readonly requestUsd?: string;
}

/** What calls of models cost. */
export function addPrice(parent: Command, admin: Admin): void {
  const { terminal } = admin.cli;
  const price = parent.command("price").description("What calls of models cost");
  price
    .command("set")
    .description("Set a model's prices, in US dollars for a million tokens")
    .argument("<vendor/model>", "by the name that callers use")
    .requiredOption("--input-usd <amount>", "for input", priceUsd)
    .option("--cached-usd <amount>", "for input that was cached; otherwise as input", priceUsd)
    .requiredOption("--output-usd <amount>", "for output, reasoning included", priceUsd)
    .option("--request-usd <amount>", "for each call beside", priceUsd)
    .action(async (model: string, options: PriceOptions) => {
      const api = await admin.open();
      const json = {
        model,
        input_usd: options.inputUsd,
        cached_usd: options.cachedUsd,
        output_usd: options.outputUsd,
        request_usd: options.requestUsd,
      };
      terminal.answer(await api.ask({ method: "POST", path: "/prices", json }));
    });
  price
    .command("list")
    .description("List prices, in US dollars for a million tokens")
    .action(async () => {
      const api = await admin.open();
      const answer = await api.ask({ method: "GET", path: "/prices" });
      terminal.answer(answer, (value, page) => {
        const { prices } = fieldsOf(value);
        const rows = (Array.isArray(prices) ? prices : []).map(fieldsOf);
        if (rows.length === 0) return "No model has a price.";
        return table(
          page,
          [
            { title: "model", style: page.paint.accent, isFlexible: true },
            { title: "input", align: "right" },
            { title: "cached", align: "right" },
            { title: "output", align: "right" },
            { title: "a call", align: "right" },
          ],
          rows.map((row) =>
            [row.model, row.input_usd, row.cached_usd, row.output_usd, row.request_usd].map(String),
          ),
        );
      });
    });
  price
    .command("remove")
    .description("Forget a model's prices: a call of it then costs what one without a price does")
    .argument("<vendor/model>", "from price list")
    .action(async (model: string) => {
      const api = await admin.open();
      terminal.answer(await api.ask({ method: "POST", path: "/prices/remove", json: { model } }));
    });
}

/** A price may be nothing. Kept as text: it is exact. */
function priceUsd(text: string): string {
  const micros = microsOfUsd(text);
  if (micros !== undefined && micros >= 0n) return text;
  throw new InvalidArgumentError("It must be an amount, like 10, 0.5 or 0.");
}
