/** Lists that a server gives page by page, as one array. */
import { Failure } from "../failure.ts";
import { fieldsOf } from "../server.ts";
import type { Api } from "./api.ts";

/** As many as a server gives at once; more are asked for page by page. */
const PAGE_SIZE_MAX = 100;
/** A server whose pages never come to an end is not followed for ever. */
const PAGES_MAX = 1_000;

/**
 * All that is listed under `name`, or the first `limit` of it; 0 is all. The wire gives an object, our
 * commands print an array (LinkedClaw contract §20, A-27).
 */
export async function arrayIn(
  api: Api,
  path: string,
  query: Readonly<Record<string, string | undefined>>,
  name: string,
  limit = 0,
): Promise<unknown[]> {
  const found: unknown[] = [];
  let cursor: string | undefined;
  for (let pages = 0; pages < PAGES_MAX; pages++) {
    const size = limit === 0 ? undefined : String(Math.min(limit, PAGE_SIZE_MAX));
    const page = await api.ask({ method: "GET", path, query: { ...query, limit: size, cursor } });
    const { [name]: items, next_cursor: next } = fieldsOf(page);
    const read = Array.isArray(page) ? page : items;
    if (!Array.isArray(read)) {
      throw new Failure("bad_response", `The server's answer holds no ${name}.`);
    }
    found.push(...read);
    const isEnough = limit !== 0 && found.length >= limit;
    if (typeof next !== "string" || next === "" || next === cursor || isEnough) break;
    cursor = next;
  }
  return limit === 0 ? found : found.slice(0, limit);
}
