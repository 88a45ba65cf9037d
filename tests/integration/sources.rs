//! Containers of every kind, honest, damaged and hostile, built here and walked.

use std::fs;
use std::io::Write;

use casefile::bundle::{Budget, OpenError, Probe, SourceKind, probe};
use casefile::model::{EntryPath, ProblemKind};
use tar::{Builder, EntryType, Header};

use super::archives::{
    Bench, LOG, POD, bz2, gz, header, link, member, padded, see, see_within, tar_of, try_see, xz, zip_of, zst,
};

// ---------------------------------------------------------------- kinds

#[test]
fn every_container_gives_the_same_files_whatever_it_is_called() {
    let bench = Bench::new();
    let tar = tar_of(&[POD, LOG]);
    for (kind, bytes) in [
        (SourceKind::Tar, tar.clone()),
        (SourceKind::TarGz, gz(&tar)),
        (SourceKind::TarXz, xz(&tar)),
        (SourceKind::TarBz2, bz2(&tar)),
        (SourceKind::TarZst, zst(&tar)),
        (SourceKind::Zip, zip_of(&[POD, LOG])),
    ] {
        let input = bench.put("bundle.txt", &bytes);
        assert_eq!(probe(&input).unwrap(), Probe::Archive(kind));
        let seen = see(&input);
        assert_eq!(seen.walked.kind, kind);
        assert_eq!(seen.order, [POD.0, LOG.0], "{kind:?}");
        assert_eq!(seen.files[LOG.0], LOG.1);
        assert_eq!(seen.walked.entries, 2);
        assert_eq!(seen.walked.problems, [], "{kind:?}");
    }
}

#[test]
fn a_directory_is_read_sorted_and_hashed_by_its_content() {
    let bench = Bench::new();
    bench.put("x/b/pods.json", POD.1);
    bench.put("x/b/logs/kubelet.log", LOG.1);
    let first = see(&bench.0.path().join("x"));
    assert_eq!(first.walked.kind, SourceKind::Directory);
    assert_eq!(first.order, ["b/logs/kubelet.log", "b/pods.json"]);
    assert_eq!(probe(&bench.0.path().join("x")).unwrap(), Probe::Directory);

    // The same files elsewhere and written in another order have the same hash; one changed byte has another.
    bench.put("y/b/logs/kubelet.log", LOG.1);
    bench.put("y/b/pods.json", POD.1);
    assert_eq!(see(&bench.0.path().join("y")).walked.sha256, first.walked.sha256);
    bench.put("y/b/pods.json", b"{\"kind\":\"NodeList\"}");
    assert_ne!(see(&bench.0.path().join("y")).walked.sha256, first.walked.sha256);
}

#[test]
fn the_hash_of_an_archive_is_of_its_whole_file() {
    let bench = Bench::new();
    // What follows the end mark is no member, and still belongs to the file.
    let tar = tar_of(&[POD]);
    let input = bench.put("a.tar", &tar);
    let with_tail = bench.put("b.tar", &[tar.as_slice(), &[7; 5000]].concat());
    assert_ne!(see(&input).walked.sha256, see(&with_tail).walked.sha256);
    use sha2::Digest;
    let expected: String = sha2::Sha256::digest(fs::read(&with_tail).unwrap())
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    assert_eq!(see(&with_tail).walked.sha256, expected);
}

#[test]
fn a_single_compressed_log_is_one_file_without_its_suffix() {
    let bench = Bench::new();
    let seen = see(&bench.put("kubelet.log.gz", &gz(LOG.1)));
    assert_eq!(seen.walked.kind, SourceKind::CompressedFile);
    assert_eq!(seen.order, ["kubelet.log"]);
    assert_eq!(seen.files["kubelet.log"], LOG.1);
}

#[test]
fn a_gzip_of_several_members_is_read_to_its_end() {
    let bench = Bench::new();
    let tar = tar_of(&[POD, LOG]);
    let (start, end) = tar.split_at(700);
    let seen = see(&bench.put("a.tgz", &[gz(start), gz(end)].concat()));
    assert_eq!(seen.order, [POD.0, LOG.0]);
}

