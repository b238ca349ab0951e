"""The vendor's Python client against the server at argv[1]; prints what each call gave as one JSON object.

It is called as its documentation has it. vendor_client/mod.rs knows what must come back.
"""

import json
import sys

from dropbox_sign import ApiClient, ApiException, Configuration, apis, models


def configuration(**more):
    return Configuration(host=sys.argv[1] + "/v3", ignore_operation_servers=True, **more)


def outcome(call):
    """What a call gave: its status, the client's model as a dictionary, or its exception."""
    try:
        answer = call()
    except ApiException as error:
        return {"exception": type(error).__name__, "status": error.status, "body": json.loads(error.body)}
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return {"status": answer.status_code, "model": type(answer.data).__name__, "data": answer.data.to_dict(),
            "headers": headers}


def generate(**changes):
    request = {
        "client_id": "cc91c61d00f8bb2ece1428035716b",
        "client_secret": "1d14434088507ffa390e6f5528465",
        "code": "1b0d28d90c86c141",
        "state": "900e06e2",
        "grant_type": "authorization_code",
    }
    request = models.OAuthTokenGenerateRequest(**(request | changes))
    with ApiClient(configuration()) as client:
        return outcome(lambda: apis.OAuthApi(client).oauth_token_generate_with_http_info(request))


def refresh(**changes):
    request = {
        "grant_type": "refresh_token",
        "client_id": "cc91c61d00f8bb2ece1428035716b",
        "client_secret": "1d14434088507ffa390e6f5528465",
        "refresh_token": "hNTI2MTFmM2VmZDQxZTZjOWRmZmFjZmVmMGMyNGFjMzI2MGI5YzgzNmE3",
    }
    request = {name: value for name, value in (request | changes).items() if value is not None}
    request = models.OAuthTokenRefreshRequest(**request)
    with ApiClient(configuration()) as client:
        return outcome(lambda: apis.OAuthApi(client).oauth_token_refresh_with_http_info(request))


def account(**credential):
    with ApiClient(configuration(**credential)) as client:
        return outcome(lambda: apis.AccountApi(client).account_get_with_http_info())


answers = {}
answers["generate_with_wrong_secret"] = generate(client_secret="not-the-secret")
answers["generate_with_unknown_code"] = generate(code="0000000000000000")
answers["generate_with_unknown_client"] = generate(client_id="nobody")
answers["generate"] = generate()
answers["generate_again"] = generate()
answers["refresh"] = refresh()
answers["refresh_of_generated"] = refresh(refresh_token=answers["generate"]["data"]["refresh_token"])
answers["refresh_of_unknown"] = refresh(refresh_token="unknown")
answers["refresh_with_wrong_secret"] = refresh(client_secret="not-the-secret")
answers["refresh_without_credentials"] = refresh(client_id=None, client_secret=None)
answers["account"] = account(access_token=answers["generate"]["data"]["access_token"])
answers["account_after_refresh"] = account(access_token=answers["refresh"]["data"]["access_token"])
answers["account_by_api_key"] = account(username="jill's API key")
answers["account_by_wrong_token"] = account(access_token="not-a-token")
print(json.dumps(answers))
