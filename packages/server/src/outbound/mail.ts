import { createTransport } from "nodemailer";
import type { Mailer } from "../core/ports.ts";

/** How long a mail server may take for each step. Nobody waits for it, but a queue would grow. */
const STEP_MS_MAX = 15_000;
/** Mails on their way at once; the rest waits in nodemailer's queue. */
const CONNECTIONS_MAX = 2;

/**
 * Mails by SMTP. `url` is nodemailer's: `smtps://user:password@mail.example:465`, or `smtp://…:587`,
 * which turns to TLS when the server offers it.
 */
export function createMailer(url: string, from: string): Mailer & { close(): void } {
  const transport = createTransport(
    {
      url,
      pool: true,
      maxConnections: CONNECTIONS_MAX,
      connectionTimeout: STEP_MS_MAX,
      greetingTimeout: STEP_MS_MAX,
      socketTimeout: STEP_MS_MAX,
      // A mail is words of ours: nothing in it may make this process read files or fetch URLs.
      disableFileAccess: true,
      disableUrlAccess: true,
    },
    { from },
  );
  return {
    async send({ to, subject, text }) {
      await transport.sendMail({ to, subject, text });
    },
    close: () => transport.close(),
  };
}
