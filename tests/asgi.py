"""Requests to a web application in this process, without a socket."""

import asyncio


def post(application, path, query, body):
    """Status, headers and body of an answer of an application in this process."""
    scope = {"type": "http", "method": "POST", "path": path, "query_string": query.encode()}
    scope.update(headers=[], root_path="", http_version="1.1", scheme="http")
    sent = []

    async def receive():
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message):
        sent.append(message)

    asyncio.run(application(scope, receive, send))
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], headers, b"".join(part["body"] for part in sent[1:])
