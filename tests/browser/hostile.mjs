// Writes a bundle whose names, messages and log lines try to break out of a page, and which holds planted secrets. A directory as
// anybody may send it: casefile reads it like any other.
//
// usage: node hostile.mjs DIR
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { SECRETS } from "./planted.mjs";

const out = process.argv[2];
const write = (path, text) => {
  mkdirSync(dirname(join(out, path)), { recursive: true });
  writeFileSync(join(out, path), text);
};

export const PAYLOADS = [
  "<script>window.__pwned=1</script>",
  "<img src=x onerror=\"window.__pwned=1\">",
  "</script></style></title><svg onload=window.__pwned=1>",
  "</pre></details></code><iframe src=https://evil.example></iframe>",
  "<!-- <meta http-equiv=refresh content=0;url=https://evil.example> -->",
  "<base href=https://evil.example/><form action=https://evil.example><input autofocus onfocus=window.__pwned=1>",
  "' onmouseover='window.__pwned=1' x='",
  "\" autofocus onfocus=\"window.__pwned=1",
  "<a href=\"javascript:window.__pwned=1\">x</a> [x](javascript:window.__pwned=1)",
  "<style>*{display:none}</style><link rel=stylesheet href=https://evil.example/x.css>",
  "&lt;b&gt; &#60;script&#62; &amp;lt;",
  "\u001b[31mred\u001b[0m \u202Etxt.exe \u2066\u200B\u200F\uFEFF\u2028end \u0007\b\u009b",
  "<object data=https://evil.example></object><embed src=https://evil.example>",
  "]]><![CDATA[<x>]]><?php echo 1 ?>",
  "<math><mtext></p><svg><foreignObject><script>window.__pwned=1</script>",
  "x".repeat(4000) + "<b>",
];

const at = (minute) => `2026-11-21T09:${String(minute).padStart(2, "0")}:00Z`;
const list = (items) => JSON.stringify({ kind: "List", apiVersion: "v1", metadata: {}, items }, null, 1);

const pods = [];
const events = [];
const deployments = [];
PAYLOADS.forEach((payload, i) => {
  const app = `app-${i} ${payload.slice(0, 200)}`;
  const pod = `${app}-7d9c5b6f4-x${i}`;
  const crash = i % 2 === 0;
  const state = crash
    ? { waiting: { reason: "CrashLoopBackOff", message: `back-off 5m0s restarting failed container=${payload}` } }
    : { waiting: { reason: "ImagePullBackOff", message: `Back-off pulling image "registry.corp.example/${payload}:1"` } };
  const template = {
    metadata: { labels: { app } },
    spec: {
      containers: [{
        name: "main",
        image: `registry.corp.example/team/app${i}:1`,
        command: ["/bin/sh", "-c", payload],
        env: [{ name: "DB_PASSWORD", value: SECRETS[0] }, { name: "NOTE", value: payload }],
      }],
    },
  };
  deployments.push({
    apiVersion: "apps/v1", kind: "Deployment",
    metadata: { name: app, namespace: "shop", creationTimestamp: at(0), annotations: { note: payload } },
    spec: { replicas: 1, selector: { matchLabels: { app } }, template },
    status: { replicas: 1, unavailableReplicas: 1 },
  });
  pods.push({
    apiVersion: "v1", kind: "Pod",
    metadata: {
      name: pod, namespace: "shop", uid: `u${i}`, creationTimestamp: at(1), labels: { app },
      ownerReferences: [{ apiVersion: "apps/v1", kind: "ReplicaSet", name: `${app}-7d9c5b6f4`, uid: `r${i}`, controller: true }],
    },
    spec: { nodeName: "node-1", ...template.spec },
    status: {
      phase: "Running",
      conditions: [{ type: "Ready", status: "False", lastTransitionTime: at(2), message: payload }],
      containerStatuses: [{
        name: "main", image: `registry.corp.example/team/app${i}:1`, ready: false, restartCount: crash ? 7 : 0, state,
        ...(crash && { lastState: { terminated: { exitCode: 1, reason: "Error", startedAt: at(3), finishedAt: at(4), message: payload } } }),
      }],
    },
  });
  events.push({
    apiVersion: "v1", kind: "Event",
    metadata: { name: `e${i}`, namespace: "shop", creationTimestamp: at(4) },
    involvedObject: { kind: "Pod", namespace: "shop", name: pod, uid: `u${i}` },
    type: "Warning", reason: crash ? "BackOff" : "Failed", count: 9, firstTimestamp: at(2), lastTimestamp: at(5),
    source: { component: "kubelet", host: "node-1" },
    message: crash
      ? `Back-off restarting failed container main in pod ${pod} ${payload}`
      : `Failed to pull image "registry.corp.example/team/app${i}:1": rpc error: code = NotFound desc = failed to resolve reference ${payload}: not found`,
  });
  if (crash) {
    write(`pods/shop/app-${i}/logs.txt`, [
      `${at(3)} starting ${payload}`,
      `${at(3)} connecting with password=${SECRETS[1]} token=${SECRETS[2]}`,
      `${at(4)} FATAL cannot open /data/${payload}: no such file or directory`,
      "",
    ].join("\n"));
  }
});

write("nodes.json", list([{
  apiVersion: "v1", kind: "Node",
  metadata: { name: "node-1", creationTimestamp: at(0), labels: { note: PAYLOADS[0] } },
  status: {
    conditions: [{ type: "Ready", status: "True", lastHeartbeatTime: at(5), lastTransitionTime: at(0), message: PAYLOADS[1] }],
    nodeInfo: { kubeletVersion: "v1.31.1", osImage: PAYLOADS[2], containerRuntimeVersion: "containerd://1.7.1" },
  },
}]));
write("pods.json", list(pods));
write("events.json", list(events));
write("deployments.json", list(deployments));
write("secrets.json", list([{
  apiVersion: "v1", kind: "Secret", type: "Opaque", metadata: { name: "db", namespace: "shop" },
  data: { password: Buffer.from(SECRETS[3]).toString("base64") },
}]));
write(`notes/${PAYLOADS[1].replaceAll("/", "_").replaceAll("\0", "")}.log`, `${at(5)} E1121 dial tcp: lookup registry.corp.example: no such host ${PAYLOADS[0]}\n`);
