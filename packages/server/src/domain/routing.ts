/**
 * Who is to do a call: of the nodes that are there, the one that the caller named, or the best of those
 * that fit (OpenMarlin contract §6.2, with its precedence of refusals).
 */
import type { OfferedModel } from "./model.ts";

/** A node that is connected, as far as choosing it goes. */
export interface Candidate {
  readonly providerId: string;
  readonly workspaceId: string;
  readonly kinds: readonly string[];
  readonly models: readonly OfferedModel[];
  /** What the node itself calls the model that it would choose. */
  readonly defaultModel: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  /** Calls that it works on, and the most that it takes. */
  readonly load: number;
  readonly concurrency: number;
}

/** What a caller asks for. What is `undefined` is left to the server. */
export interface Wanted {
  readonly workspaceId: string;
  readonly kind: string;
  readonly providerId: string | undefined;
  readonly model: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
}

/** What is done where several fit equally: the least busy, then the first by name; or nothing. */
export type TieBreak = "least-loaded" | "reject";

export type RoutingRefusal =
  /** The provider that was named is not connected. */
  | "provider_unavailable"
  | "provider_label_mismatch"
  | "execution_kind_not_available"
  | "execution_provider_not_found"
  | "execution_provider_ambiguous"
  /** Whoever fits has as much to do as it takes. */
  | "providers_busy";

export type Route<C extends Candidate> =
  | { readonly ok: true; readonly node: C; readonly model: OfferedModel }
  | { readonly ok: false; readonly refusal: RoutingRefusal };

export function routeCall<C extends Candidate>(
  candidates: readonly C[],
  wanted: Wanted,
  tieBreak: TieBreak,
): Route<C> {
  const fitting =
    wanted.providerId === undefined
      ? choosable(candidates, wanted)
      : named(candidates, wanted, wanted.providerId);
  if (typeof fitting === "string") return refuse(fitting);
  const free = fitting.filter(({ node }) => node.load < node.concurrency);
  const [first, second] = free.sort(byLoad);
  if (!first) return refuse("providers_busy");
  if (second && tieBreak === "reject") return refuse("execution_provider_ambiguous");
  return { ok: true, ...first };
}

interface Fit<C> {
  readonly node: C;
  readonly model: OfferedModel;
}

function named<C extends Candidate>(
  candidates: readonly C[],
  wanted: Wanted,
  providerId: string,
): Fit<C>[] | RoutingRefusal {
  const node = candidates.find((candidate) => candidate.providerId === providerId);
  if (!node) return "provider_unavailable";
  if (!hasLabels(node, wanted)) return "provider_label_mismatch";
  if (!node.kinds.includes(wanted.kind)) return "execution_kind_not_available";
  const model = modelOf(node, wanted, () => true);
  return model ? [{ node, model }] : "execution_provider_not_found";
}

/**
 * Nodes that may be chosen for a caller who named none: by a model's own name only those that the
 * operator granted it, and without a model only those, or the caller's own.
 */
function choosable<C extends Candidate>(
  candidates: readonly C[],
  wanted: Wanted,
): Fit<C>[] | RoutingRefusal {
  const fitting: Fit<C>[] = [];
  for (const node of candidates) {
    if (!hasLabels(node, wanted) || !node.kinds.includes(wanted.kind)) continue;
    const isOwn = node.workspaceId === wanted.workspaceId;
    // Who names a model by its owner's name has named the owner.
    const mayHave = (model: OfferedModel) =>
      model.isGranted || isOwn || wanted.model === model.name;
    const model = modelOf(node, wanted, mayHave);
    if (model) fitting.push({ node, model });
  }
  return fitting.length > 0 ? fitting : "execution_provider_not_found";
}

function modelOf(
  node: Candidate,
  wanted: Wanted,
  mayHave: (model: OfferedModel) => boolean,
): OfferedModel | undefined {
  const offered = node.models.filter(mayHave);
  if (wanted.model !== undefined) return offered.find(({ name }) => name === wanted.model);
  return offered.find(({ own }) => own === node.defaultModel) ?? offered[0];
}

function hasLabels(node: Candidate, { labels }: Wanted): boolean {
  return Object.entries(labels).every(
    ([key, value]) => Object.hasOwn(node.labels, key) && node.labels[key] === value,
  );
}

/** Load is a share of what a node takes: one of two is busier than two of ten. */
function byLoad(a: Fit<Candidate>, b: Fit<Candidate>): number {
  const loadOf = ({ node }: Fit<Candidate>) => node.load / node.concurrency;
  return loadOf(a) - loadOf(b) || (a.node.providerId < b.node.providerId ? -1 : 1);
}

function refuse(refusal: RoutingRefusal): { readonly ok: false; readonly refusal: RoutingRefusal } {
  return { ok: false, refusal };
}
