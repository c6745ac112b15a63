/** XML as a tree, for parts that are small, and as events, for sheets that are not. */
import { SaxesParser } from "saxes";
import { CapabilityError } from "../capability.ts";
import type { Archive } from "./archive.ts";
import { DOCUMENT_LIMITS } from "./limits.ts";

/** An element. Names are without their prefix: Office files use one fixed set of namespaces. */
export interface XmlElement {
  name: string;
  attributes: Readonly<Record<string, string>>;
  children: XmlElement[];
  /** The text directly inside. */
  text: string;
}

export interface XmlEvents {
  open(name: string, attributes: Readonly<Record<string, string>>): void;
  close(name: string): void;
  text(text: string): void;
}

const EMPTY: XmlElement = { name: "", attributes: {}, children: [], text: "" };

/** Parses text to its root element. @throws CapabilityError `invalid_file` */
export function parseXml(text: string): XmlElement {
  const root: XmlElement = { name: "", attributes: {}, children: [], text: "" };
  const path: XmlElement[] = [root];
  let nodes = 0;
  const parser = createParser({
    open(name, attributes) {
      nodes += 1;
      if (nodes > DOCUMENT_LIMITS.xmlNodesMax) throw brokenXml("It has too many elements.");
      const element = { name, attributes, children: [], text: "" };
      path.at(-1)?.children.push(element);
      path.push(element);
    },
    close: () => path.pop(),
    text: (piece) => {
      const element = path.at(-1);
      if (element) element.text += piece;
    },
  });
  parser.write(text);
  parser.close();
  return root.children[0] ?? EMPTY;
}

/** Feeds a part to `events` until it ends or `isDone` says that the rest is not wanted. */
export async function streamXml(
  part: AsyncIterable<Buffer>,
  events: XmlEvents,
  isDone: () => boolean,
): Promise<void> {
  const parser = createParser(events);
  const decoder = new TextDecoder();
  for await (const chunk of part) {
    parser.write(decoder.decode(chunk, { stream: true }));
    if (isDone()) return;
  }
  parser.close();
}

/** An XML part of an archive; an empty element where the archive has no such part. */
export async function partOf(archive: Archive, path: string): Promise<XmlElement> {
  return archive.has(path) ? parseXml(await archive.text(path)) : EMPTY;
}

/** The first child of that name, or an empty element, so that paths can be walked without asking. */
export function child(element: XmlElement, ...names: readonly string[]): XmlElement {
  let at: XmlElement | undefined = element;
  for (const name of names) at = at?.children.find((each) => each.name === name);
  return at ?? EMPTY;
}

export function children(element: XmlElement, name: string): XmlElement[] {
  return element.children.filter((each) => each.name === name);
}

/** Every element of that name below, in the order of the document. */
export function descendants(element: XmlElement, name: string): XmlElement[] {
  return element.children.flatMap((each) =>
    each.name === name ? [each] : descendants(each, name),
  );
}

/** The parts that a part refers to, by relationship id, as paths in the archive. */
export async function relationsOf(
  archive: Archive,
  path: string,
): Promise<Map<string, { target: string; type: string }>> {
  const slash = path.lastIndexOf("/");
  const folder = path.slice(0, slash + 1);
  const relations = await partOf(archive, `${folder}_rels/${path.slice(slash + 1)}.rels`);
  return new Map(
    children(relations, "Relationship").map(({ attributes }) => [
      attributes.Id ?? "",
      {
        target: targetOf(folder, attributes),
        type: attributes.Type?.split("/").at(-1) ?? "",
      },
    ]),
  );
}

/** `../x` and `/x` against the folder of the part that names it; what is outside stays as it is. */
function targetOf(folder: string, attributes: Readonly<Record<string, string>>): string {
  const target = attributes.Target ?? "";
  if (attributes.TargetMode === "External") return target;
  const steps = target.startsWith("/") ? [] : folder.split("/").filter(Boolean);
  for (const step of target.split("/").filter(Boolean)) {
    if (step === "..") steps.pop();
    else if (step !== ".") steps.push(step);
  }
  return steps.join("/");
}

function createParser(events: XmlEvents): SaxesParser {
  const parser = new SaxesParser();
  let depth = 0;
  parser.on("error", (error) => {
    throw brokenXml("A part of it is not XML.", error);
  });
  parser.on("opentag", (tag) => {
    depth += 1;
    if (depth > DOCUMENT_LIMITS.xmlDepthMax) throw brokenXml("It is nested too deeply.");
    // Attributes keep their prefix: beside `r:id` there may be an `id` that means something else.
    events.open(local(tag.name), tag.attributes as Record<string, string>);
  });
  parser.on("closetag", (tag) => {
    depth -= 1;
    events.close(local(tag.name));
  });
  parser.on("text", (text) => events.text(text));
  parser.on("cdata", (text) => events.text(text));
  return parser;
}

function local(name: string): string {
  return name.slice(name.indexOf(":") + 1);
}

function brokenXml(why: string, cause?: unknown): CapabilityError {
  return new CapabilityError("invalid_file", `The file cannot be read. ${why}`, { cause });
}
