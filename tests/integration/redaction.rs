//! `casefile redact` and `casefile verify` from the outside: planted secrets of every class in every kind of file, and what has to stay.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use casefile::bundle::{Budget, walk};
use proptest::prelude::*;

use super::cli::Desk;

const JWT: &str = "eyJhbGciOiJSUzI1NiIsImtpZCI6IjEifQ.eyJzdWIiOiJzeXN0ZW06c2VydmljZWFjY291bnQ6c2hvcDpjYXJ0In0.c2lnbmF0dXJlLW9mLXRoaXM";
const KEY_LINE: &str = "MIIEpAIBAAKCAQEA04up8hoqzS1zQxJwKdIWq0tGxhQYd0cX0hlhYnmPO2oY7Q8J";
const DIGEST: &str = "sha256:8e673c71b7bd25e515e81d5f83d545d2b17035f0acaf2d260005f9fc36502d54";
const CHECKSUM: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

/// Every file of a bundle by its path.
fn files(bundle: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    walk(bundle, &mut Budget::default(), &mut |entry| {
        let mut bytes = Vec::new();
        entry.content.read_to_end(&mut bytes).unwrap();
        found.insert(entry.path.as_str().to_owned(), bytes);
    })
    .unwrap();
    found
}

fn holds(files: &BTreeMap<String, Vec<u8>>, needle: &str) -> Vec<String> {
    let hit = |bytes: &[u8]| memchr::memmem::find(bytes, needle.as_bytes()).is_some();
    files
        .iter()
        .filter(|(path, bytes)| path.contains(needle) || hit(bytes))
        .map(|(path, _)| path.clone())
        .collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

/// A folder with secrets of every class, in the kinds of files that bundles hold.
fn plant(desk: &Desk) -> Vec<&'static str> {
    let encoded = STANDARD.encode("Pl4nted-Secret-Value-1");
    desk.put("b/cluster-resources/secrets.json", format!(
        "{{\n  \"kind\": \"SecretList\",\n  \"items\": [\n    {{\n      \"kind\": \"Secret\",\n      \"metadata\": {{\"name\": \"db\", \"namespace\": \"shop\", \"resourceVersion\": \"481516\"}},\n      \"data\": {{\"password\": \"{encoded}\"}}\n    }}\n  ]\n}}\n"));
    desk.put(
        "b/secret.yaml",
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: s3\nstringData:\n  key: Pl4nted-Secret-Value-2\n",
    );
    desk.put(
        "b/logs/early.log",
        "2026-11-21T10:00:00Z connecting with Pl4nted-Secret-Value-3 and Pl4nted-Secret-Value-1\n",
    );
    desk.put("b/logs/late.log", format!("2026-11-21T10:00:01Z password=Pl4nted-Secret-Value-3\nAuthorization: Bearer {JWT}\nDSN postgres://shop:Pl4nted-Secret-Value-4@db:5432/shop\n"));
    desk.put(
        "b/config/app.properties",
        "spring.datasource.password=Pl4nted-Secret-Value-5\nserver.port=8080\n",
    );
    desk.put(
        "b/config/registries.yaml",
        "configs:\n  harbor:\n    auth:\n      username: admin\n      password: Pl4nted-Secret-Value-6\n",
    );
    desk.put(
        "b/keys/tls.txt",
        format!("-----BEGIN RSA PRIVATE KEY-----\n{KEY_LINE}\n-----END RSA PRIVATE KEY-----\n"),
    );
    desk.put(
        "b/docker/events.jsonl",
        "{\"Type\":\"container\",\"env\":[\"API_TOKEN=Pl4nted-Secret-Value-7\"]}\n{\"Type\":\"network\"}\n",
    );
    desk.put("b/pod.json", format!("{{\"kind\":\"Pod\",\"metadata\":{{\"name\":\"a\"}},\"spec\":{{\"containers\":[{{\"name\":\"c\",\"image\":\"shop@{DIGEST}\",\"env\":[{{\"name\":\"DB_PASSWORD\",\"value\":\"Pl4nted-Secret-Value-8\"}}],\"args\":[\"--token\",\"Pl4nted-Secret-Value-9\",\"--ca-checksum {CHECKSUM}\"]}}]}}}}\n"));
    desk.put(
        "b/describe.txt",
        "Name: a\nEnvironment:\n  MYSQL_ROOT_PASSWORD:  Pl4nted-Secret-Value-A\n",
    );
    desk.put("b/old.log.gz", gzip(b"login with --password Pl4nted-Secret-Value-B\n"));
    desk.put(
        "b/escaped.log",
        format!(
            "body: {{\\\"password\\\":\\\"Pl4nted-Secret-Value-C\\\"}} {}\n",
            STANDARD.encode("user=x password=Pl4nted-Secret-Value-1")
        ),
    );
    let mut tar = tar::Builder::new(Vec::new());
    let inner = b"bootstrapPassword: Pl4nted-Secret-Value-D\n";
    let mut header = tar::Header::new_gnu();
    header.set_size(inner.len() as u64);
    header.set_mode(0o644);
    tar.append_data(&mut header, "values.yaml", &inner[..]).unwrap();
    desk.put("b/nodes/n1.tar.gz", gzip(&tar.into_inner().unwrap()));
    let wide: Vec<u8> = "\u{feff}password: Pl4nted-Secret-Value-E\r\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    desk.put("b/wide.txt", wide);
    desk.put("b/core.bin", [b"\x7fELF".to_vec(), vec![0, 1, 2, 3, 0xff]].concat());
    vec!["Pl4nted-Secret-Value", JWT, KEY_LINE]
}