#[test]
fn an_old_tar_without_magic_is_told_by_its_checksum() {
    let bench = Bench::new();
    let mut header = Header::new_old();
    header.set_path("old.log").unwrap();
    header.set_size(3);
    header.set_mtime(5);
    header.set_cksum();
    let bytes = [header.as_bytes().as_slice(), &padded(b"abc"), &[0; 1024]].concat();
    assert_eq!(see(&bench.put("x", &bytes)).text("old.log"), "abc");
}

#[test]
fn times_and_long_names_come_from_the_archive() {
    let bench = Bench::new();
    let long = format!("{}/kubelet.log", "d".repeat(150));
    let mut builder = Builder::new(Vec::new());
    let mut gnu = header(EntryType::Regular, "", 1);
    builder.append_data(&mut gnu, &long, &b"g"[..]).unwrap();
    builder
        .append_pax_extensions([
            ("path", "pax/日志.log".as_bytes()),
            ("mtime", b"1800000000.5".as_slice()),
        ])
        .unwrap();
    builder
        .append(&header(EntryType::Regular, "short", 1), &b"p"[..])
        .unwrap();
    let seen = see(&bench.put("a.tar", &builder.into_inner().unwrap()));
    assert_eq!(seen.text(&long), "g");
    assert_eq!(seen.text("pax/日志.log"), "p");
    assert_eq!(seen.walked.mtime.unwrap().as_second(), 1_800_000_000);
    assert_eq!(seen.walked.problems, []);
}

// ---------------------------------------------------------------- nesting

#[test]
fn archives_inside_archives_keep_their_names_in_the_path() {
    let bench = Bench::new();
    let scc = xz(&tar_of(&[("messages.txt", b"kernel\n")]));
    let node = zip_of(&[("logs/kubelet.log", b"kubelet\n"), ("scc/scc_node.txz", &scc)]);
    let bundle = zip_of(&[
        ("nodes/a.zip", &node),
        ("b.log.gz", &gz(b"plain\n")),
        ("c.tar", &tar_of(&[LOG])),
    ]);
    let seen = see(&bench.put("bundle.zip", &bundle));
    assert_eq!(seen.text("nodes/a.zip/logs/kubelet.log"), "kubelet\n");
    assert_eq!(seen.text("nodes/a.zip/scc/scc_node.txz/messages.txt"), "kernel\n");
    assert_eq!(seen.text("b.log"), "plain\n");
    assert_eq!(seen.files["c.tar/b/logs/kubelet.log"], LOG.1);
    assert_eq!(seen.walked.problems, []);
}

#[test]
fn compression_in_compression_has_an_end() {
    let bench = Bench::new();
    let mut bytes = b"x".repeat(100);
    for _ in 0..9 {
        bytes = gz(&bytes);
    }
    let seen = see(&bench.put("a.tar", &tar_of(&[("x.gz", &bytes), LOG])));
    assert!(
        seen.walked
            .problems
            .iter()
            .any(|problem| problem.kind == ProblemKind::OverBudget)
    );
    assert_eq!(seen.files[LOG.0], LOG.1);
}

#[test]
fn a_large_nested_zip_goes_through_a_temporary_file() {
    let bench = Bench::new();
    let inner = zip_of(&[("a.log", &[b'a'; 5000]), ("b.log", b"b")]);
    let budget = Budget {
        max_zip_in_memory: 64,
        ..Budget::default()
    };
    let seen = see_within(&bench.put("a.tar", &tar_of(&[("in.zip", &inner), LOG])), budget);
    assert_eq!(seen.files["in.zip/a.log"].len(), 5000);
    assert_eq!(seen.text("in.zip/b.log"), "b");
    assert_eq!(seen.files[LOG.0], LOG.1);
}

#[test]
fn a_compressed_file_beside_its_plain_namesake_keeps_its_suffix() {
    let bench = Bench::new();
    let seen = see(&bench.put("a.tar", &tar_of(&[("messages", b"new"), ("messages.gz", &gz(b"old"))])));
    assert_eq!((seen.text("messages"), seen.text("messages.gz")), ("new", "old"));
}

// ---------------------------------------------------------------- hostile names, links, special files

