/** Who a node is: its key says whose, its first frame what it is called. */
import type { NodeDraft, Nodes } from "../../../core/index.ts";
import type { Caller } from "../../../domain/caller.ts";
import type { ProviderSocketParts } from "../../shared/provider-socket.ts";
import type { NodeIntroduction } from "./codec.ts";

export function nodeIdentity(deps: {
  readonly authenticate: (secret: string) => Promise<Caller>;
  readonly nodes: Nodes;
}): Pick<Required<ProviderSocketParts>, "identify" | "update"> {
  return {
    async identify(introduction) {
      const caller = await deps.authenticate(introduction.secret);
      const { node } = introduction as NodeIntroduction;
      const { agentId } = await deps.nodes.introduce(caller, node);
      return { agentId, workspaceId: caller.workspaceId, keyId: caller.keyId };
    },
    update: (agentId, update) =>
      deps.nodes.update(agentId, update as Partial<Pick<NodeDraft, "models" | "labels">>),
  };
}
