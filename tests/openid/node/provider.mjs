// An OpenID provider on a port of the loopback address, for the tests of sign-in.
// Usage: node provider.mjs PORT CALLBACK_URL SIGNED_OUT_URL LOGOUT_URL
// POST /test sets who signs in next, and what the next answers lie about. Prints "ready" when it listens.
import { createServer } from "node:http";
import { generateKeyPairSync, randomBytes } from "node:crypto";

import { decodeJwt, importJWK, SignJWT } from "jose";
import { Provider } from "oidc-provider";

const [port, callback, signedOut, logout] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;
const newKey = () => generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ format: "jwk" });
const key = { ...newKey(), kid: "own", use: "sig", alg: "RS256" };
const strangeKey = newKey();

// account: the claims of the person who signs in. claims, issuer, key: what the next answers lie about.
let next = { account: { sub: "nobody" } };
const accounts = new Map();

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: "safelight",
      client_secret: "a secret: with / special % characters",
      redirect_uris: [callback],
      post_logout_redirect_uris: [signedOut],
      backchannel_logout_uri: logout,
      backchannel_logout_session_required: true,
    },
  ],
  jwks: { keys: [key] },
  cookies: { keys: [randomBytes(32).toString("hex")] },
  pkce: { required: () => true },
  conformIdTokenClaims: false,
  claims: { openid: ["sub", "sid", "groups"], email: ["email", "email_verified"] },
  features: { devInteractions: { enabled: false }, backchannelLogout: { enabled: true } },
  ttl: { Session: 600, Grant: 600, Interaction: 600, IdToken: 600, AccessToken: 600, AuthorizationCode: 60 },
  interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
  // Its own dispatcher refuses the loopback address, where the gateway of the test is.
  fetch: (url, { dispatcher, ...options }) => fetch(url, options),
  async loadExistingGrant(ctx) {
    const grant = new ctx.oidc.provider.Grant({
      clientId: ctx.oidc.client.clientId,
      accountId: ctx.oidc.session.accountId,
    });
    grant.addOIDCScope("openid email");
    await grant.save();
    return grant;
  },
  findAccount: (ctx, sub) => ({ accountId: sub, claims: () => ({ ...accounts.get(sub), sub }) }),
});

provider.use(async (ctx, proceed) => {
  await proceed();
  if (ctx.oidc?.route === "discovery" && next.issuer) {
    ctx.body = { ...ctx.body, issuer: next.issuer };
  }
  if (ctx.oidc?.route === "token" && ctx.body?.id_token && (next.claims || next.key)) {
    const claims = { ...decodeJwt(ctx.body.id_token), ...next.claims };
    const signer = await importJWK(next.key ? strangeKey : key, "RS256");
    const signed = new SignJWT(claims).setProtectedHeader({ alg: "RS256", kid: "own" });
    ctx.body = { ...ctx.body, id_token: await signed.sign(signer) };
  }
});

const handle = provider.callback();
const server = createServer(async (request, response) => {
  if (request.method === "POST" && request.url === "/test") {
    let text = "";
    for await (const chunk of request) text += chunk;
    next = { ...next, claims: null, issuer: null, key: null, ...JSON.parse(text) };
    accounts.set(next.account.sub, next.account);
    response.end();
  } else if (request.url.startsWith("/interaction/")) {
    await provider.interactionFinished(request, response, { login: { accountId: next.account.sub } });
  } else {
    handle(request, response);
  }
});
server.listen(Number(port), "127.0.0.1", () => console.log("ready"));
