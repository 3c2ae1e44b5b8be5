"""A hook that believes only what standardwebhooks verifies. Prints what it was told."""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks import Webhook, WebhookVerificationError

webhook = Webhook(sys.argv[1])


class Hook(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            said = webhook.verify(body, {name.lower(): value for name, value in self.headers.items()})
        except WebhookVerificationError:
            print("refused", flush=True)
            return self.answer(401, b"")
        event = self.headers["X-Gockets-Event"]
        print("verified", event, flush=True)
        if event != "message":
            return self.answer(204, b"")
        self.answer(200, ("verified " + json.dumps(said)).encode(), {"X-Gockets-Reply": "client"})

    def answer(self, status, body, headers={}):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
print("port", server.server_port, flush=True)
server.serve_forever()
