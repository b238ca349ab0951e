// A standard client's whole life, by openid-client: argv[2] is the issuer, argv[3] the client_id, argv[4] how the client
// authenticates; its secret is in CLIENT_SECRET. Prints the URL that the user is to open, waits for the callback, and
// prints what came of it as one JSON object.

import { createServer } from "node:http";

import * as oauth from "openid-client";

const [, , issuer, clientId, method] = process.argv;
const secret = process.env.CLIENT_SECRET;
const authentication = {
  client_secret_post: () => oauth.ClientSecretPost(secret),
  client_secret_basic: () => oauth.ClientSecretBasic(secret),
  none: () => oauth.None(),
}[method]();

// What a server says of itself is held against what it was asked as (RFC 8414 §3.3).
const config = await oauth.discovery(new URL(issuer), clientId, undefined, authentication, {
  algorithm: "oauth2",
  execute: [oauth.allowInsecureRequests],
});

const callback = createServer();
await new Promise((listening) => callback.listen(0, "127.0.0.1", listening));
const redirect_uri = `http://127.0.0.1:${callback.address().port}/callback`;
const verifier = oauth.randomPKCECodeVerifier();
const state = oauth.randomState();
const url = oauth.buildAuthorizationUrl(config, {
  redirect_uri,
  state,
  scope: "basic_account_info",
  code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
  code_challenge_method: "S256",
});
console.log(url.href);

const called = await new Promise((called) => callback.on("request", (request, response) => {
  response.end("welcome");
  called(new URL(request.url, redirect_uri));
}));
callback.close();
callback.closeAllConnections();

// It checks state and iss (RFC 9207), repeats the redirect URI and proves the challenge.
const tokens = await oauth.authorizationCodeGrant(config, called, {
  pkceCodeVerifier: verifier,
  expectedState: state,
});
const read = (accessToken) => oauth.fetchProtectedResource(config, accessToken, new URL("/v3/account", issuer), "GET");
const account = await (await read(tokens.access_token)).json();
const refreshed = await oauth.refreshTokenGrant(config, tokens.refresh_token);
const introspected = method === "none" ? null : await oauth.tokenIntrospection(config, refreshed.access_token);
await oauth.tokenRevocation(config, refreshed.refresh_token);
const afterwards = await oauth.refreshTokenGrant(config, refreshed.refresh_token).catch((error) => error.error);
const challenge = await read(refreshed.access_token).catch((error) => error.cause);

console.log(JSON.stringify({
  iss: called.searchParams.get("iss"), tokens, account, refreshed, introspected, afterwards, challenge,
}));
