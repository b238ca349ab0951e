"""What the vendor's Python client makes of faults: argv[1] is the server, argv[2] its control API, argv[3] the token of
that, argv[4] the request as JSON; the faults come on stdin as a JSON list. Prints one outcome each, as a JSON list.
"""

import json
import sys
import urllib.request

from dropbox_sign import ApiClient, ApiException, Configuration, apis, models

SERVER, CONTROL, TOKEN, REQUEST = sys.argv[1:]


def control(path, body):
    request = urllib.request.Request(CONTROL + path, method="POST", data=json.dumps(body).encode(),
                                     headers={"Authorization": "Bearer " + TOKEN})
    urllib.request.urlopen(request, timeout=30).close()


def refresh():
    configuration = Configuration(host=SERVER, ignore_operation_servers=True)
    configuration.retries = False
    with ApiClient(configuration) as client:
        request = models.OAuthTokenRefreshRequest(**json.loads(REQUEST))
        try:
            answer = apis.OAuthApi(client).oauth_token_refresh(request, _request_timeout=2)
        except ApiException as error:
            return {"exception": type(error).__name__, "status": error.status}
        except Exception as error:
            return {"exception": type(error).__name__}
        return {"token_type": answer.token_type}


outcomes = []
for fault in json.load(sys.stdin):
    control("/reset", {})
    control("/faults", fault)
    outcomes.append([refresh(), refresh()])
print(json.dumps(outcomes))
