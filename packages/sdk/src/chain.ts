/** The chain of work that this code runs for: what a run handler asks for in turn belongs to it. */
import { AsyncLocalStorage } from "node:async_hooks";

const chains = new AsyncLocalStorage<string>();

/** Runs `work` so that every request made inside it, at any depth, joins the chain. */
export function inChain<T>(chainId: string, work: () => T): T {
  return chains.run(chainId, work);
}

/** The chain that the calling code works for; `undefined` outside of a run handler. */
export function currentChainId(): string | undefined {
  return chains.getStore();
}
