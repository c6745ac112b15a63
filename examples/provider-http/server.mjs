/**
 * Checks the contrast of two colours: each piece of work is posted here, and answered in a body with
 * status 200. Only this machine can reach it; the daemon is the one that speaks to the outside.
 */
import { createServer } from "node:http";

const COLOUR = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i;
const BODY_BYTES_MAX = 2 * 1024 * 1024;

const server = createServer((request, response) => {
  read(request).then(
    (work) => reply(response, 200, { id: work.id, ...answer(work.input) }),
    (error) => reply(response, 400, { error: { message: String(error) } }),
  );
});
const port = Number(process.env.CONTRAST_PORT ?? 9000);
server.listen(port, "127.0.0.1", () => console.error(`listening on http://127.0.0.1:${port}`));

function answer(input) {
  const [foreground, background] = [input?.foreground, input?.background].map(luminance);
  if (foreground === undefined || background === undefined) {
    // The message is shown to the requester, who is charged nothing.
    const message = "Give me foreground and background as #rrggbb.";
    return { error: { code: "subagent_bad_output", message } };
  }
  const [lighter, darker] = [foreground, background].sort((one, other) => other - one);
  const ratio = (lighter + 0.05) / (darker + 0.05);
  return { output: { ratio: Math.round(ratio * 100) / 100, aa: ratio >= 4.5, aaa: ratio >= 7 } };
}

/** Relative luminance, as WCAG 2.2 defines it. */
function luminance(colour) {
  const parts = COLOUR.exec(typeof colour === "string" ? colour : "");
  if (!parts) return undefined;
  const [red, green, blue] = parts.slice(1).map((hex) => {
    const share = Number.parseInt(hex, 16) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

async function read(request) {
  const chunks = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX) throw new Error("the body is too large");
    chunks.push(chunk);
  }
  return JSON.parse(Buffer.concat(chunks).toString("utf8"));
}

function reply(response, status, body) {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}
