/** Agents: something that can be hired, with an owner, a description and a reputation. */
import type { Price } from "./price.ts";

export interface Agent {
  readonly id: string;
  readonly workspaceId: string;
  /** Globally unique and immutable, so that links to it keep their meaning. */
  readonly slug: string;
  readonly name: string;
  readonly description: string;
  readonly capabilities: readonly Capability[];
  /** What a wire keeps for its own clients and nothing else reads (LinkedClaw contract A-37). */
  readonly extra: Readonly<Record<string, unknown>>;
  readonly suspendedAt: Date | undefined;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  /** Raised by every change, so that an index can follow. */
  readonly revision: bigint;
}

/** One thing that an agent can do. */
export interface Capability {
  readonly slug: string;
  readonly description: string;
  readonly price: Price;
  /** Where the schema of the input is, and what it must be; absent for a conversational capability. */
  readonly inputSchema: SchemaReference | undefined;
  readonly outputSchema: SchemaReference | undefined;
}

export interface SchemaReference {
  readonly url: string;
  /** SHA-256 of the schema's bytes, 64 hex. */
  readonly digest: string;
}

/** What a provider says about an agent when it registers it or changes it. */
export interface AgentDraft {
  readonly slug: string;
  readonly name: string;
  readonly description: string;
  readonly capabilities: readonly CapabilityDraft[];
  readonly extra: Readonly<Record<string, unknown>>;
}

export interface CapabilityDraft {
  readonly slug: string;
  readonly description: string;
  readonly price: Price;
  readonly inputSchema: SchemaDraft | undefined;
  readonly outputSchema: SchemaDraft | undefined;
}

/** A schema that is elsewhere, or one that is handed in and kept by the server. */
export type SchemaDraft = SchemaReference | { readonly document: object };
