"""PyPI Authlib against the running binary: the same road as openid-client's, in another language.

Usage: authlib_client.py BINARY. Prints `N passed, N failed`.
"""
import json
import os
import subprocess
import sys
import time

import httpx
from authlib.integrations.httpx_client import OAuth2Client
from authlib.jose import JsonWebKey, jwt
from html.parser import HTMLParser
from urllib.parse import parse_qs, urljoin, urlsplit


class Forms(HTMLParser):
    """The forms of a page, with their inputs as they stand."""

    def __init__(self, html):
        super().__init__()
        self.forms, self.main = [], {}
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "main":
            self.main = attributes
        elif tag == "form":
            self.forms.append({"id": attributes.get("id"), "action": attributes.get("action"), "inputs": {}, "names": set()})
        elif tag in ("input", "button") and self.forms and attributes.get("name"):
            self.forms[-1]["names"].add(attributes["name"])
            if tag == "input" and (attributes.get("type") != "checkbox" or "checked" in attributes):
                self.forms[-1]["inputs"][attributes["name"]] = attributes.get("value", "")

    def named(self, name):
        return next(form for form in self.forms if form["id"] == name or name in form["names"])


class Browser:
    """A browser without scripts."""

    def __init__(self):
        self.http, self.url, self.page = httpx.Client(timeout=20), None, None

    def open(self, url, until, method="GET", data=None):
        response = self.http.request(method, url, data=data)
        while response.is_redirect:
            url = urljoin(url, response.headers["location"])
            if url.startswith(until):
                self.url, self.page = url, None
                return self
            response = self.http.get(url)
        self.url, self.page = url, Forms(response.text)
        return self

    def submit(self, name, until, **values):
        form = self.page.named(name)
        return self.open(urljoin(self.url, form["action"]), until, "POST", {**form["inputs"], **values})


def approve(about, provider, user):
    api = about["phone_url"] + "/phone/api/"
    for _ in range(200):
        if provider == "secsign":
            sessions = httpx.get(f"{api}secsign/{user['secsignid']}").json()["sessions"]
            for session in sessions:
                if session["state"] in (1, 7):
                    path = f"{api}secsign/{user['secsignid']}/sessions/{session['authsessionid']}"
                    return httpx.post(path, json={"action": "approve"}).raise_for_status()
        else:
            who = user["thumbsignin_user_id"]
            found = httpx.get(f"{api}thumbsignin/transactions", params={"userId": who, "state": "PENDING"}).json()
            if found:
                path = f"{api}thumbsignin/transactions/{found[-1]['transactionId']}"
                return httpx.post(path, json={"action": "approve", "userId": who}).raise_for_status()
        time.sleep(0.05)
    raise AssertionError("the phone heard nothing")


def road(about, provider):
    client = next(known for known in about["clients"] if known["client_id"] == "demo-web")
    user = next(known for known in about["users"] if known["username"] == "alice")
    callback = client["redirect_uris"][0]
    metadata = httpx.get(about["issuer"] + "/.well-known/openid-configuration").json()
    assert metadata["issuer"] == about["issuer"]
    session = OAuth2Client(
        client["client_id"], client["client_secret"], redirect_uri=callback, scope="openid profile email groups offline_access",
        code_challenge_method="S256", token_endpoint_auth_method="client_secret_basic",
    )
    verifier = "v" * 50
    url, state = session.create_authorization_url(metadata["authorization_endpoint"], code_verifier=verifier, nonce="n0nce")
    browser = Browser().open(url, callback)
    if browser.page.main["data-page"] == "choose":
        browser.submit("provider", callback, provider=provider)
    browser.submit("identifier", callback, identifier="alice")
    approve(about, provider, user)
    for _ in range(150):
        browser.submit("continue", callback)
        if browser.page is None:
            break
        time.sleep(0.2)
    answer = {name: values[0] for name, values in parse_qs(urlsplit(browser.url).query).items()}
    assert answer["state"] == state and answer["iss"] == about["issuer"], answer
    token = session.fetch_token(metadata["token_endpoint"], code=answer["code"], code_verifier=verifier)
    keys = JsonWebKey.import_key_set(httpx.get(metadata["jwks_uri"]).json())
    claims = jwt.decode(token["id_token"], keys, claims_options={
        "iss": {"essential": True, "value": about["issuer"]}, "aud": {"essential": True, "value": client["client_id"]},
    })
    claims.validate()
    assert claims["nonce"] == "n0nce" and claims["sub"] == user["sub"], claims
    info = session.get(metadata["userinfo_endpoint"]).json()
    assert info["sub"] == user["sub"] and info["preferred_username"] == "alice", info
    fresh = session.refresh_token(metadata["token_endpoint"], refresh_token=token["refresh_token"])
    assert jwt.decode(fresh["id_token"], keys)["sub"] == user["sub"]
    goodbye = client["post_logout_redirect_uris"][0]
    query = {"id_token_hint": token["id_token"], "post_logout_redirect_uri": goodbye, "state": "bye"}
    browser.open(str(httpx.URL(metadata["end_session_endpoint"], params=query)), goodbye)
    assert browser.url.startswith(goodbye) and "state=bye" in browser.url, browser.url


def environment():
    """With a database of its own on PostgreSQL, where the tests run on it (lib/postgres.mjs)."""
    if os.environ.get("TEST_DATABASE") != "postgres":
        return os.environ
    server, name = os.environ["TEST_POSTGRES"], f"authlib_{os.getpid()}"
    subprocess.run(["psql", "-X", "-q", "-c", f"CREATE DATABASE {name}", f"{server}/postgres"], check=True)
    return {**os.environ, "SIGNBRIDGE_DATABASE__URL": f"{server}/{name}"}


def main():
    program = subprocess.Popen([sys.argv[1], "demo", "--port", "0", "--format", "json"], stdout=subprocess.PIPE, text=True,
                               stderr=subprocess.DEVNULL, env=environment())
    passed = failed = 0
    try:
        about = json.loads(program.stdout.readline())
        for provider in ("secsign", "thumbsignin"):
            try:
                road(about, provider)
                passed += 1
                print(f"ok {provider}: Authlib from discovery to logout")
            except Exception as error:  # noqa: BLE001 - every failure is counted and shown
                failed += 1
                print(f"not ok {provider}: {error!r}")
    finally:
        program.terminate()
        program.wait(15)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
