// Tests of an app's way with tokens, here the vendor's client itself. Run them with
//
//     hellosign emulator -- node --test

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { AccountApi, OAuthApi } from "@dropbox/sign";

import { control, reset, server } from "./emulator.js";

// What the emulator knows without fixtures of your own: the values of the vendor's page.
const app = { clientId: "cc91c61d00f8bb2ece1428035716b", clientSecret: "1d14434088507ffa390e6f5528465" };
const firstToken = "hNTI2MTFmM2VmZDQxZTZjOWRmZmFjZmVmMGMyNGFjMzI2MGI5YzgzNmE3";

async function refresh(refreshToken = firstToken) {
  const request = { grantType: "refresh_token", refreshToken, ...app };
  return (await new OAuthApi(server).oauthTokenRefresh(request)).body;
}

async function emailAddress(accessToken) {
  const api = new AccountApi(`${server}/v3`);
  api.accessToken = accessToken;
  return (await api.accountGet()).body.account.emailAddress;
}

beforeEach(reset);

test("an access token lasts a day", async () => {
  const { accessToken } = await refresh();
  assert.equal(await emailAddress(accessToken), "jill@example.com");
  await control("POST", "/clock/advance", { seconds: 86400 });
  await assert.rejects(emailAddress(accessToken), { statusCode: 401 });
  assert.equal(await emailAddress((await refresh()).accessToken), "jill@example.com");
});

test("a user who takes the app out", async () => {
  await control("POST", "/grants/revoke", { client_id: app.clientId, account: "jill@example.com" });
  await assert.rejects(refresh(), (error) => error.response.data.error === "invalid_grant");
});

test("a service that is busy twice", async () => {
  await control("POST", "/faults", { path: "/oauth/token", status: 503, retry_after: 1, times: 2 });
  for (let i = 0; i < 2; i++) {
    await assert.rejects(refresh(), (error) => error.response.headers["retry-after"] === "1");
  }
  await refresh();
  const { requests } = await control("GET", "/requests");
  assert.deepEqual(requests.map(({ status }) => status), [503, 503, 200]);
});

test("an answer that is lost after the token was rotated", async () => {
  await control("POST", "/api_apps", { client_id: app.clientId, refresh_token_rotation: true });
  await control("POST", "/faults", { grant_type: "refresh_token", cut: "after_commit" });
  await assert.rejects(refresh(), { code: "ECONNRESET" });
  const again = await refresh();
  assert.notEqual(again.refreshToken, firstToken);
  await refresh(again.refreshToken);
});