/// Whether a mark stands before them or not, the cells of a table are cells.
#[test]
fn tables_of_other_encodings_are_masked_in_them_and_stay_in_them() {
    let desk = Desk::new();
    let table = |secret: &str| {
        format!("姓名,备注,密码\r\n张三,\"第一行\r\n第二行\",{secret}\r\n\r\n李四,5 号机,{secret}z9\r\n")
    };
    let gbk = |text: &str| encoding_rs::GB18030.encode(text).0.into_owned();
    let wide = |text: &str| text.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<u8>>();
    desk.put("b/gbk.csv", gbk(&table("hunter2a")));
    desk.put("b/marked.csv", wide(&format!("\u{feff}{}", table("hunter2b"))));
    let plain = "user,password,mail\r\njane,hunter2c,jane@example.org\r\n";
    desk.put("b/unmarked.csv", wide(plain));
    let ended = desk.run(&["redact", "b", "-o", "out.tar.gz"]);
    assert_eq!(ended.code, 0, "{}", ended.err);
    let found = files(&desk.path().join("out.tar.gz"));
    let (chinese, ..) = encoding_rs::GB18030.decode(&found["gbk.csv"]);
    let marked = encoding_rs::UTF_16BE.decode(&found["marked.csv"]).0;
    let unmarked = encoding_rs::UTF_16BE.decode(&found["unmarked.csv"]).0;
    for text in [&chinese, &marked] {
        assert!(!text.contains("hunter2"), "{text}");
        assert!(
            text.contains("第二行\",‹password-") && text.contains("李四,5 号机,‹password-"),
            "{text}"
        );
    }
    assert!(
        unmarked.contains("jane,‹password-") && unmarked.contains(",jane@example.org"),
        "{unmarked}"
    );
}

#[test]
fn no_planted_secret_survives_and_what_must_stay_stays() {
    let desk = Desk::new();
    let secrets = plant(&desk);
    let ended = desk.run(&["redact", "b", "-o", "out.tar.gz"]);
    assert_eq!(ended.code, 0, "{}", ended.err);
    let found = files(&desk.path().join("out.tar.gz"));
    for secret in secrets {
        assert_eq!(holds(&found, secret), Vec::<String>::new(), "{secret}");
    }
    for encoded in ["Pl4nted-Secret-Value-1", "Pl4nted-Secret-Value-2"].map(|value| STANDARD.encode(value)) {
        assert_eq!(holds(&found, &encoded), Vec::<String>::new());
    }
    let wide: String = String::from_utf8_lossy(&found["wide.txt"]).replace('\0', "");
    assert!(wide.contains("password: ") && !wide.contains("Pl4nted"), "{wide}");
    for stays in [
        DIGEST,
        CHECKSUM,
        "481516",
        "server.port=8080",
        "username: admin",
        "SecretList",
    ] {
        assert!(!holds(&found, stays).is_empty(), "{stays}");
    }
    // The same value is the same token in every file, also in one that comes before the file that gave it away.
    let early = String::from_utf8(found["logs/early.log"].clone()).unwrap();
    let late = String::from_utf8(found["logs/late.log"].clone()).unwrap();
    let token = early.split("with ").nth(1).unwrap().split(' ').next().unwrap();
    assert!(
        token.starts_with('‹') && late.contains(&format!("password={token}")),
        "{early}{late}"
    );
    // Paths are kept, those inside of archives too, and a file that is no text is what it was.
    assert!(found.contains_key("nodes/n1.tar.gz/values.yaml"), "{:?}", found.keys());
    assert_eq!(
        found["core.bin"],
        [b"\x7fELF".to_vec(), vec![0, 1, 2, 3, 0xff]].concat()
    );
    // A document that was written for people still is.
    assert!(
        String::from_utf8(found["cluster-resources/secrets.json"].clone())
            .unwrap()
            .contains("\n  \"items\": [\n")
    );
}

