"""Signs schemathesis in.

What it calls ends sessions, deletes accounts and changes passwords, so a token that was refused, or may have lost its
account, is thrown away: a user registers anew, a superadmin (who is the last, and so cannot be deleted) signs in again.
"""

import itertools
import os
import threading

import requests
import schemathesis
from schemathesis.checks import CHECKS, load_all_checks

BASE = os.environ["SCHEMA_BASE"]
ROLE = os.environ["SCHEMA_ROLE"]
# It must differ from every example in the document, or the examples would change it.
PASSWORD = "Only-The-Schema-Test-9-Knows"

ENDS_IT = {
    ("POST", "/api/v1/auth/logout"),
    ("POST", "/api/v1/auth/logout-all"),
    ("DELETE", "/api/v1/users/me"),
    ("DELETE", "/api/v1/auth/sessions/{session_id}"),
}

lock = threading.Lock()
number = itertools.count()
token = None


def enter():
    if ROLE == "superadmin":
        body = {"email": "root@example.com", "password": PASSWORD}
        answer = requests.post(f"{BASE}/api/v1/auth/login", json=body, timeout=30)
    else:
        email = f"user{os.getpid()}.{next(number)}@example.com"
        body = {"email": email, "password": PASSWORD, "full_name": "Schema Test"}
        answer = requests.post(f"{BASE}/api/v1/auth/register", json=body, timeout=30)
    answer.raise_for_status()
    return answer.json()["access_token"]


@schemathesis.auth(refresh_interval=None)
class Account:
    def get(self, case, context):
        global token
        with lock:
            if token is None:
                token = enter()
            return token

    def set(self, case, data, context):
        case.headers = case.headers or {}
        case.headers["Authorization"] = f"Bearer {data}"


@schemathesis.hook
def after_call(context, case, response):
    global token
    shown = response.request.headers.get("Authorization", "")
    if (case.method.upper(), case.operation.path) in ENDS_IT or response.status_code == 401:
        with lock:
            if token is not None and shown == f"Bearer {token}":
                token = None


# The configuration could turn the check off for an operation, but the phase that follows links does not heed that.
load_all_checks()
found_again = CHECKS.get_one("use_after_free")


def use_after_free(ctx, response, case):
    # Whoever ends all sessions of somebody deletes none of the list, which answers on.
    return None if case.operation.path.endswith("/{id}/sessions") else found_again(ctx, response, case)


CHECKS.register(use_after_free)
