"""Presses on the watch cache of the API server until it is killed: clients that list all pods at once, and watch them. usage: press.py PORT"""
import itertools
import ssl
import sys
import threading
import urllib.error
import urllib.request

context = ssl.create_default_context(cafile="ca.crt")
context.load_cert_chain("admin.crt", "admin.key")


def press(number):
    query = "watch=true&timeoutSeconds=5&resourceVersion=0" if number % 2 else "resourceVersion=0"
    for _ in itertools.count():
        try:
            with urllib.request.urlopen(f"https://127.0.0.1:{sys.argv[1]}/api/v1/pods?{query}", context=context) as answer:
                while answer.read(1 << 20):
                    pass
        except (urllib.error.URLError, OSError):
            pass


threads = [threading.Thread(target=press, args=(number,), daemon=True) for number in range(6)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
