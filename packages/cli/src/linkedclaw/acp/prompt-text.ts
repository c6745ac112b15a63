/** What a user of the host wrote, as one text for the agent that was hired. */
import type { ContentBlock } from "@agentclientprotocol/sdk";

/** The text of a prompt. Pictures and sounds are left out: hosts were told that they are not taken. */
export function promptText(blocks: readonly ContentBlock[]): string {
  return blocks.map(textOf).join("").trim();
}

function textOf(block: ContentBlock): string {
  switch (block.type) {
    case "text":
      return block.text;
    case "resource_link":
      return `[${block.name}](${block.uri})`;
    case "resource":
      return "text" in block.resource
        ? `\n\n<file uri=${JSON.stringify(block.resource.uri)}>\n${block.resource.text}\n</file>\n\n`
        : `[${block.resource.uri}]`;
    default:
      return "";
  }
}
