/** The house's listing: what the marketplace shows of it, registered over the ordinary interface. */
import { HOUSE_CAPABILITIES } from "./house.ts";

const SLUG = "house";
const REQUEST_MS_MAX = 15_000;

const LISTING = {
  slug: SLUG,
  agent_name: "The house",
  description:
    "Comes along with this server and works offline on its CPU: documents to Markdown, text embeddings, " +
    "reranking, picture tags, face detection, and videos of pictures and words.",
  capabilities: HOUSE_CAPABILITIES.map(({ slug }) => slug),
  capabilities_meta: Object.fromEntries(
    HOUSE_CAPABILITIES.map((capability) => [
      capability.slug,
      {
        description: capability.description,
        input_schema: capability.inputSchema,
        output_schema: capability.outputSchema,
        curve: [
          { tier_name: "standard", cost_shape: "per_call", cost_amount: capability.priceCredits },
        ],
      },
    ]),
  ),
};

/** The server refused the listing, or could not be asked. */
export class ListingError extends Error {
  override readonly name = "ListingError";
  /** HTTP status; 0 where there was no answer. */
  readonly status: number;

  constructor(message: string, status: number, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}

/**
 * Registers the listing, or updates the one that is there, so that it says what this version offers.
 *
 * @param server its origin, such as `http://127.0.0.1:8787`
 * @param key of the house's own workspace
 * @returns the agent's id, as this wire writes it
 */
export async function publishListing(server: string, key: string): Promise<string> {
  const own = await request(server, key, "GET", "/agents?owner=me&status=all", undefined);
  const cards = Array.isArray(own) ? (own as { slug?: unknown; agent_id?: unknown }[]) : [];
  const current = cards.find(({ slug }) => slug === SLUG)?.agent_id;
  const published =
    current === undefined
      ? await request(server, key, "POST", "/agents", LISTING)
      : await request(server, key, "PATCH", `/agents/${current}`, LISTING);
  const id = (published as { agent_id?: unknown } | null)?.agent_id;
  if (typeof id !== "string") throw new ListingError("The server's answer names no agent.", 0);
  return id;
}

async function request(
  server: string,
  key: string,
  method: string,
  path: string,
  body: unknown,
): Promise<unknown> {
  let response: Response;
  try {
    response = await fetch(new URL(`/api/v1${path}`, server), {
      method,
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(REQUEST_MS_MAX),
    });
  } catch (error) {
    throw new ListingError("The server could not be reached.", 0, { cause: error });
  }
  const text = await response.text();
  if (!response.ok) {
    throw new ListingError(`The server refused ${method} ${path}: ${text}`, response.status);
  }
  return JSON.parse(text);
}