#[test]
fn names_that_leave_the_bundle_are_brought_back_into_it() {
    let bench = Bench::new();
    let files: [(&str, &[u8]); 3] = [("../../x", b"1"), ("/etc/passwd", b"2"), ("C:\\w\\y", b"3")];
    let seen = see(&bench.put("a.tar", &tar_of(&files)));
    assert_eq!(seen.order, ["x", "etc/passwd", "w/y"]);
}

#[test]
fn names_that_are_not_utf8_are_read_with_replacement_characters() {
    let bench = Bench::new();
    let mut odd = header(EntryType::Regular, "a?b", 1);
    odd.as_mut_bytes()[1] = 0xff;
    odd.set_cksum();
    let bytes = [odd.as_bytes().as_slice(), &padded(b"x"), &[0; 1024]].concat();
    assert_eq!(see(&bench.put("a.tar", &bytes)).order, ["a\u{fffd}b"]);
}

#[test]
fn links_inside_are_recorded_and_links_outside_refused() {
    let bench = Bench::new();
    let mut bytes = Vec::new();
    for header in [
        link(EntryType::Symlink, "b/current", "logs/kubelet.log"),
        link(EntryType::Link, "b/hard", "b/logs/kubelet.log"),
        link(EntryType::Symlink, "b/out", "../../etc/shadow"),
        link(EntryType::Symlink, "b/abs", "/etc/shadow"),
        header(EntryType::Char, "b/tty", 0),
        header(EntryType::Fifo, "b/pipe", 0),
    ] {
        bytes.extend(header.as_bytes());
    }
    bytes.extend(tar_of(&[LOG]));
    let seen = see(&bench.put("a.tar", &bytes));
    let links: Vec<_> = seen
        .walked
        .links
        .iter()
        .map(|l| (l.path.as_str(), l.target.as_ref().map(EntryPath::as_str)))
        .collect();
    assert_eq!(links, [("b/current", Some(LOG.0)), ("b/hard", Some(LOG.0))]);
    seen.assert_problem(ProblemKind::Refused, Some("b/out"), "leaves the bundle");
    seen.assert_problem(ProblemKind::Refused, Some("b/abs"), "leaves the bundle");
    seen.assert_problem(ProblemKind::Refused, Some("b/tty"), "a device");
    seen.assert_problem(ProblemKind::Refused, Some("b/pipe"), "a named pipe");
    assert_eq!(seen.order, [LOG.0]);
}

#[test]
fn a_link_in_a_nested_archive_stays_in_that_archive() {
    let bench = Bench::new();
    let inner = [
        link(EntryType::Symlink, "up", "../outside").as_bytes().as_slice(),
        &tar_of(&[("a", b"a")]),
    ]
    .concat();
    let seen = see(&bench.put("a.tar", &tar_of(&[("in.tar", &inner)])));
    seen.assert_problem(ProblemKind::Refused, Some("in.tar/up"), "leaves the bundle");
    assert!(seen.walked.links.is_empty());
}

#[cfg(unix)]
#[test]
fn in_a_directory_links_and_special_files_are_never_opened() {
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;
    let bench = Bench::new();
    bench.put("secret", b"not of the bundle");
    bench.put("d/a.log", b"a");
    let root = bench.0.path().join("d");
    symlink("a.log", root.join("inside")).unwrap();
    symlink(root.join("a.log"), root.join("inside-absolute")).unwrap();
    symlink("../secret", root.join("outside")).unwrap();
    symlink(".", root.join("loop")).unwrap();
    let _socket = UnixListener::bind(root.join("socket")).unwrap();
    let seen = see(&root);
    assert_eq!(seen.order, ["a.log"]);
    let links: Vec<_> = seen
        .walked
        .links
        .iter()
        .map(|l| (l.path.as_str(), l.target.as_ref().map(EntryPath::as_str)))
        .collect();
    assert_eq!(
        links,
        [
            ("inside", Some("a.log")),
            ("inside-absolute", Some("a.log")),
            ("loop", None)
        ]
    );
    seen.assert_problem(ProblemKind::Refused, Some("outside"), "leaves the bundle");
    seen.assert_problem(ProblemKind::Refused, Some("socket"), "a socket");
}