/// A private key in PEM, as its lines.
fn pem() -> Vec<String> {
    let line = |n: usize| {
        format!(
            "{}{n}{}",
            "MIIEpAIBAAKCAQEA04up8hoqzS1zQxJwKdIWq0tGxhQYd0cX0hlhYnmPO2oY", "Qw8J"
        )
    };
    let mut lines = vec!["-----BEGIN RSA PRIVATE KEY-----".to_owned()];
    lines.extend((0..4).map(line));
    lines.push("-----END RSA PRIVATE KEY-----".to_owned());
    lines
}

/// The ways in which files of bundles write a setting, by the ending of the file.
fn spellings(key: &str, value: &str) -> Vec<(&'static str, String)> {
    let variable = key.to_uppercase();
    let flag = key.replace('_', "-");
    vec![
        (
            "log",
            format!("I1121 10:00:00.000000       1 main.go:7] connecting with {key}={value} to db\n"),
        ),
        (
            "quoted.log",
            format!("time=\"2026-11-21T10:00:00Z\" level=info msg=\"start\" {key}=\"{value}\"\n"),
        ),
        (
            "escaped.log",
            format!("level=info body=\"{{\\\"{key}\\\":\\\"{value}\\\"}}\"\n"),
        ),
        ("yaml", format!("service:\n  {key}: {value}\n  port: 8080\n")),
        ("list.yaml", format!("args:\n- --{flag}={value}\n- --verbose\n")),
        (
            "env.yaml",
            format!("env:\n- name: {variable}\n  value: {value}\n- name: PORT\n  value: \"80\"\n"),
        ),
        (
            "json",
            format!("{{\"kind\":\"X\",\"settings\":{{\"{key}\":\"{value}\"}}}}\n"),
        ),
        (
            "pod.json",
            format!(
                "{{\"kind\":\"Pod\",\"metadata\":{{\"name\":\"a\"}},\"spec\":{{\"containers\":[{{\"name\":\"c\",\"env\":[{{\"name\":\"{variable}\",\"value\":\"{value}\"}}],\"args\":[\"--{flag}\",\"{value}\"]}}]}}}}\n"
            ),
        ),
        (
            "inspect.json",
            format!(
                "[{{\"Id\":\"1\",\"Config\":{{\"Env\":[\"{variable}={value}\"],\"Cmd\":[\"run\",\"--{flag}={value}\"]}}}}]\n"
            ),
        ),
        (
            "jsonl",
            format!("{{\"a\":1}}\n{{\"MESSAGE\":\"run with {key}={value}\"}}\n"),
        ),
        ("properties", format!("app.{key}={value}\nserver.port=8080\n")),
        ("ini", format!("[db]\n{key} = {value}\n")),
        (
            "sh",
            format!("#!/bin/sh\nexport {variable}=\"{value}\"\n/bin/run --{flag} {value}\n"),
        ),
        (
            "describe.txt",
            format!("Name: a\nEnvironment:\n  {variable}:  {value}\n"),
        ),
        (
            "ps.txt",
            format!("root  1  0.0  0.1  10000  2000 ?  Ss  10:00  0:00 /bin/run --{flag}={value} --v=2\n"),
        ),
        (
            "crontab",
            format!("0 2 * * * root /bin/run --{flag} '{value}' >/dev/null\n"),
        ),
    ]
}

