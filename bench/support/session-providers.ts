/**
 * The providers of the sessions benchmark, in a process of their own: each has one connection, answers
 * every turn at once, and notes when it heard what, and whether it came in order.
 */
import { connectProvider, type ProviderConnection } from "@guildhall/sdk";

export interface ProviderAccount {
  readonly key: string;
  readonly agentId: string;
}

export type ProvidersAsked =
  | {
      readonly kind: "connect";
      readonly url: string;
      readonly accounts: readonly ProviderAccount[];
    }
  | { readonly kind: "report" };

export interface ProvidersReport {
  readonly heard: number;
  /** Turns that did not follow the one before them in their session. */
  readonly outOfOrder: number;
  /** From the moment a message was sent, and from when it was to be sent; sorted, in milliseconds. */
  readonly sentMs: readonly number[];
  readonly dueMs: readonly number[];
}

/** Milliseconds on a clock that all processes of this machine share. */
export function sharedMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

if (process.send) serve();

function serve(): void {
  const sentMs: number[] = [];
  const dueMs: number[] = [];
  const lastSeq = new Map<string, number>();
  let outOfOrder = 0;

  const turn = ({ seq, payload }: { seq: number; payload: unknown }, at: { sessionId: string }) => {
    const nowMs = sharedMs();
    const { sent, due } = payload as { sent: number; due: number };
    sentMs.push(nowMs - sent);
    dueMs.push(nowMs - due);
    if (seq !== (lastSeq.get(at.sessionId) ?? 0) + 1) outOfOrder += 1;
    lastSeq.set(at.sessionId, seq);
    return { seq };
  };

  function online(url: string, account: ProviderAccount): Promise<ProviderConnection> {
    return new Promise((resolve, reject) => {
      const connection = connectProvider({
        ...{ url, ...account, sessions: 1_000, handlers: { session: { turn } } },
        onState(state) {
          if (state.kind === "online") resolve(connection);
          if (state.kind === "stopped") reject(new Error(`stopped: ${state.reason}`));
        },
      });
    });
  }

  process.on("message", async (asked: ProvidersAsked) => {
    if (asked.kind === "connect") {
      const { url, accounts } = asked;
      await Promise.all(accounts.map((account) => online(url, account)));
      process.send?.("online");
      return;
    }
    const byLength = (a: number, b: number): number => a - b;
    const report: ProvidersReport = {
      ...{ heard: sentMs.length, outOfOrder },
      ...{ sentMs: sentMs.toSorted(byLength), dueMs: dueMs.toSorted(byLength) },
    };
    process.send?.(report);
  });
}