#[test]
fn a_name_that_appears_twice_is_read_twice_and_said() {
    let bench = Bench::new();
    let seen = see(&bench.put("a.tar", &tar_of(&[("x", b"1"), ("x", b"2")])));
    assert_eq!(seen.order, ["x", "x"]);
    seen.assert_problem(ProblemKind::Unparsed, Some("x"), "appears twice");
}

// ---------------------------------------------------------------- damage

#[test]
fn an_archive_cut_anywhere_keeps_what_came_before() {
    let bench = Bench::new();
    let text: Vec<u8> = (0..1500_u32)
        .flat_map(|n| (n.wrapping_mul(2_654_435_761)).to_le_bytes())
        .collect();
    let files: [(&str, &[u8]); 3] = [("a", b"first"), ("b", &text), ("c", b"last")];
    let tar = tar_of(&files);
    for whole in [tar.clone(), gz(&tar), xz(&tar), bz2(&tar), zst(&tar), zip_of(&files)] {
        for cut in (0..whole.len()).step_by(512) {
            let input = bench.put("cut", &whole[..cut]);
            let seen = match try_see(&input, &mut Budget::default()) {
                Ok(seen) => seen,
                // A decoder that gives whole blocks only has nothing to give yet.
                Err(OpenError::Damaged { .. }) => continue,
                Err(error) => {
                    assert_eq!(cut, 0, "{error}");
                    continue;
                }
            };
            assert!(
                !seen.walked.problems.is_empty() || seen.files.len() == 3,
                "cut at {cut} of {} unnoticed",
                whole.len()
            );
            for (name, content) in files {
                if let Some(read) = seen.files.get(name) {
                    assert!(content.starts_with(read), "{name} cut at {cut}");
                }
            }
        }
    }
    let seen = see(&bench.put("cut.tar", &tar[..2048]));
    assert_eq!(seen.text("a"), "first");
    assert_eq!(seen.files["b"], text[..512]);
    seen.assert_problem(ProblemKind::Damaged, Some("b"), "ends in the middle");
    seen.assert_problem(ProblemKind::Damaged, None, "up to b");
}

#[test]
fn a_cut_zip_keeps_its_first_members_with_and_without_sizes_in_their_headers() {
    let bench = Bench::new();
    let text: Vec<u8> = (0..3000_u32)
        .flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes())
        .collect();
    let files = [POD, ("stream.log", text.as_slice()), LOG];
    let seekable = zip_of(&files);
    let mut writer = zip::ZipWriter::new_stream(Vec::new());
    for (name, content) in files {
        writer
            .start_file(name, zip::write::SimpleFileOptions::default())
            .unwrap();
        writer.write_all(content).unwrap();
    }
    let streamed = writer.finish().unwrap().into_inner();
    for whole in [seekable, streamed] {
        let seen = see(&bench.put("cut.zip", &whole[..8000]));
        assert_eq!(seen.order, [POD.0, "stream.log"]);
        assert_eq!(seen.files[POD.0], POD.1);
        assert!(text.starts_with(&seen.files["stream.log"]) && seen.files["stream.log"].len() > 4000);
        seen.assert_problem(ProblemKind::Damaged, None, "no readable directory");
        seen.assert_problem(
            ProblemKind::Damaged,
            Some("stream.log"),
            "the rest of the file was not read",
        );

        // Only the directory is gone: every member is there.
        let seen = see(&bench.put("cut.zip", &whole[..whole.len() - 30]));
        assert_eq!(seen.order, [POD.0, "stream.log", LOG.0]);
        assert_eq!(seen.files["stream.log"], text);
    }
}

#[test]
fn a_sparse_file_with_a_broken_map_costs_only_itself() {
    let bench = Bench::new();
    let mut builder = Builder::new(Vec::new());
    builder
        .append_pax_extensions([("GNU.sparse.major", b"1".as_slice())])
        .unwrap();
    builder
        .append(&header(EntryType::Regular, "bad", 5), &b"99\n1\n"[..])
        .unwrap();
    builder
        .append(&header(EntryType::Regular, "next", 1), &b"n"[..])
        .unwrap();
    let seen = see(&bench.put("a.tar", &builder.into_inner().unwrap()));
    assert_eq!(seen.order, ["next"]);
    seen.assert_problem(ProblemKind::Damaged, Some("bad"), "the sparse file was not read");
}