#[test]
fn every_class_in_every_kind_of_file() {
    let desk = Desk::new();
    // A value per file, so that no file gives away another one's.
    let mut planted: Vec<(String, String)> = Vec::new();
    let mut plant = |class: &str, key: &str, value: &dyn Fn(usize) -> String| {
        for at in 0..spellings("", "").len() {
            let value = value(at);
            let (kind, text) = spellings(key, &value).swap_remove(at);
            let name = format!("{class}.{kind}");
            planted.push((name.clone(), value));
            desk.put(&format!("b/plain/{name}"), text.clone());
        }
    };
    plant("token", "token", &|at| {
        format!("q7zk4n2vxw8c5tbl9m3hs6dfg1jrp{at:02}y2aeiou7zk")
    });
    plant("password", "password", &|at| format!("C0rrect-Horse-{at:02}-Battery"));
    plant("secret", "client_secret", &|at| {
        format!("8Q~kd92mGh{at:02}sLw0ZxPqVbN4tYr")
    });
    plant("jwt", "jwt", &|at| {
        let claims = STANDARD.encode(format!("{{\"sub\":\"system:serviceaccount:shop:cart-{at:02}\"}}"));
        format!(
            "eyJhbGciOiJSUzI1NiIsImtpZCI6IjEifQ.{}.c2lnbmF0dXJlLW9mLXRoaXM{at:02}",
            claims.trim_end_matches('=')
        )
    });
    plant("access-key", "aws_access_key_id", &|at| {
        format!(
            "AKIAQ7ZK4N2VXW8C5T{}",
            [
                "AA", "BB", "CC", "DD", "EE", "FF", "GG", "HH", "II", "JJ", "KK", "LL", "MM", "NN", "OO", "PP"
            ][at]
        )
    });
    plant("credential", "url", &|at| {
        format!("postgres://shop:Pl4nted{at:02}Credential@db.shop:5432/shop")
    });
    // A key has lines, which each kind of file writes in its own way.
    let lines = pem();
    let escaped = lines.join("\\n");
    for (name, text) in [
        ("private-key.pem", lines.join("\n") + "\n"),
        ("private-key.log", format!("loaded key\n{}\nready\n", lines.join("\n"))),
        (
            "private-key.yaml",
            format!("tls:\n  key: |\n    {}\n  port: 1\n", lines.join("\n    ")),
        ),
        (
            "private-key.json",
            format!("{{\"kind\":\"X\",\"key\":\"{escaped}\\n\"}}\n"),
        ),
        (
            "private-key.jsonl",
            format!("{{\"a\":1}}\n{{\"MESSAGE\":\"{escaped}\"}}\n"),
        ),
        ("private-key.properties", format!("app.key={escaped}\n")),
        (
            "private-key.describe.txt",
            format!("Data\n====\ntls.key:\n----\n{}\n", lines.join("\n")),
        ),
        (
            "private-key.kubeconfig.yaml",
            format!(
                "users:\n- name: a\n  user:\n    client-key-data: {}\n",
                STANDARD.encode(lines.join("\n"))
            ),
        ),
    ] {
        desk.put(&format!("b/plain/{name}"), text);
    }
    // The same files once more in the containers that bundles nest, and in the text of Windows.
    let mut tar = tar::Builder::new(Vec::new());
    for (name, value) in &planted {
        let text = std::fs::read(desk.path().join("b/plain").join(name)).unwrap();
        assert!(
            holds(&BTreeMap::from([(name.clone(), text.clone())]), value).len() == 1,
            "{name} holds no {value}"
        );
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, name, text.as_slice()).unwrap();
        desk.put(&format!("b/packed/{name}.gz"), gzip(&text));
        let wide = format!("\u{feff}{}", String::from_utf8(text).unwrap());
        let wide: Vec<u8> = wide.encode_utf16().flat_map(u16::to_le_bytes).collect();
        desk.put(&format!("b/wide/{name}"), wide);
    }
    desk.put("b/nodes/n1.tar.gz", gzip(&tar.into_inner().unwrap()));
    let ended = desk.run(&["redact", "b", "-o", "out.tar.gz"]);
    assert_eq!(ended.code, 0, "{}", ended.err);
    let mut found = files(&desk.path().join("out.tar.gz"));
    for (path, bytes) in &mut found {
        if path.starts_with("wide/") {
            bytes.retain(|byte| *byte != 0);
        }
    }
    let mut survived = Vec::new();
    for (name, value) in &planted {
        // Of a URL only the password is secret.
        let secret = value.split("://shop:").last().unwrap().split('@').next().unwrap();
        let places = holds(&found, secret);
        if !places.is_empty() {
            survived.push(format!("{name}: {places:?}"));
        }
    }
    for line in &pem()[1..5] {
        survived.extend(holds(&found, line));
        survived.extend(holds(&found, &STANDARD.encode(line)));
    }
    assert!(survived.is_empty(), "{survived:#?}");
    assert_eq!(found.len(), 4 * planted.len() + 8);
}

