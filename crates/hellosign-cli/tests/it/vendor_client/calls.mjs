// The vendor's Node client against the server at argv[2]; prints what each call gave as one JSON object.
//
// It is called as its documentation has it. vendor_client/mod.rs knows what must come back.

import { AccountApi, ApiAppApi, OAuthApi, ObjectSerializer } from "@dropbox/sign";

const server = process.argv[2];

/** What a call gave: its status, the client's model as a dictionary, or its exception. */
async function outcome(call) {
  try {
    const { response, body } = await call();
    // The client's bundle puts the underscore there.
    const model = body?.constructor.name.replace(/^_/, "");
    return { status: response.status, model, data: body && ObjectSerializer.serialize(body, model),
             headers: response.headers };
  } catch (error) {
    if (!error.response) throw error;
    return { exception: error.constructor.name, status: error.response.status, body: error.response.data };
  }
}

const app = { clientId: "cc91c61d00f8bb2ece1428035716b", clientSecret: "1d14434088507ffa390e6f5528465" };

const generate = (changes) => outcome(() => new OAuthApi(server).oauthTokenGenerate(
  { ...app, code: "1b0d28d90c86c141", state: "900e06e2", grantType: "authorization_code", ...changes }));

const refresh = (changes) => outcome(() => new OAuthApi(server).oauthTokenRefresh(
  { ...app, refreshToken: "hNTI2MTFmM2VmZDQxZTZjOWRmZmFjZmVmMGMyNGFjMzI2MGI5YzgzNmE3", grantType: "refresh_token",
    ...changes }));

/** An operation by the API key of the apps' owner, or by another credential. */
function call(Api, credential = { username: "jack's API key" }) {
  const api = Object.assign(new Api(`${server}/v3`), credential);
  return (operation, ...parameters) => outcome(() => api[operation](...parameters));
}

const account = (credential) => call(AccountApi, credential)("accountGet");

async function accountOperations() {
  const answers = {};
  const accounts = call(AccountApi);
  answers.verify = await accounts("accountVerify", { emailAddress: "jill@example.com" });
  answers.verify_nobody = await accounts("accountVerify", { emailAddress: "nobody@example.com" });
  answers.update = await accounts("accountUpdate", { callbackUrl: "https://app.example/events", locale: "de-DE" });
  answers.create = await accounts("accountCreate", { emailAddress: "joan@example.com", ...app });
  answers.create_again = await accounts("accountCreate", { emailAddress: "joan@example.com" });
  const token = { accessToken: answers.create.data.oauth_data.access_token };
  answers.update_by_app = await call(AccountApi, token)("accountUpdate", { locale: "de-DE" });
  return answers;
}

async function apiAppOperations() {
  const answers = {};
  const apps = call(ApiAppApi);
  const oauth = { callbackUrl: "https://portal.example/cb", scopes: ["basic_account_info", "request_signature"] };
  const request = { name: "Portal", domains: ["portal.example"], options: { canInsertEverywhere: true }, oauth };
  answers.create = await apps("apiAppCreate", request);
  const clientId = answers.create.data.api_app.client_id;
  answers.get = await apps("apiAppGet", clientId);
  answers.list = await apps("apiAppList", 1, 2);
  // A file makes it multipart.
  const logo = { value: Buffer.from([0x89, 0x50, 0x4e, 0x47, 0xff, 0x00]),
                 options: { filename: "logo.png", contentType: "image/png" } };
  answers.create_with_logo = await apps("apiAppCreate", { ...request, customLogoFile: logo });
  answers.update = await apps("apiAppUpdate", clientId, { name: "Renamed", oauth: { scopes: ["basic_account_info"] } });
  answers.create_with_both_kinds = await apps("apiAppCreate", {
    ...request, oauth: { ...oauth, scopes: ["basic_account_info", "account_access"] } });
  answers.delete = await apps("apiAppDelete", clientId);
  answers.get_deleted = await apps("apiAppGet", clientId);
  const token = { accessToken: (await refresh()).data.access_token };
  answers.list_by_other_app = await call(ApiAppApi, token)("apiAppList");
  return answers;
}

const answers = {};
answers.generate_with_wrong_secret = await generate({ clientSecret: "not-the-secret" });
answers.generate_with_unknown_code = await generate({ code: "0000000000000000" });
answers.generate_with_unknown_client = await generate({ clientId: "nobody" });
answers.generate = await generate();
answers.generate_again = await generate();
answers.refresh = await refresh();
answers.refresh_of_generated = await refresh({ refreshToken: answers.generate.data.refresh_token });
answers.refresh_of_unknown = await refresh({ refreshToken: "unknown" });
answers.refresh_with_wrong_secret = await refresh({ clientSecret: "not-the-secret" });
answers.refresh_without_credentials = await refresh({ clientId: undefined, clientSecret: undefined });
answers.account = await account({ accessToken: answers.generate.data.access_token });
answers.account_after_refresh = await account({ accessToken: answers.refresh.data.access_token });
answers.account_by_api_key = await account({ username: "jill's API key" });
answers.account_by_wrong_token = await account({ accessToken: "not-a-token" });
answers.accounts = await accountOperations();
answers.api_apps = await apiAppOperations();
console.log(JSON.stringify(answers));