#[test]
fn what_stands_behind_the_end_of_an_archive_is_said() {
    let bench = Bench::new();
    let tar = tar_of(&[LOG]);
    let twice = [tar.clone(), tar_of(&[("c/pods.json", b"{}")])].concat();
    let junk = [gz(&tar), b"junk".repeat(10)].concat();
    for (bytes, words) in [
        (&twice, "another tar stands behind the end"),
        (&gz(&twice), "another tar stands behind the end"),
        (
            &[tar.clone(), b"junk".repeat(200)].concat(),
            "other data stands behind the end",
        ),
        (&junk, "what stands behind it was not"),
    ] {
        let seen = see(&bench.put("a", bytes));
        assert_eq!(seen.order, [LOG.0]);
        assert!(
            seen.walked
                .problems
                .iter()
                .any(|problem| problem.detail.contains(words)),
            "{words}: {:?}",
            seen.walked.problems
        );
    }
    // tar pads an archive to whole records of zeros.
    let padded = [tar, vec![0; 8192]].concat();
    for bytes in [&padded, &gz(&padded)] {
        assert_eq!(see(&bench.put("a", bytes)).walked.problems, []);
    }
}

#[test]
fn a_member_of_a_zip_with_the_mode_of_a_pipe_is_data_when_it_has_any() {
    /// Offset of the external attributes in a central header (APPNOTE 4.3.12); the Unix mode is their upper half.
    const ATTRIBUTES: usize = 38;
    let bench = Bench::new();
    let mut bytes = zip_of(&[LOG, ("empty", b"")]);
    let centrals: Vec<usize> = (0..bytes.len() - 4)
        .filter(|&at| bytes[at..at + 4] == *b"PK\x01\x02")
        .collect();
    for at in centrals {
        let mode: u32 = 0o010_644 << 16;
        bytes[at + ATTRIBUTES..at + ATTRIBUTES + 4].copy_from_slice(&mode.to_le_bytes());
    }
    let seen = see(&bench.put("a.zip", &bytes));
    assert_eq!(seen.order, [LOG.0]);
    seen.assert_problem(ProblemKind::Refused, Some("empty"), "a named pipe");
}

#[test]
fn a_damaged_header_costs_one_member() {
    let bench = Bench::new();
    let mut bytes = tar_of(&[("a", b"1"), ("b", b"2"), ("c", b"3")]);
    bytes[1024 + 10] ^= 0xff;
    let seen = see(&bench.put("a.tar", &bytes));
    assert_eq!(seen.order, ["a", "c"]);
    seen.assert_problem(
        ProblemKind::Damaged,
        None,
        "damaged after a: 2 blocks of 512 bytes skipped",
    );
}

#[test]
fn a_zero_byte_at_the_end_of_binary_data_stays() {
    let bench = Bench::new();
    let seen = see(&bench.put("a.tar", &tar_of(&[("bin", b"\x01\0\x02\0")])));
    assert_eq!(seen.files["bin"], b"\x01\0\x02\0");
}

#[test]
fn an_absurd_size_ends_the_archive_and_nothing_else() {
    let bench = Bench::new();
    let mut bytes = member("a", b"1");
    bytes.extend(header(EntryType::Regular, "huge", 1 << 60).as_bytes());
    bytes.extend(padded(b"all there is"));
    let seen = see(&bench.put("a.tar", &bytes));
    assert_eq!(seen.text("a"), "1");
    seen.assert_problem(ProblemKind::Damaged, Some("huge"), "ends in the middle");
}

