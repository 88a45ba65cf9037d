#!/usr/bin/env python3
"""Makes a tree of YAML files like a must-gather, as a tar.gz: thousands of files, more than 100 MB when unpacked.

usage: must_gather.py SAMPLE.tar.gz OUT.tar.gz     SAMPLE is tests/layouts/must-gather.tar.gz

Pods and nodes are those of the sample under other names, ids and addresses; a pod stands in the list of its namespace and in a file of its
own, as `oc adm inspect` writes it. Events, ConfigMaps and CustomResourceDefinitions are made up.
"""
import io, random, re, subprocess, sys, tarfile
random.seed(11)
sample = {}
with tarfile.open(sys.argv[1]) as archive:
    for entry in archive:
        if entry.isfile():
            sample[entry.name.split("/", 2)[-1]] = archive.extractfile(entry).read().decode()
pods = next(text for name, text in sample.items() if name.endswith("core/pods.yaml"))
node = next(text for name, text in sample.items() if "/nodes/" in name)
root = "must-gather/quay-io-openshift-must-gather-sha256-" + "0" * 64


def vary(text):
    """The same text of other objects: ids, addresses, times and hashes differ, and each thing is called alike within a file."""
    known = {}
    def other(found):
        old = found.group(0)
        if old not in known:
            known[old] = "".join(random.choice("0123456789abcdef") if c in "0123456789abcdef" else c for c in old)
        return known[old]
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|\b[0-9a-f]{40,64}\b", other, text)
    return re.sub(r"10\.1\d\d\.\d+\.\d+", lambda _: f"10.{random.randrange(128, 132)}.{random.randrange(256)}.{random.randrange(256)}", text)


def event(namespace):
    pod = f"app-{random.randrange(60)}-{random.getrandbits(20):05x}"
    return f"""- apiVersion: v1
  count: {random.randrange(1, 90)}
  eventTime: null
  firstTimestamp: "2024-10-24T13:{random.randrange(60):02}:{random.randrange(60):02}Z"
  involvedObject:
    apiVersion: v1
    fieldPath: spec.containers{{app}}
    kind: Pod
    name: {pod}
    namespace: {namespace}
    resourceVersion: "{random.randrange(10**6)}"
    uid: {random.getrandbits(32):08x}-0000-4000-8000-{random.getrandbits(48):012x}
  kind: Event
  lastTimestamp: "2024-10-24T14:{random.randrange(60):02}:{random.randrange(60):02}Z"
  message: {random.choice(['Container image "registry.local/app:1" already present on machine', 'Created container app', 'Started container app', 'Stopping container app'])}
  metadata:
    creationTimestamp: "2024-10-24T13:00:00Z"
    managedFields:
    - apiVersion: v1
      fieldsType: FieldsV1
      fieldsV1:
        f:count: {{}}
        f:firstTimestamp: {{}}
        f:involvedObject: {{}}
        f:lastTimestamp: {{}}
        f:message: {{}}
        f:reason: {{}}
        f:reportingComponent: {{}}
        f:source:
          f:component: {{}}
          f:host: {{}}
        f:type: {{}}
      manager: kubelet
      operation: Update
      time: "2024-10-24T13:00:00Z"
    name: {pod}.{random.getrandbits(64):016x}
    namespace: {namespace}
    resourceVersion: "{random.randrange(10**6)}"
    uid: {random.getrandbits(32):08x}-0000-4000-8000-{random.getrandbits(48):012x}
  reason: Created
  reportingComponent: kubelet
  reportingInstance: worker-{random.randrange(9)}
  source:
    component: kubelet
    host: worker-{random.randrange(9)}
  type: Normal
"""


def definition(number):
    def schema(indent, depth):
        pad = " " * indent
        out = []
        for index in range(6):
            out.append(f"{pad}field{random.randrange(1000)}x{index}:\n{pad}  description: {' '.join(random.choice(WORDS) for _ in range(14))}\n")
            if depth and index % 3 == 0:
                out.append(f"{pad}  properties:\n" + schema(indent + 4, depth - 1) + f"{pad}  type: object\n")
            else:
                out.append(f"{pad}  type: {random.choice(['string', 'integer', 'boolean'])}\n")
        return "".join(out)
    return f"""---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  creationTimestamp: "2024-10-24T13:00:00Z"
  name: things{number}.example.com
  uid: {random.getrandbits(32):08x}-0000-4000-8000-{random.getrandbits(48):012x}
spec:
  group: example.com
  names:
    kind: Thing{number}
    plural: things{number}
  scope: Namespaced
  versions:
  - name: v1
    schema:
      openAPIV3Schema:
        properties:
{schema(10, 4)}        type: object
    served: true
    storage: true
"""


WORDS = "the of for a set to by pods nodes network policy operator controller status desired observed field when specified which is must not be changed default value".split()


def config(namespace, number):
    body = "".join(f"      key-{n}: {random.choice(WORDS)} {random.getrandbits(40):010x}\n" for n in range(60))
    return f"""- apiVersion: v1
  data:
    config.yaml: |
{body}  kind: ConfigMap
  metadata:
    creationTimestamp: "2024-10-24T13:00:00Z"
    name: config-{number}
    namespace: {namespace}
    uid: {random.getrandbits(32):08x}-0000-4000-8000-{random.getrandbits(48):012x}
"""

packer = subprocess.Popen(["gzip", "-6"], stdin=subprocess.PIPE, stdout=open(sys.argv[2], "wb"))
total = files = 0
with tarfile.open(fileobj=packer.stdin, mode="w|") as archive:
    def add(name, text):
        global total, files
        data = text.encode()
        entry = tarfile.TarInfo(f"{root}/{name}")
        entry.size = len(data)
        entry.mtime = 1729774800
        archive.addfile(entry, io.BytesIO(data))
        total += len(data)
        files += 1
    for number in range(30):
        add(f"cluster-scoped-resources/core/nodes/worker-{number}.yaml", vary(node).replace("ci-op-2fcpj5j6-f6035-2lklf-master-0", f"worker-{number}"))
    for number in range(250):
        add(f"cluster-scoped-resources/apiextensions.k8s.io/customresourcedefinitions/things{number}.example.com.yaml", definition(number))
    for number in range(260):
        namespace = f"openshift-app-{number}"
        listed = vary(pods).replace("openshift-dns", namespace)
        add(f"namespaces/{namespace}/core/pods.yaml", listed)
        head, *items = re.split(r"(?m)^- (?=apiVersion)", listed)
        for item in items:
            body = "".join(line[2:] if line.startswith("  ") else line for line in item.splitlines(True) if line.startswith("  ") or line.startswith("apiVersion"))
            name = re.search(r"(?m)^  name: (\S+)", body)
            if name:
                add(f"namespaces/{namespace}/pods/{name[1]}/{name[1]}.yaml", "---\n" + body)
        add(f"namespaces/{namespace}/core/events.yaml", "---\napiVersion: v1\nitems:\n" + "".join(event(namespace) for n in range(60)) + 'kind: EventList\nmetadata:\n  resourceVersion: "1"\n')
        add(f"namespaces/{namespace}/core/configmaps.yaml", "---\napiVersion: v1\nitems:\n" + "".join(config(namespace, n) for n in range(12)) + 'kind: ConfigMapList\nmetadata:\n  resourceVersion: "1"\n')
    print(f"{files} files, {total >> 20} MiB", file=sys.stderr)
packer.stdin.close()
packer.wait()
