/**
 * GitHub's and Google's own addresses, answered on this machine: a server process reaches them through a
 * proxy of ours, as behind a company's, and takes our certificate for theirs. So what sign-in says to them
 * goes over their real protocol, and nothing leaves the machine.
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { type AddressInfo, connect } from "node:net";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { generateKeyPair, SignJWT } from "jose";
import { emptyDirectory } from "./database.ts";
import type { Environment } from "./guildhall.ts";

const HOSTS = ["github.com", "api.github.com", "oauth2.googleapis.com"];

export interface VendorAccount {
  readonly id: number;
  readonly email: string;
  readonly isVerified: boolean;
}

export interface Vendors {
  /** What a server has to be started with to come here. */
  readonly environment: Environment;
  /** Who is signed in there from now on. */
  account: VendorAccount;
  /** What was asked of them: `POST github.com/login/oauth/access_token`. */
  readonly asked: string[];
}

/**
 * True, and the test is reported as skipped, where this machine cannot make certificates.
 * `REQUIRE_SERVICES=1` turns that into a failure.
 */
export function isOpensslMissing(t: TestContext): boolean {
  if (spawnSync("openssl", ["version"]).status === 0) return false;
  if (process.env.REQUIRE_SERVICES === "1") throw new Error("there is no openssl here");
  t.skip("no openssl, to make a certificate with");
  return true;
}

export async function startVendors(t: TestContext): Promise<Vendors> {
  const { key, cert, path } = await makeCertificate(t);
  const { privateKey } = await generateKeyPair("RS256");
  const vendors = {
    account: { id: 7, email: "ada@example.org", isVerified: true } as VendorAccount,
    asked: [] as string[],
  };

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const place = `${request.method} ${request.headers.host}${request.url}`;
    vendors.asked.push(place);
    const form = new URLSearchParams(await textOf(request));
    const json = (body: unknown) =>
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
    const { id, email, isVerified } = vendors.account;
    const isCodeGood = form.get("code") === "a-code" && form.get("client_secret") === "a secret";
    const hasToken = request.headers.authorization === "Bearer theirs";
    if (place === "POST github.com/login/oauth/access_token" && isCodeGood) {
      json({ access_token: "theirs", token_type: "bearer", scope: "read:user,user:email" });
    } else if (place === "GET api.github.com/user" && hasToken) {
      json({ id, login: "ada", name: null, email: null, avatar_url: "" });
    } else if (place === "GET api.github.com/user/emails" && hasToken) {
      json([{ email, primary: true, verified: isVerified, visibility: null }]);
    } else if (place === "POST oauth2.googleapis.com/token" && isCodeGood) {
      const claims = { sub: `${id}`, email, email_verified: isVerified, name: "Ada" };
      const idToken = await new SignJWT(claims)
        .setProtectedHeader({ alg: "RS256", kid: "test" })
        .setIssuer("https://accounts.google.com")
        .setAudience(form.get("client_id") ?? "")
        .setIssuedAt()
        .setExpirationTime("5m")
        .sign(privateKey);
      const rest = { token_type: "Bearer", expires_in: 300, scope: "openid email profile" };
      json({ access_token: "theirs", id_token: idToken, ...rest });
    } else response.writeHead(400).end("{}");
  }

  const secure = createTlsServer({ key, cert }, (request, response) => {
    void answer(request, response);
  });
  const securePort = await listen(t, secure);
  const proxy = createServer();
  proxy.on("connect", (request, socket) => {
    const [host = ""] = (request.url ?? "").split(":");
    if (!HOSTS.includes(host)) return void socket.end("HTTP/1.1 403 Forbidden\r\n\r\n");
    const there = connect(securePort, "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 Connection Established\r\n\r\n");
      there.pipe(socket).pipe(there);
    });
    for (const one of [there, socket]) one.on("error", () => socket.destroy());
  });
  const proxyPort = await listen(t, proxy);
  return Object.assign(vendors, {
    environment: {
      ...{ NODE_USE_ENV_PROXY: "1", HTTPS_PROXY: `http://127.0.0.1:${proxyPort}` },
      ...{ NODE_EXTRA_CA_CERTS: path },
      ...{ GITHUB_CLIENT_ID: "our-id", GITHUB_CLIENT_SECRET: "a secret" },
      ...{ GOOGLE_CLIENT_ID: "our-id", GOOGLE_CLIENT_SECRET: "a secret" },
    },
  });
}

async function makeCertificate(t: TestContext) {
  const directory = await emptyDirectory(t);
  const [keyPath, path] = [join(directory, "key.pem"), join(directory, "cert.pem")];
  const names = HOSTS.map((host) => `DNS:${host}`).join(",");
  const made = spawnSync(
    "openssl",
    [
      ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"],
      ...["-keyout", keyPath, "-out", path, "-days", "2", "-subj", "/CN=vendors of a test"],
      ...["-addext", `subjectAltName=${names}`],
    ],
    { encoding: "utf8" },
  );
  if (made.status !== 0) throw new Error(`no certificate: ${made.stderr}`);
  return { key: readFileSync(keyPath), cert: readFileSync(path), path };
}

async function listen(t: TestContext, server: ReturnType<typeof createServer>): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request.setEncoding("utf8")) text += chunk;
  return text;
}
