/** A hall with a model to sell, and members whose keys pay for it under a budget: for what measures the model gateway. */
import { fork } from "node:child_process";
import type { Dispatcher } from "undici";
import { adminOf, type BenchServer, type Host, startServer } from "./server.ts";

/** The model that the hall offers, as its callers name it. */
export const MODEL = "bench/instant";
/** What a request costs, in micros: the wallets then count the requests. */
const PRICE_USD = "0.000001";

/** The model's own server, a process of its own. */
export async function startModelUpstream(): Promise<{ port: number; stop: () => void }> {
  const child = fork("bench/support/model-upstream.ts");
  const port = await new Promise<number>((resolve) => child.once("message", resolve as never));
  return { port, stop: () => void child.kill() };
}

/** A server as it runs in production, but for its limits of requests per minute. */
export function startModelServer(host: Host): Promise<BenchServer> {
  return startServer(host, {
    GUILDHALL_MODE: "production",
    PUBLIC_URL: "https://gateway.example.org",
    GUILDHALL_SECRET_KEY: "a secret key of forty characters, to measure with",
    GUILDHALL_RATE_LIMITS: "models=0",
  });
}

/** Members with money and a key each, and one interface with one model. */
export async function openModelHall(
  server: BenchServer,
  client: Dispatcher,
  { upstreamPort, callers }: { upstreamPort: number; callers: number },
) {
  const admin = adminOf(server, client);
  const owner = "owner@example.com";
  await admin("POST", "/members", { email: owner });
  await admin("POST", "/upstreams", {
    ...{ email: owner, provider_id: "bench", kind: "openai", key: "upstream-key" },
    url: `http://127.0.0.1:${upstreamPort}/v1`,
    models: [{ model: MODEL }],
  });
  const price = { model: MODEL, input_usd: "0", output_usd: "0", request_usd: PRICE_USD };
  await admin("POST", "/prices", price);
  const keys: string[] = [];
  for (let caller = 0; caller < callers; caller++) {
    const email = `caller${caller}@example.com`;
    await admin("POST", "/members", { email });
    await admin("POST", "/credits", { email, usd: "10", reason: "bench" });
    const key = { email, kind: "gld", daily_usd: "5", monthly_usd: "5" };
    keys.push(String((await admin("POST", "/keys", key)).key));
  }
  const ownerKey = String((await admin("POST", "/keys", { email: owner, kind: "gld" })).key);
  return {
    keys,
    /** What the owner was paid is how many were asked; nothing is held; the books are right. Throws where it is not so. */
    async requireSettled(asked: number) {
      // Settlements follow their answers, by some milliseconds.
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      const { body } = await client.request({
        ...{ origin: server.localUrl, method: "GET", path: "/api/guildhall/v1/wallet" },
        headers: { authorization: `Bearer ${ownerKey}` },
      });
      const { posted_micros } = (await body.json()) as { posted_micros: string };
      const verdict = await admin("GET", "/ledger/verify?full=1");
      const heldMicros = Number((await admin("GET", "/status")).holds.held_micros);
      const settlements = Number(posted_micros);
      if (settlements !== asked) throw new Error(`${asked} requests, ${settlements} settlements`);
      if (heldMicros !== 0) throw new Error(`${heldMicros} micros are held by nothing`);
      if (verdict.ok !== true) throw new Error(`the books: ${JSON.stringify(verdict)}`);
      return { requests: asked, settlements, held_micros: heldMicros, books: "ok" };
    },
  };
}

/** Asks a model, and gives the text of the answer. Throws where there is none. */
export async function ask(
  client: Dispatcher,
  origin: string,
  model: string,
  { isStream = false, headers }: { isStream?: boolean; headers: Readonly<Record<string, string>> },
): Promise<string> {
  const messages = [{ role: "user", content: "Hello, is it me you are looking for?" }];
  const { statusCode, body } = await client.request({
    ...{ origin, method: "POST", path: "/v1/chat/completions" },
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ model, messages, ...(isStream && { stream: true }) }),
  });
  const text = await body.text();
  if (statusCode !== 200) throw new Error(`${statusCode}: ${text.slice(0, 300)}`);
  return text;
}
