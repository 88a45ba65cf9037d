use casefile::cluster::Reader;
use casefile::logs::SignatureSet;
use casefile::model::EntryPath;
fn main() {
    let signatures = SignatureSet::new([]).unwrap();
    for arg in std::env::args().skip(1) {
        let bytes = std::fs::read(&arg).unwrap();
        println!("##### {arg}");
        let mut reader = Reader::new(&signatures, "b");
        let name = std::path::Path::new(&arg)
            .file_name()
            .unwrap()
            .to_string_lossy()
            .replace("%", "/");
        reader.file(&EntryPath::new(&name), &mut bytes.as_slice());
        let s = reader.finish(casefile::cluster::BundleInfo {
            alias: "b".into(),
            input: "b".into(),
            layout: String::new(),
            sha256: String::new(),
            collected_at: None,
        });
        for f in &s.coverage.files {
            println!("file {:?}", f.treatment);
        }
        for p in &s.coverage.problems {
            println!("PROBLEM {:?} {:?}", p.line, p.detail);
        }
        for (k, o) in &s.objects {
            let mut v = o.value.clone();
            if let Some(m) = v.as_object_mut() {
                m.remove("apiVersion");
                m.remove("kind");
            }
            let t = v.to_string();
            println!(
                "OBJ {:?} {}/{}/{} {}",
                o.form,
                k.kind,
                k.namespace,
                k.name,
                t.chars().take(700).collect::<String>()
            );
        }
        for e in &s.events {
            println!(
                "EVENT {:?} {} {} {:?} x{}",
                e.about,
                e.reason,
                e.message,
                e.last.as_ref().map(|w| w.raw.clone()),
                e.count
            );
        }
        for l in &s.logs {
            println!(
                "LOG {:?} lines {} hits {} first {:?} tail {:?}",
                l.stream,
                l.lines,
                l.hits.len(),
                l.first_stamped,
                l.tail
                    .iter()
                    .map(|t| format!("{}:{}", t.line, t.text))
                    .collect::<Vec<_>>()
            );
        }
        for h in &s.hosts {
            println!(
                "HOST {:?} {:?}",
                h.directory,
                h.names.values().map(|v| v.0.clone()).collect::<Vec<_>>()
            );
            for (k, v) in &h.values {
                println!("  VALUE {k}={}", v.0);
            }
            for (k, v) in &h.sysctl {
                println!("  SYSCTL {k}={}", v.0);
            }
            for c in &h.containers {
                println!("  CONT {} {} {:?}", c.name, c.image, c.state);
            }
            let t = &h.tools;
            for u in &t.units {
                println!(
                    "  UNIT {} {} {} {} {} {:?} {}",
                    u.name, u.loaded, u.enabled, u.active, u.sub, u.exit_status, u.result
                );
            }
            for u in &t.cri {
                println!(
                    "  CRI {:?} {} {} {} {:?} {:?} {} {}",
                    u.kind, u.via, u.name, u.image, u.state, u.attempt, u.pod, u.namespace
                );
            }
            for u in &t.cri_listings {
                println!("  CRILIST {:?} {} {} {}", u.kind, u.via, u.entries, u.is_complete);
            }
            for u in &t.etcd_members {
                println!(
                    "  MEMBER {} {} {:?} {:?} {} {}",
                    u.id, u.name, u.peer_urls, u.client_urls, u.is_learner, u.is_started
                );
            }
            for u in &t.etcd_endpoints {
                println!(
                    "  ENDPOINT {} {} {} {:?} {:?} {:?} {:?} {} {}",
                    u.endpoint, u.id, u.version, u.db_size, u.is_leader, u.raft_term, u.is_healthy, u.took, u.errors
                );
            }
            for u in &t.etcd_alarms {
                println!("  ALARM {} {}", u.member, u.alarm);
            }
            for u in &t.listeners {
                println!("  LISTEN {} {}:{} {}", u.protocol, u.address, u.port, u.process);
            }
            for u in &t.interfaces {
                println!("  IF {} {:?} {} {:?}", u.name, u.mtu, u.state, u.addresses);
            }
            println!(
                "  procs {} configs {} fs {} routes {} fw {} clock {:?}",
                t.processes.len(),
                t.configs.len(),
                t.filesystems.len(),
                t.routes.len(),
                t.firewalls.len(),
                h.clock.as_ref().map(|c| c.0.raw.clone())
            );
        }
    }
}