#[test]
fn holes_of_sparse_files_are_left_out() {
    let bench = Bench::new();
    let map = padded(b"1\n1099511627776\n4\n");
    let body = [map.as_slice(), b"tail"].concat();
    let mut builder = Builder::new(Vec::new());
    builder
        .append_pax_extensions([
            ("GNU.sparse.major", b"1".as_slice()),
            ("GNU.sparse.minor", b"0"),
            ("GNU.sparse.name", b"app.log"),
            ("GNU.sparse.realsize", b"1099511627780"),
        ])
        .unwrap();
    builder
        .append(
            &header(EntryType::Regular, "GNUSparseFile.0/app.log", body.len() as u64),
            &body[..],
        )
        .unwrap();
    builder
        .append(&header(EntryType::Regular, "next", 1), &b"n"[..])
        .unwrap();
    let seen = see(&bench.put("a.tar", &builder.into_inner().unwrap()));
    assert_eq!((seen.text("app.log"), seen.text("next")), ("tail", "n"));
}

#[test]
fn a_wrong_checksum_inside_is_said_and_the_rest_is_read() {
    let bench = Bench::new();
    let mut log = gz(LOG.1);
    let crc = log.len() - 8;
    log[crc] ^= 0xff;
    let seen = see(&bench.put("a.tar", &tar_of(&[("k.log.gz", &log), POD])));
    assert_eq!(seen.files["k.log"], LOG.1);
    assert!(seen.has_problem(ProblemKind::Damaged, Some("k.log"), ""));
    assert_eq!(seen.files[POD.0], POD.1);
}

#[test]
fn unknown_forms_inside_are_refused_by_name() {
    let bench = Bench::new();
    let seen = see(&bench.put("a.tar", &tar_of(&[("old.log.lz4", b"\x04\x22\x4d\x18\x64\x40"), POD])));
    seen.assert_problem(ProblemKind::Refused, Some("old.log.lz4"), "LZ4");
}

#[test]
fn a_log_in_bzip2_is_read_and_one_that_is_damaged_is_said_to_be_so() {
    let bench = Bench::new();
    let mut damaged = bz2(LOG.1);
    damaged.truncate(damaged.len() - 4);
    let members: [(&str, &[u8]); 4] = [
        ("old.log.bz2", &bz2(LOG.1)),
        ("cut.log.bz2", &damaged),
        ("none.log.bz2", b"BZh91AY&SY...."),
        POD,
    ];
    let seen = see(&bench.put("a.tar", &tar_of(&members)));
    assert_eq!(seen.files["old.log"], LOG.1);
    assert!(seen.has_problem(ProblemKind::Damaged, Some("cut.log"), ""));
    assert!(seen.has_problem(ProblemKind::Damaged, Some("none.log"), ""));
    assert_eq!(seen.files[POD.0], POD.1);
}

// ---------------------------------------------------------------- what is no bundle

#[test]
fn what_is_no_bundle_is_said_with_a_way_out() {
    let bench = Bench::new();
    for (name, bytes, words) in [
        (
            "notes.tar.gz",
            b"just notes".to_vec(),
            "is plain text; give a directory",
        ),
        ("zero.tar", vec![], "has no files in it"),
        ("empty.tar", vec![0; 10240], "has no files in it"),
        ("empty.tgz", gz(&[0; 10240]), "has no files in it"),
        ("empty.zip", zip_of(&[]), "has no files in it"),
        ("x.tar.bz2", b"BZh91AY&SY".to_vec(), "cannot be decompressed"),
        ("x.tar.lz4", b"\x04\x22\x4d\x18\x64\x40".to_vec(), "LZ4 data"),
        ("cut.tgz", gz(&tar_of(&[POD]))[..10].to_vec(), "cannot be decompressed"),
    ] {
        let input = bench.put(name, &bytes);
        let error = try_see(&input, &mut Budget::default())
            .err()
            .unwrap_or_else(|| panic!("{name} opened"));
        let message = error.to_string();
        assert!(message.contains(words) && message.contains(name), "{name}: {message}");
    }
    let missing = try_see(&bench.0.path().join("nowhere"), &mut Budget::default())
        .err()
        .unwrap();
    assert!(matches!(missing, OpenError::Missing { .. }));
    fs::create_dir(bench.0.path().join("hollow")).unwrap();
    let hollow = try_see(&bench.0.path().join("hollow"), &mut Budget::default())
        .err()
        .unwrap();
    assert!(matches!(hollow, OpenError::Empty { .. }));
}
