"""A bad proxy before the API server: the first answers of some lists hang, break off, or are 429; below /stuck no second page ever comes.

usage: proxy.py PORT API_PORT CERT KEY
"""
import http.client
import http.server
import ssl
import sys
import threading
import time
import urllib.parse

port, api, certificate, key = int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:5]
context = ssl.create_default_context(cafile="ca.crt")
context.load_cert_chain(certificate, key)
# What the first requests of a list suffer; configmaps never answer at all.
TROUBLE = {"pods": ["busy", "cut", "hang"], "services": ["cut", "cut"], "events": ["unavailable"], "configmaps": ["hang"] * 1000}
lock = threading.Lock()


def trouble(path):
    with lock:
        waiting = TROUBLE.get(urllib.parse.urlsplit(path).path.rsplit("/", 1)[-1], [])
        return waiting.pop(0) if waiting else None


class Proxy(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.close_connection = True
        stuck = self.path.startswith("/stuck")
        path = self.path.removeprefix("/stuck")
        what = ("hang" if "continue=" in path else None) if stuck else trouble(path)
        if what == "hang":
            return time.sleep(120)
        if what in ("busy", "unavailable"):
            self.send_response(429 if what == "busy" else 503)
            self.send_header("Retry-After", "1")
            self.send_header("Content-Length", "0")
            return self.end_headers()
        upstream = http.client.HTTPSConnection("127.0.0.1", api, context=context, timeout=60)
        upstream.request("GET", path, headers={"Accept": self.headers.get("Accept", "*/*")})
        answer = upstream.getresponse()
        body = answer.read()
        self.send_response(answer.status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if what == "cut" else body)


http.server.ThreadingHTTPServer(("127.0.0.1", port), Proxy).serve_forever()
