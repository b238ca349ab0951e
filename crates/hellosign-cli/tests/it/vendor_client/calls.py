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
    return {"status": answer.status_code, "model": type(answer.data).__name__,
            "data": answer.data and answer.data.to_dict(), "headers": headers}


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


def api(of, operation, *arguments, **credential):
    """An operation by the API key of the apps' owner, or by another credential."""
    with ApiClient(configuration(**(credential or {"username": "jack's API key"}))) as client:
        return outcome(lambda: getattr(of(client), operation + "_with_http_info")(*arguments))


def account_operations():
    answers = {}
    call = lambda *arguments, **credential: api(apis.AccountApi, *arguments, **credential)
    answers["verify"] = call("account_verify", models.AccountVerifyRequest(email_address="jill@example.com"))
    answers["verify_nobody"] = call("account_verify", models.AccountVerifyRequest(email_address="nobody@example.com"))
    answers["update"] = call("account_update", models.AccountUpdateRequest(
        callback_url="https://app.example/events", locale="de-DE"))
    answers["create"] = call("account_create", models.AccountCreateRequest(
        email_address="joan@example.com", client_id="cc91c61d00f8bb2ece1428035716b",
        client_secret="1d14434088507ffa390e6f5528465"))
    answers["create_again"] = call("account_create", models.AccountCreateRequest(email_address="joan@example.com"))
    answers["update_by_app"] = call("account_update", models.AccountUpdateRequest(locale="de-DE"),
                                    access_token=answers["create"]["data"]["oauth_data"]["access_token"])
    return answers


def api_app_operations():
    answers = {}
    call = lambda *arguments, **credential: api(apis.ApiAppApi, *arguments, **credential)
    request = {"name": "Portal", "domains": ["portal.example"], "options": models.SubOptions(can_insert_everywhere=True),
               "oauth": models.SubOAuth(callback_url="https://portal.example/cb",
                                        scopes=["basic_account_info", "request_signature"])}
    answers["create"] = call("api_app_create", models.ApiAppCreateRequest(**request))
    client_id = answers["create"]["data"]["api_app"]["client_id"]
    answers["get"] = call("api_app_get", client_id)
    answers["list"] = call("api_app_list", 1, 2)
    # A file makes it multipart.
    logo = bytes([0x89, 0x50, 0x4E, 0x47, 0xFF, 0x00])
    answers["create_with_logo"] = call("api_app_create", models.ApiAppCreateRequest(
        **(request | {"custom_logo_file": logo})))
    answers["update"] = call("api_app_update", client_id, models.ApiAppUpdateRequest(
        name="Renamed", oauth=models.SubOAuth(scopes=["basic_account_info"])))
    answers["create_with_both_kinds"] = call("api_app_create", models.ApiAppCreateRequest(**(request | {
        "oauth": models.SubOAuth(callback_url="https://portal.example/cb",
                                 scopes=["basic_account_info", "account_access"])})))
    answers["delete"] = call("api_app_delete", client_id)
    answers["get_deleted"] = call("api_app_get", client_id)
    answers["list_by_other_app"] = call("api_app_list", access_token=refresh()["data"]["access_token"])
    return answers


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
answers["accounts"] = account_operations()
answers["api_apps"] = api_app_operations()
print(json.dumps(answers))
