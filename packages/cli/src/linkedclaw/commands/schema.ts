import type { Command } from "commander";
import type { Cli } from "../../cli.ts";
import { Failure } from "../../failure.ts";
import { cardOf, openApi } from "../api.ts";
import { fetchSchema } from "../schema-fetch.ts";
import { fetchAgent, requireCapability } from "./show.ts";

export function addSchema(program: Command, cli: Cli): void {
  program
    .command("schema")
    .description("Print the JSON Schema of a capability's input, checked against its digest")
    .argument("<agent_id>", "agt_…")
    .requiredOption("--capability <name>", "the capability")
    .action(async (agentId: string, { capability }: { capability: string }) => {
      const api = await openApi(cli);
      const entry = requireCapability(cardOf(await fetchAgent(api, agentId)), capability);
      const { schema_url: url, schema_digest: digest } = entry;
      if (typeof url !== "string" || url === "") {
        // Not a fault: it tells the caller to write plain words instead of building an object.
        throw new Failure("no_schema_url", `no schema_url for capability "${capability}"`, {
          hint: "The agent takes free text. Read its description: show --capability.",
        });
      }
      const fetched = fetchSchema(url, digest, api.settings.cloudUrl);
      const schema = await cli.terminal.waiting("fetching the schema", fetched);
      cli.terminal.text(JSON.stringify(schema, null, 2));
    });
}
