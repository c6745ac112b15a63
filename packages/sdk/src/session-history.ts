/** What was said in a session so far, read from the server: a program that was started anew knows nothing of it. */
import { prefixed } from "@guildhall/protocol";
import { createJsonClient } from "./http.ts";
import type { HistoryMessage } from "./session-types.ts";

interface EventPage {
  readonly events: readonly {
    readonly type: string;
    readonly from: "requester" | "provider" | "system";
    readonly seq: number | null;
    readonly payload: unknown;
  }[];
  readonly next_offset: number;
}

export async function readHistory(
  options: { readonly url: string; readonly key: string },
  sessionId: string,
  signal: AbortSignal,
): Promise<readonly HistoryMessage[]> {
  const url = options.url.replace(/^ws/, "http");
  const client = createJsonClient(url, () => ({ authorization: `Bearer ${options.key}` }));
  const path = `/api/v1/sessions/${prefixed("ses", sessionId)}/events`;
  const history: HistoryMessage[] = [];
  try {
    for (let since = 0; ; ) {
      signal.throwIfAborted();
      const page = (await client.ask({ method: "GET", path, query: { since } })) as EventPage;
      for (const { type, from, seq, payload } of page.events) {
        if (type !== "message" || from === "system") continue;
        history.push({ from, seq: seq ?? undefined, payload });
      }
      if (page.events.length === 0) return history;
      since = page.next_offset;
    }
  } finally {
    await client.close();
  }
}
