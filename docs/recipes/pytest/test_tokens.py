"""Tests of an app's way with tokens, here the vendor's client itself. Run them with

    hellosign emulator -- pytest
"""

import pytest
import urllib3
from dropbox_sign import ApiClient, ApiException, apis, models

# What the emulator knows without fixtures of your own: the values of the vendor's page.
APP = {"client_id": "cc91c61d00f8bb2ece1428035716b", "client_secret": "1d14434088507ffa390e6f5528465"}
REFRESH_TOKEN = "hNTI2MTFmM2VmZDQxZTZjOWRmZmFjZmVmMGMyNGFjMzI2MGI5YzgzNmE3"
USER = {"client_id": APP["client_id"], "account": "jill@example.com"}


def refresh(emulator, refresh_token=REFRESH_TOKEN):
    request = models.OAuthTokenRefreshRequest(grant_type="refresh_token", refresh_token=refresh_token, **APP)
    configuration = emulator.configuration()
    configuration.retries = False
    with ApiClient(configuration) as client:
        return apis.OAuthApi(client).oauth_token_refresh(request)


def email_address(emulator, access_token):
    with ApiClient(emulator.configuration(access_token=access_token)) as client:
        return apis.AccountApi(client).account_get().account.email_address


def test_an_access_token_lasts_a_day(emulator):
    access_token = refresh(emulator).access_token
    assert email_address(emulator, access_token) == "jill@example.com"
    emulator.control("POST", "/clock/advance", seconds=86400)
    with pytest.raises(ApiException) as refused:
        email_address(emulator, access_token)
    assert refused.value.status == 401
    assert email_address(emulator, refresh(emulator).access_token) == "jill@example.com"


def test_a_user_who_takes_the_app_out(emulator):
    emulator.control("POST", "/grants/revoke", **USER)
    with pytest.raises(ApiException) as refused:
        refresh(emulator)
    assert "invalid_grant" in refused.value.body


def test_a_service_that_is_busy_twice(emulator):
    emulator.control("POST", "/faults", path="/oauth/token", status=503, retry_after=1, times=2)
    for _ in range(2):
        with pytest.raises(ApiException) as busy:
            refresh(emulator)
        assert (busy.value.status, busy.value.headers["Retry-After"]) == (503, "1")
    refresh(emulator)
    assert [request["status"] for request in emulator.control("GET", "/requests")["requests"]] == [503, 503, 200]


def test_an_answer_that_is_lost_after_the_token_was_rotated(emulator):
    emulator.control("POST", "/api_apps", client_id=APP["client_id"], refresh_token_rotation=True)
    emulator.control("POST", "/faults", grant_type="refresh_token", cut="after_commit")
    with pytest.raises(urllib3.exceptions.ProtocolError):
        refresh(emulator)
    again = refresh(emulator)
    assert again.refresh_token != REFRESH_TOKEN
    refresh(emulator, again.refresh_token)
