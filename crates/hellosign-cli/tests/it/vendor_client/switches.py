"""What the vendor's Python client sees of an app's switches: argv[1] is the server, argv[2] its control API, argv[3] the
token of that, argv[4] the app and its user as JSON; a list of [switch, settings] comes on stdin as JSON. Prints a JSON list
of whether each switch was seen to be on.
"""

import http.client
import json
import sys
import urllib.parse
import urllib.request

from dropbox_sign import ApiClient, ApiException, Configuration, apis, models

SERVER, CONTROL, TOKEN = sys.argv[1:4]
APP = json.loads(sys.argv[4])
CREDENTIALS = {"client_id": APP["client_id"], "client_secret": APP["client_secret"]}


def control(path, **body):
    request = urllib.request.Request(CONTROL + path, method="POST", data=json.dumps(body).encode(),
                                     headers={"Authorization": "Bearer " + TOKEN})
    urllib.request.urlopen(request, timeout=30).close()


def api(of, operation, request, **credential):
    configuration = Configuration(host=SERVER + "/v3", ignore_operation_servers=True, **credential)
    with ApiClient(configuration) as client:
        return getattr(of(client), operation)(request)


def refresh(**credentials):
    return api(apis.OAuthApi, "oauth_token_refresh", models.OAuthTokenRefreshRequest(
        grant_type="refresh_token", refresh_token=APP["refresh_token"], **credentials))


def generate(code):
    return api(apis.OAuthApi, "oauth_token_generate", models.OAuthTokenGenerateRequest(
        grant_type="authorization_code", code=code, state="x", **CREDENTIALS))


def error(call):
    """The code of the error that a call is refused with, or nothing."""
    try:
        call()
    except ApiException as refused:
        return json.loads(refused.body)["error"]


def authorize(**more):
    """What the callback is told when the user has been sent to the authorization endpoint and has allowed."""
    query = {"response_type": "code", "client_id": APP["client_id"], "state": "x", **more}
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(SERVER).netloc)
    connection.request("GET", "/oauth/authorize?" + urllib.parse.urlencode(query))
    location = connection.getresponse().headers["Location"]
    return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(location).query))


def refresh_token_idle():
    refresh(**CREDENTIALS)
    control("/clock/advance", seconds=31 * 86400)
    return error(lambda: refresh(**CREDENTIALS)) == "invalid_grant"


def confirmation_required():
    request = models.AccountCreateRequest(email_address="joan@example.com", **CREDENTIALS)
    return api(apis.AccountApi, "account_create", request, username=APP["api_key"]).oauth_data is None


SEEN = {
    "refresh_token_rotation": lambda: refresh(**CREDENTIALS).refresh_token != APP["refresh_token"],
    "refresh_credentials_required": lambda: error(refresh) == "invalid_request",
    "pkce_required": lambda: authorize().get("error") == "invalid_request",
    "redirect_uri_repeated": lambda: error(lambda: generate(authorize(redirect_uri=APP["callback_url"])["code"])) is not None,
    "rfc_error_codes": lambda: error(lambda: generate("unknown")) == "invalid_grant",
    "issuer_in_response": lambda: authorize().get("iss") == SERVER,
    "scope_accepted": lambda: "code" in authorize(scope="basic_account_info"),
    "refresh_token_idle": refresh_token_idle,
    "confirmation_required": confirmation_required,
}

seen = []
for switch, settings in json.load(sys.stdin):
    control("/reset")
    control("/api_apps", client_id=APP["client_id"], **settings)
    seen.append(SEEN[switch]())
print(json.dumps(seen))
