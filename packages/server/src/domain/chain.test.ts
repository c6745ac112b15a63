import assert from "node:assert/strict";
import { test } from "node:test";
import { type Chain, chainStatus, type Hop, treeOf } from "./chain.ts";

const AT = (seconds: number): Date => new Date(seconds * 1000);
const CHAIN: Chain = {
  id: "c",
  workspaceId: "owner",
  createdAt: AT(0),
  refused: undefined,
  approvedAt: undefined,
  closedAt: undefined,
};

test("a chain's status follows from what happened last", () => {
  const refused = { at: AT(5), neededMicros: 1n };
  assert.equal(chainStatus(CHAIN), "open");
  assert.equal(chainStatus({ ...CHAIN, refused }), "capped");
  assert.equal(chainStatus({ ...CHAIN, refused, approvedAt: AT(4) }), "capped");
  assert.equal(chainStatus({ ...CHAIN, refused, approvedAt: AT(6) }), "approved");
  assert.equal(chainStatus({ ...CHAIN, refused, approvedAt: AT(6), closedAt: AT(7) }), "closed");
});

function hop(id: string, parentId: string | undefined, workspaceId = "owner"): Hop {
  return {
    ...{ id, parentId, workspaceId, shape: "run", state: "succeeded" },
    ...{ agentId: `agent of ${id}`, agentName: `name of ${id}`, capability: "translate" },
    ...{ heldMicros: 0n, spentMicros: 1n, createdAt: AT(0) },
  };
}

test("hops stand below what asked for them, the older first", () => {
  const hops = [hop("d", "b", "x"), hop("a", undefined), hop("c", "a", "x"), hop("b", "a", "x")];
  const rows = treeOf([...hops, hop("e", undefined)], "owner").map(
    ({ hop: { id }, depth }) => `${" ".repeat(depth)}${id}`,
  );
  assert.deepEqual(rows, ["a", " b", "  d", " c", "e"]);
});

test("strangers' hops have no names, and one whose origin is unknown is not lost", () => {
  const [own, strange] = treeOf([hop("a", undefined), hop("b", "gone", "stranger")], "owner");
  assert.equal(own?.hop.agentName, "name of a");
  assert.equal(strange?.isNamed, false);
  assert.equal(strange?.hop.agentName, undefined);
  assert.equal(strange?.hop.agentId, undefined);
  assert.equal(strange?.hop.capability, "");
  assert.equal(strange?.hop.spentMicros, 1n);
});

test("ten thousand hops in one line are no trouble", () => {
  const line = Array.from({ length: 10_000 }, (_, at) =>
    hop(String(at).padStart(6, "0"), at > 0 ? String(at - 1).padStart(6, "0") : undefined),
  );
  assert.equal(treeOf(line, "owner").at(-1)?.depth, 9_999);
});