#[test]
fn a_key_makes_tokens_that_agree_between_bundles() {
    let desk = Desk::new();
    desk.put("key", "0123456789abcdef0123456789abcdef");
    desk.put(
        "a/x.log",
        "token: Zq7RandomSecretVal9\npassword: Pl4nted-Secret-Value-1\n",
    );
    desk.put("b/y.log", "password: Pl4nted-Secret-Value-1\n");
    for name in ["a", "b"] {
        let out = format!("{name}.tar.gz");
        assert_eq!(
            desk.run(&["redact", name, "-o", &out, "--redaction-key", "key"]).code,
            0
        );
    }
    let last = |bundle: &str, file: &str| {
        let text = String::from_utf8(files(&desk.path().join(bundle))[file].clone()).unwrap();
        text.lines().last().unwrap().to_owned()
    };
    assert_eq!(last("a.tar.gz", "x.log"), last("b.tar.gz", "y.log"));
    desk.put("short", "hunter2");
    let refused = desk.run(&["redact", "a", "-o", "c.tar.gz", "--redaction-key", "short"]);
    assert_eq!(refused.code, 2);
    assert!(refused.err.contains("at least 16 bytes"), "{}", refused.err);
}

#[test]
fn a_secret_that_is_called_like_an_object_is_masked_in_a_bundle_and_leaves_a_report_its_names() {
    let desk = Desk::new();
    let encoded = STANDARD.encode("ledgerworks");
    desk.put("b/secret.json", format!(
        "{{\"apiVersion\": \"v1\", \"kind\": \"Secret\", \"metadata\": {{\"name\": \"db\", \"namespace\": \"shop\", \"uid\": \"u\"}}, \"data\": {{\"DB_USER\": \"{encoded}\"}}}}\n"));
    desk.put("b/pods.txt", "NAMESPACE   NAME            READY   STATUS             RESTARTS   AGE\nshop        ledgerworks-0   0/1     CrashLoopBackOff   9          41m\n");
    desk.put("b/notes.txt", "it logs in as ledgerworks\n");
    let redacted = desk.run(&["redact", "b", "-o", "r.tar.gz"]);
    assert_eq!(redacted.code, 0, "{}", redacted.err);
    assert_eq!(
        holds(&files(&desk.path().join("r.tar.gz")), "ledgerworks"),
        Vec::<String>::new()
    );
    let report = desk.run(&["analyze", "b", "-o", "-", "-f", "md", "--lang", "en"]);
    assert_ne!(report.code, 6, "{}", report.err);
    assert!(report.out.contains("ledgerworks"), "{}", report.out);
}

#[test]
fn other_names_agree_and_subnets_stay() {
    let desk = Desk::new();
    desk.put("b/nodes.txt", "NAME        STATUS   ROLES    AGE   VERSION   INTERNAL-IP\nprod-db-7   Ready    <none>   90d   v1.28.4   10.20.30.41\n");
    desk.put("b/nodes/prod-db-7/kubelet.log", "I1121 10:00:00.000000       1 x.go:1] node prod-db-7 at 10.20.30.41 pulls from https://harbor.corp.example.cn/v2/\n");
    desk.put(
        "b/route.txt",
        "10.20.30.0/24 dev eth0 proto kernel scope link src 10.20.30.41\n",
    );
    assert_eq!(desk.run(&["redact", "b", "-o", "out.tar.gz", "--anonymize"]).code, 0);
    let found = files(&desk.path().join("out.tar.gz"));
    for gone in ["prod-db-7", "10.20.30.41", "10.20.30.0", "corp.example"] {
        assert_eq!(holds(&found, gone), Vec::<String>::new(), "{gone}");
    }
    let route = String::from_utf8(found["route.txt"].clone()).unwrap();
    let (network, rest) = route.split_once("/24 ").unwrap();
    let source = rest.trim_end().rsplit(' ').next().unwrap();
    assert_eq!(network.rsplit_once('.').unwrap().0, source.rsplit_once('.').unwrap().0);
    let log = found.iter().find(|(path, _)| path.ends_with("kubelet.log")).unwrap();
    let host = log.0.split('/').nth(1).unwrap();
    assert!(
        String::from_utf8_lossy(log.1).contains(&format!("node {host} at {source}")),
        "{log:?}"
    );
}

