/** A mail server that takes every mail and shows what it got. */

import type { AddressInfo } from "node:net";
import { createServer, type Socket } from "node:net";
import type { TestContext } from "node:test";

export interface SmtpServer {
  readonly url: string;
  /** The text of the next mail: the first that nobody has read yet, or the next that comes. */
  next(): Promise<{ to: string; text: string }>;
  /** Mails that nobody has read. */
  readonly waiting: number;
}

type Mail = { to: string; text: string };

/** Speaks as much of RFC 5321 as it takes to be handed a mail. */
export async function startSmtpServer(t: TestContext): Promise<SmtpServer> {
  const mails: Mail[] = [];
  const readers: ((mail: Mail) => void)[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    takeMails(socket, (mail) => {
      const reader = readers.shift();
      if (reader) reader(mail);
      else mails.push(mail);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return {
    url: `smtp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    next() {
      const mail = mails.shift();
      return mail ? Promise.resolve(mail) : new Promise((resolve) => readers.push(resolve));
    },
    get waiting() {
      return mails.length;
    },
  };
}

function takeMails(socket: Socket, onMail: (mail: Mail) => void): void {
  let buffer = "";
  let to = "";
  let isInData = false;
  socket.setEncoding("utf8");
  socket.on("error", () => undefined);
  socket.write("220 test\r\n");
  socket.on("data", (chunk: string) => {
    buffer += chunk;
    for (;;) {
      const end = isInData ? buffer.indexOf("\r\n.\r\n") : buffer.indexOf("\r\n");
      if (end < 0) return;
      const text = buffer.slice(0, end);
      buffer = buffer.slice(end + (isInData ? 5 : 2));
      if (isInData) {
        onMail({ to, text: decodeQuotedPrintable(text) });
        isInData = false;
        socket.write("250 taken\r\n");
        continue;
      }
      to = /^RCPT TO:<(.*?)>/i.exec(text)?.[1] ?? to;
      isInData = /^DATA/i.test(text);
      socket.write(isInData ? "354 go on\r\n" : "250 fine\r\n");
    }
  });
}

/** Long lines are folded and `=` is escaped in transit (RFC 2045 §6.7). */
function decodeQuotedPrintable(text: string): string {
  return text
    .replace(/=\r?\n/g, "")
    .replace(/=([0-9A-F]{2})/g, (_, code) => String.fromCharCode(Number.parseInt(code, 16)));
}
