/** An OpenID Connect provider that signs in whom the test says, without asking. */
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import { exportJWK, generateKeyPair, SignJWT } from "jose";

export interface OidcIdentity {
  readonly sub: string;
  readonly email: string;
  readonly email_verified: boolean;
  readonly name?: string;
}

export interface OidcServer {
  readonly issuer: string;
  /** Who is signed in there from now on. */
  identity: OidcIdentity;
}

export async function startOidcServer(t: TestContext, clientId: string): Promise<OidcServer> {
  const { publicKey, privateKey } = await generateKeyPair("RS256");
  const jwk = { ...(await exportJWK(publicKey)), kid: "test", alg: "RS256", use: "sig" };
  const provider: { issuer: string; identity: OidcIdentity } = {
    issuer: "",
    identity: { sub: "1", email: "ada@example.org", email_verified: true, name: "Ada" },
  };
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "/", provider.issuer);
    const json = (body: unknown) =>
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
    if (url.pathname === "/authorize") {
      const back = new URL(url.searchParams.get("redirect_uri") ?? "");
      back.searchParams.set("code", "a-code");
      back.searchParams.set("state", url.searchParams.get("state") ?? "");
      return response.writeHead(302, { location: back.href }).end();
    }
    if (url.pathname === "/token") {
      return void answerToken(request).then(json);
    }
    if (url.pathname === "/jwks") return json({ keys: [jwk] });
    return json({
      issuer: provider.issuer,
      authorization_endpoint: `${provider.issuer}/authorize`,
      token_endpoint: `${provider.issuer}/token`,
      jwks_uri: `${provider.issuer}/jwks`,
    });
  });

  async function answerToken(request: IncomingMessage) {
    for await (const _ of request);
    const token = await new SignJWT({ ...provider.identity })
      .setProtectedHeader({ alg: "RS256", kid: "test" })
      .setIssuer(provider.issuer)
      .setAudience(clientId)
      .setIssuedAt()
      .setExpirationTime("5m")
      .sign(privateKey);
    return { access_token: "theirs", id_token: token, token_type: "Bearer", expires_in: 300 };
  }

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  provider.issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return provider;
}