#[test]
fn a_binary_file_with_a_known_secret_stops_it_unless_such_files_are_left_out() {
    let desk = Desk::new();
    desk.put("b/app.log", "password: Pl4nted-Secret-Value-1\n");
    desk.put(
        "b/dump.bin",
        [&[0; 64][..], b"Pl4nted-Secret-Value-1", &[0; 64][..]].concat(),
    );
    let stopped = desk.run(&["redact", "b", "-o", "out.tar.gz"]);
    assert_eq!(stopped.code, 6);
    assert!(
        stopped.err.contains("dump.bin") && stopped.err.contains("--drop-binary"),
        "{}",
        stopped.err
    );
    assert!(!desk.path().join("out.tar.gz").exists());
    assert_eq!(desk.run(&["redact", "b", "-o", "out.tar.gz", "--drop-binary"]).code, 0);
    assert!(!files(&desk.path().join("out.tar.gz")).contains_key("dump.bin"));
}

#[cfg(target_os = "linux")]
#[test]
fn a_collected_bundle_verifies_before_and_after_redaction_and_not_when_it_was_changed() {
    let desk = Desk::new();
    desk.put("root/etc/hostname", "n1\n");
    desk.put(
        "root/etc/rancher/rke2/config.yaml",
        "server: https://10.0.0.1:9345\ntoken: Pl4nted-Secret-Value-1\n",
    );
    let collected = desk.run(&["collect", "--no-cluster", "--root", "root", "-q", "-o", "n1.tar.gz"]);
    assert_eq!(collected.code, 0, "{}{}", collected.out, collected.err);
    let intact = desk.run(&["verify", "n1.tar.gz"]);
    assert_eq!(intact.code, 0, "{}{}", intact.out, intact.err);
    assert!(intact.out.contains("intact"), "{}", intact.out);
    let redacted = desk.run(&["redact", "n1.tar.gz", "-o", "redacted.tar.gz", "--anonymize"]);
    assert_eq!(redacted.code, 0, "{}", redacted.err);
    assert_eq!(desk.run(&["verify", "redacted.tar.gz"]).code, 0);

    for (path, bytes) in files(&desk.path().join("n1.tar.gz")) {
        desk.put(&format!("open/{path}"), bytes);
    }
    let top = std::fs::read_dir(desk.path().join("open"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    std::fs::write(top.join("nodes/n1/etc/hostname"), "other\n").unwrap();
    std::fs::write(top.join("nodes/n1/added.txt"), "x\n").unwrap();
    std::fs::remove_file(top.join("nodes/n1/etc/rancher/rke2/config.yaml")).unwrap();
    let changed = desk.run(&["verify", "open", "-f", "json"]);
    assert_eq!(changed.code, 1);
    let json: serde_json::Value = serde_json::from_str(&changed.out).unwrap();
    let manifest = &json[0]["manifests"][0];
    assert_eq!(manifest["altered"][0]["path"], "nodes/n1/etc/hostname");
    assert_eq!(manifest["missing"][0], "nodes/n1/etc/rancher/rke2/config.yaml");
    assert_eq!(manifest["added"][0], "nodes/n1/added.txt");
}

#[test]
fn what_no_bundle_is_cannot_be_verified() {
    let desk = Desk::new();
    desk.put("b/pods.txt", "NAME READY\n");
    assert_eq!(desk.run(&["verify", "b"]).code, 3);
    assert_eq!(desk.run(&["verify", "nowhere"]).code, 3);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20))]
    /// Ten thousand random secrets, five hundred at a time, each where its name gives it away: none survives.
    #[test]
    fn random_secrets_do_not_survive(
        values in proptest::collection::hash_set("[A-Za-z][A-Za-z0-9]{7}[0-9][A-Za-z0-9_.~+-]{3,28}[A-Za-z0-9]", 500),
    ) {
        let mut masker = casefile::redact::Masker::new();
        let forms = |at: usize, value: &str| match at % 7 {
            0 => format!("password: {value}\n"),
            1 => format!("DB_PASSWORD={value}\n"),
            2 => format!("{{\"token\":\"{value}\"}}\n"),
            3 => format!("run --password {value} --verbose\n"),
            4 => format!("https://user:{value}@git.example.com/x\n"),
            5 => format!("  client_secret: \"{value}\"\n"),
            _ => format!("Authorization: Bearer {value}\n"),
        };
        let text: String = values.iter().enumerate().map(|(at, value)| forms(at, value)).collect();
        let masked = masker.mask(&text).into_owned();
        for value in &values {
            prop_assert!(!masked.contains(value.as_str()), "{}", value);
        }
        prop_assert!(masker.leaks(masked.as_bytes()).is_empty());
        prop_assert_eq!(text.lines().count(), masked.lines().count());
    }
}
