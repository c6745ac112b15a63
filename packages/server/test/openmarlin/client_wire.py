"""How the published client speaks HTTP (contract section 2): urllib, no time-outs, the header's exact case."""

import json
import urllib.error
import urllib.parse
import urllib.request


class Refused(Exception):
    """A status of 400 or more, or a redirect that a POST met."""

    def __init__(self, method, url, status, body, headers):
        super().__init__(f"HTTP {status} {method} {url}: {json.dumps(body, sort_keys=True)}")
        self.status = status
        self.body = body
        self.headers = headers


def exchange(server, method, path, body=None, key=None):
    """Gives status, headers as they came, and the text of the body."""
    url = server.rstrip("/") + path
    data = None if body is None else json.dumps(body).encode("ascii")
    request = urllib.request.Request(url, data=data, method=method)
    request.add_header("Accept", "application/json")
    if data is not None:
        request.add_header("Content-Type", "application/json")
    if key is not None:
        request.add_header("Authorization", f"Bearer {key}")
    try:
        with urllib.request.urlopen(request) as response:
            raw = response.read()
            return response.status, dict(response.headers.items()), raw.decode("utf-8")
    except urllib.error.HTTPError as error:
        raw = error.read()
        try:
            refusal = json.loads(raw)
        except ValueError:
            refusal = raw.decode("utf-8", "replace")
        headers = dict(error.headers.items())
        raise Refused(method, url, error.code, refusal, headers) from None


def call(server, method, path, body=None, key=None):
    """As registration and billing do: whatever succeeds is JSON, or the client dies of it."""
    status, headers, text = exchange(server, method, path, body, key)
    return status, headers, json.loads(text) if text else {}


def is_stream(headers):
    """Looked up in a plain dict, so a server that writes Content-Type has its stream printed as text."""
    return headers.get("content-type", "").startswith("text/event-stream")


def payload_of(headers, text):
    """As platform_request does: JSON where the content type says so, else the text itself."""
    types = [value for name, value in headers.items() if name.lower() == "content-type"]
    return json.loads(text) if types and "application/json" in types[0] else text


def events_of(text):
    """Events of a stream, once the whole body is there; lines are what Unicode takes for lines."""
    events, name, data = [], "message", []
    for line in text.splitlines() + [""]:
        if line.strip() == "":
            if data:
                events.append({"event": name, "data": value_of("\n".join(data))})
            name, data = "message", []
        elif line.startswith(":"):
            continue
        elif line.startswith("event:"):
            name = line[6:].removeprefix(" ")
        elif line.startswith("data:"):
            data.append(line[5:].removeprefix(" "))
    return events


def value_of(text):
    try:
        return json.loads(text)
    except ValueError:
        return text


def escaped(identifier):
    """Percent-encoded, but for slashes."""
    return urllib.parse.quote(identifier)
