/** Refusals that `billing` meets, and those that it is given (contract §10.3). */
import { Failure } from "../failure.ts";
import { type Client, refused } from "./client.ts";
import { explain } from "./explanations.ts";
import { isObject, type JsonObject, textOf } from "./json.ts";
import { shortened } from "./output.ts";
import { type Shortfall, shortfallOf } from "./shortfall.ts";
import { codeOf, kindOf, type Reply, refusal } from "./wire.ts";

/** A refusal that the command line gives; fails where it is none for lack of balance. */
export function shortfallIn(body: JsonObject): Shortfall {
  const shortfall = shortfallOf(body);
  if (!shortfall) {
    throw new Failure(
      "invalid_response",
      "That is no insufficient_balance refusal: it needs error_code, current_balance and required_balance in one unit.",
    );
  }
  if (shortfall.workspaceId !== undefined) return shortfall;
  throw new Failure("invalid_response", "The refusal names no workspace_id.");
}

export function tellRefusal(client: Client, reply: Reply, isJson: boolean): number {
  if (isJson) client.output.json(refused(reply, client.key));
  else client.output.note(wordsOf(reply));
  return 1;
}

/** A refusal in one line. */
export function wordsOf(reply: Reply): string {
  if (reply.status < 400) return refusal(reply).message;
  const code = codeOf(reply.json);
  const said = isObject(reply.json) ? textOf(reply.json.message) : undefined;
  return [
    `HTTP ${reply.status} ${code ?? "without a code"}: ${explain(code, false)}`,
    ...(said === undefined ? [] : [`The server says: ${shortened(said)}`]),
    ...(reply.json === undefined ? [`It answered with ${kindOf(reply)}.`] : []),
  ].join(" ");
}
