/** What the tests of tasks are about: how they are asked for and looked at, and what is none. */
import assert from "node:assert/strict";
import type { Guildhall } from "../support/guildhall.ts";
import { type Filmer, TASK_CREDITS } from "./filmer.ts";
import { type Account, PLAY_CREDITS } from "./money.ts";
import type { Reply } from "./support.ts";

export const BODY = { kind: "video", input: { prompt: "Morning in the Alps" } };
export const LEFT = PLAY_CREDITS - TASK_CREDITS;

export interface Scene {
  readonly hall: Guildhall;
  readonly filmer: Filmer;
  /** Somebody new, with all of their play money. */
  newcomer(): Promise<Account>;
}

export const submit = (account: Account, body: object = BODY) =>
  account.ask("POST", "/v1/tasks", body);
export const look = (account: Account, id: string) => account.ask("GET", `/v1/tasks/${id}`);

/** Looks until the task is as expected. */
export async function until(account: Account, id: string, isThere: (task: Task) => boolean) {
  for (;;) {
    const { status, body } = await look(account, id);
    assert.equal(status, 200, JSON.stringify(body));
    if (isThere(body)) return body;
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
}

export const isOver = ({ status }: Task) => status === "succeeded" || status === "failed";

// biome-ignore lint/suspicious/noExplicitAny: whatever JSON the test looks into.
export type Task = any;

export async function assertUntouched(account: Account, reply: Reply): Promise<void> {
  assert.equal(await account.balance(), PLAY_CREDITS, JSON.stringify(reply.body));
  assert.deepEqual(await account.list("/v1/usage-events"), []);
}

/** What is no task, and what it is refused for. */
// biome-ignore format: read as a table
export const BAD: readonly (readonly [object | string, string])[] = [
  [{ ...BODY, kind: "audio" },                                       "kind"],
  [{ input: BODY.input },                                            "kind"],
  [{ kind: "video" },                                                "input"],
  [{ ...BODY, input: "a film" },                                     "input"],
  [{ ...BODY, input: {} },                                           "input.prompt"],
  [{ ...BODY, input: { prompt: "  " } },                             "input.prompt"],
  [{ ...BODY, input: { prompt: "x".repeat(10_001) } },               "input.prompt"],
  [{ ...BODY, input: { prompt: "x", style: "noir" } },               "input"],
  [{ ...BODY, input: { prompt: "x", media_urls: "https://a.example" } }, "input.media_urls"],
  [{ ...BODY, input: { prompt: "x", media_urls: ["ftp://a.example/b"] } }, "input.media_urls.0"],
  [{ ...BODY, input: { prompt: "x", media_urls: [7] } },             "input.media_urls.0"],
  [{ ...BODY, input: { prompt: "x", media_urls: Array(17).fill("https://a.example/b") } }, "input.media_urls"],
  [{ ...BODY, input: { prompt: "x", media_urls: ["https://127.0.0.1/b"] } }, ""],
  [{ ...BODY, input: { prompt: "x", media_urls: ["https://[::1]/b"] } },   ""],
  [{ ...BODY, input: { prompt: "x", media_urls: ["https://u:p@a.example/b"] } }, ""],
  [{ ...BODY, input: { prompt: "x", media_ids: ["agt_0123456789abcdef01234567"] } }, "input.media_ids.0"],
  [{ ...BODY, input: { prompt: "x", media_ids: ["fil_0123456789abcdef01234567"] } }, ""],
  [{ ...BODY, input: { prompt: "x", duration_ms: 0 } },              "input.duration_ms"],
  [{ ...BODY, input: { prompt: "x", duration_ms: 1.5 } },            "input.duration_ms"],
  [{ ...BODY, input: { prompt: "x", duration_ms: 600_001 } },        "input.duration_ms"],
  [{ ...BODY, input: { prompt: "x", duration_ms: "5000" } },         "input.duration_ms"],
  [{ ...BODY, input: { prompt: "x", aspect_ratio: "wide" } },        "input.aspect_ratio"],
  [{ ...BODY, input: { prompt: "x", aspect_ratio: "0:9" } },         "input.aspect_ratio"],
  [{ ...BODY, input: { prompt: "x", aspect_ratio: "9:37" } },        "input.aspect_ratio"],
  [{ ...BODY, input: { prompt: "x", aspect_ratio: "401:100" } },     "input.aspect_ratio"],
  [{ ...BODY, metadata: [] },                                        "metadata"],
  [{ ...BODY, metadata: { large: "x".repeat(17_000) } },             "metadata"],
  [{ ...BODY, idempotency_key: " " },                                "idempotency_key"],
  [{ ...BODY, idempotency_key: "k".repeat(201) },                    "idempotency_key"],
  [{ ...BODY, idempotency_key: 7 },                                  "idempotency_key"],
  ...["instruction", "provider_id", "providerId", "labels", "model", "model_provider", "modelProvider", "stream", "priority"]
    .map((name) => [{ ...BODY, [name]: name === "stream" ? false : "x" }, ""] as const),
  ['{"kind":"video","kind":"video","input":{"prompt":"x"}}',         "kind"],
  ['{"kind":"video","input":{"prompt":"x","\\u0070rompt":"y"}}',     "prompt"],
  ["{",                                                              ""],
  ["[]",                                                             ""],
];
