"""A stub of a kubelet: only what the API server asks of it for logs and nodes/proxy. usage: kubelet.py ADDRESS PORT CERT KEY SECRET"""
import http.server
import json
import ssl
import sys
import urllib.parse

address, port, certificate, key, secret = sys.argv[1], int(sys.argv[2]), *sys.argv[3:6]
LINE = "2026-11-21T10:00:{:02d}.000000000Z {}\n"


class Kubelet(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, body, kind="text/plain", code=200):
        body = body.encode()
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        query = urllib.parse.parse_qs(url.query)
        parts = url.path.strip("/").split("/")
        if parts[0] == "containerLogs":
            if parts[2].startswith("endless"):
                return self.endless()
            if "previous" in query:
                return self.answer(LINE.format(1, "java.lang.OutOfMemoryError: Java heap space"))
            return self.answer(LINE.format(2, f"{parts[2]} connects with password {secret}"))
        if url.path == "/configz":
            return self.answer(json.dumps({"kubeletconfig": {"cgroupDriver": "systemd", "maxPods": 110}}), "application/json")
        if url.path == "/healthz":
            return self.answer("[+]ping ok\n[+]syncloop ok\nhealthz check passed\n")
        if url.path == "/stats/summary":
            return self.answer(json.dumps({"node": {"nodeName": "node-1"}, "pods": []}), "application/json")
        if url.path.startswith("/logs/") and "query" in query:
            return self.answer("Nov 21 10:00:00 node-1 kubelet[1]: I1121 10:00:00.000000       1 server.go:1] Started kubelet\n")
        return self.answer("404 page not found\n", code=404)

    def endless(self):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        block = LINE.format(3, "again and again").encode() * 100
        try:
            while True:
                self.wfile.write(f"{len(block):x}\r\n".encode() + block + b"\r\n")
        except OSError:
            self.close_connection = True


server = http.server.ThreadingHTTPServer((address, port), Kubelet)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
server.serve_forever()
