//! Rows without a heading: of `--no-headers`, and of a pipe through `grep`, which takes the heading away.
//!
//! The command above tells the kind, and the number of cells tells the columns; each kind's are those of
//! `kubernetes/pkg/printers/internalversion/printers.go`. Rows of pods look like nothing else and need no command.

use super::super::hint::{Hint, prompt_command};
use super::super::values::is_age;
use super::decode::is_fraction;
use super::pod;
use super::wrapped::Unwrapped;
use crate::bundle::decode::TextFile;

/// Nobody's row is longer.
const LONGEST: usize = 1_000;

/// A kind and its columns, with tabs between: the plain form, and wide ones.
const COLUMNS: &[(&str, &[&str])] = &[
    (
        "Pod",
        &[
            "NAME\tREADY\tSTATUS\tRESTARTS\tAGE",
            "NAME\tREADY\tSTATUS\tRESTARTS\tAGE\tIP\tNODE\tNOMINATED NODE\tREADINESS GATES",
            "NAME\tREADY\tSTATUS\tRESTARTS\tAGE\tIP\tNODE\tNOMINATED NODE",
            "NAME\tREADY\tSTATUS\tRESTARTS\tAGE\tIP\tNODE",
        ],
    ),
    (
        "Node",
        &[
            "NAME\tSTATUS\tROLES\tAGE\tVERSION",
            "NAME\tSTATUS\tROLES\tAGE\tVERSION\tINTERNAL-IP\tEXTERNAL-IP\tOS-IMAGE\tKERNEL-VERSION\tCONTAINER-RUNTIME",
        ],
    ),
    (
        "Deployment",
        &[
            "NAME\tREADY\tUP-TO-DATE\tAVAILABLE\tAGE",
            "NAME\tREADY\tUP-TO-DATE\tAVAILABLE\tAGE\tCONTAINERS\tIMAGES\tSELECTOR",
        ],
    ),
    (
        "ReplicaSet",
        &[
            "NAME\tDESIRED\tCURRENT\tREADY\tAGE",
            "NAME\tDESIRED\tCURRENT\tREADY\tAGE\tCONTAINERS\tIMAGES\tSELECTOR",
        ],
    ),
    (
        "StatefulSet",
        &["NAME\tREADY\tAGE", "NAME\tREADY\tAGE\tCONTAINERS\tIMAGES"],
    ),
    (
        "DaemonSet",
        &[
            "NAME\tDESIRED\tCURRENT\tREADY\tUP-TO-DATE\tAVAILABLE\tNODE SELECTOR\tAGE",
            "NAME\tDESIRED\tCURRENT\tREADY\tUP-TO-DATE\tAVAILABLE\tNODE SELECTOR\tAGE\tCONTAINERS\tIMAGES\tSELECTOR",
        ],
    ),
    (
        "Job",
        &[
            "NAME\tCOMPLETIONS\tDURATION\tAGE",
            "NAME\tSTATUS\tCOMPLETIONS\tDURATION\tAGE",
        ],
    ),
    (
        "Service",
        &[
            "NAME\tTYPE\tCLUSTER-IP\tEXTERNAL-IP\tPORT(S)\tAGE",
            "NAME\tTYPE\tCLUSTER-IP\tEXTERNAL-IP\tPORT(S)\tAGE\tSELECTOR",
        ],
    ),
    ("Endpoints", &["NAME\tENDPOINTS\tAGE"]),
    ("Namespace", &["NAME\tSTATUS\tAGE"]),
    (
        "PersistentVolumeClaim",
        &[
            "NAME\tSTATUS\tVOLUME\tCAPACITY\tACCESS MODES\tSTORAGECLASS\tAGE",
            "NAME\tSTATUS\tVOLUME\tCAPACITY\tACCESS MODES\tSTORAGECLASS\tVOLUMEATTRIBUTESCLASS\tAGE",
            "NAME\tSTATUS\tSTORAGECLASS\tAGE",
            "NAME\tSTATUS\tSTORAGECLASS\tVOLUMEATTRIBUTESCLASS\tAGE",
        ],
    ),
    (
        "PersistentVolume",
        &[
            "NAME\tCAPACITY\tACCESS MODES\tRECLAIM POLICY\tSTATUS\tCLAIM\tSTORAGECLASS\tAGE",
            "NAME\tCAPACITY\tACCESS MODES\tRECLAIM POLICY\tSTATUS\tCLAIM\tSTORAGECLASS\tVOLUMEATTRIBUTESCLASS\tAGE",
        ],
    ),
    (
        "CronJob",
        &[
            "NAME\tSCHEDULE\tSUSPEND\tACTIVE\tLAST SCHEDULE\tAGE",
            "NAME\tSCHEDULE\tTIMEZONE\tSUSPEND\tACTIVE\tLAST SCHEDULE\tAGE",
        ],
    ),
    (
        "HorizontalPodAutoscaler",
        &["NAME\tREFERENCE\tTARGETS\tMINPODS\tMAXPODS\tREPLICAS\tAGE"],
    ),
    ("Ingress", &["NAME\tCLASS\tHOSTS\tADDRESS\tPORTS\tAGE"]),
    (
        "PodDisruptionBudget",
        &["NAME\tMIN AVAILABLE\tMAX UNAVAILABLE\tALLOWED DISRUPTIONS\tAGE"],
    ),
    ("ServiceAccount", &["NAME\tSECRETS\tAGE"]),
    ("Event", &["LAST SEEN\tTYPE\tREASON\tOBJECT\tMESSAGE"]),
    ("ConfigMap", &["NAME\tDATA\tAGE"]),
    ("Secret", &["NAME\tTYPE\tDATA\tAGE"]),
];

/// The rows from one on, below the heading that they lost, and what is known of them.
pub(super) fn with_heading(file: &TextFile<'_>, start: usize) -> Option<(Unwrapped, Hint)> {
    let line = file.line(start);
    if line.len() > LONGEST || line.is_empty() {
        return None;
    }
    let command = start
        .checked_sub(1)
        .map(|above| file.line(above))
        .filter(|above| above.len() <= LONGEST && above.contains(" get "))
        .and_then(|above| prompt_command(above.trim()))
        .filter(|command| command.contains("--no-headers") || command.contains('|'));
    if command.is_none() && !(has_fraction(line) && is_pod(&cells(line))) {
        return None;
    }
    let mut hint = Hint::above(file, start);
    if command.is_none() || hint.kind.is_empty() {
        // What the path says of other kinds is not said of these.
        hint.kind = "Pod".into();
    }
    let (_, forms) = COLUMNS.iter().find(|(kind, _)| *kind == hint.kind)?;
    let heading = [cells(line), words(line)]
        .iter()
        .find_map(|first| forms.iter().find_map(|form| heading_for(form, first, command)))?;
    let mut text = format!("{heading}\n");
    let mut lines = vec![file.number(start)];
    let mut end = start;
    while end < file.lines.len() && file.line(end).len() <= LONGEST {
        let line = file.line(end);
        let Some(row) = [cells(line), words(line)].into_iter().find(|row| fits(&heading, row)) else {
            break;
        };
        text.push_str(&row.join("\t"));
        text.push('\n');
        lines.push(file.number(end));
        end += 1;
    }
    (end > start).then_some((Unwrapped { text, lines, end }, hint))
}

/// The heading of a row, with a column for the namespace if there is one, when its cells are such as stand below it.
fn heading_for(form: &str, row: &[&str], command: Option<&str>) -> Option<String> {
    let with_namespace = format!("NAMESPACE\t{form}");
    let asks_all = command.is_none_or(|command| command.contains("-A") || command.contains("--all-namespaces"));
    let asks_one = command.is_none_or(|command| !command.contains("-A") && !command.contains("--all-namespaces"));
    [(asks_one, form), (asks_all, with_namespace.as_str())]
        .into_iter()
        .filter(|(may_be, _)| *may_be)
        .find(|(_, heading)| fits(heading, row))
        .map(|(_, heading)| heading.to_owned())
}

/// True when the cells are as many as the columns, and those that have a form have it.
fn fits(heading: &str, row: &[&str]) -> bool {
    let columns: Vec<&str> = heading.split('\t').collect();
    columns.len() == row.len()
        && columns.iter().zip(row).all(|(column, cell)| match *column {
            "NAME" => is_name(cell),
            "NAMESPACE" => {
                is_name(cell) && cell.bytes().any(|byte| byte.is_ascii_lowercase()) && !cell.contains([':', '.', '/'])
            }
            "READY" => is_fraction(cell) || cell.bytes().all(|byte| byte.is_ascii_digit()),
            "AGE" | "LAST SEEN" => {
                is_age(cell.split(' ').next().unwrap_or(cell)) || *cell == "<unknown>" || *cell == "<invalid>"
            }
            "RESTARTS" => cell.starts_with(|c: char| c.is_ascii_digit()),
            "VERSION" => cell.starts_with('v'),
            _ => true,
        })
}

/// True for a line with a `/` between digits: most lines have none and are not cut.
fn has_fraction(line: &str) -> bool {
    let bytes = line.as_bytes();
    let is_digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    memchr::memchr_iter(b'/', bytes).any(|at| at > 0 && is_digit(at - 1) && is_digit(at + 1))
}

/// True for the cells of a pod: a count of ready containers, a word of its status, a number of restarts and an age in a row.
fn is_pod(row: &[&str]) -> bool {
    let at = |index: usize| row.get(index).copied().unwrap_or("");
    (1..=2).any(|ready| {
        is_fraction(at(ready)) && pod::is_status(at(ready + 1)) && {
            let restarts = at(ready + 2).split(' ').next().unwrap_or("");
            !restarts.is_empty() && restarts.bytes().all(|byte| byte.is_ascii_digit()) && is_age(at(ready + 3))
        }
    })
}

/// The cells of a row, with two spaces or a tab between; its words, where no two of them are so far apart.
fn cells(line: &str) -> Vec<&str> {
    let wide: Vec<&str> = line
        .split("  ")
        .flat_map(|part| part.split('\t'))
        .map(str::trim)
        .filter(|cell| !cell.is_empty())
        .collect();
    if wide.len() > 2 { wide } else { words(line) }
}

/// The words of a row, each with what stands in brackets behind it (`7 (2m3s ago)`).
fn words(line: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = line.trim();
    while !rest.is_empty() && words.len() < 16 {
        let word = rest.find([' ', '\t']).unwrap_or(rest.len());
        let after = rest.get(word..).unwrap_or("").trim_start();
        let end = match after.strip_prefix('(').and_then(|inner| inner.find(')')) {
            Some(close) => rest.len() - after.len() + close + 2,
            None => word,
        };
        let Some((cell, after)) = rest.split_at_checked(end) else {
            break;
        };
        words.push(cell);
        rest = after.trim_start();
    }
    words
}

fn is_name(cell: &str) -> bool {
    cell.starts_with(|c: char| c.is_ascii_alphanumeric())
        && cell
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._:/".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{at, cited_line, find, names, text};
    use super::super::decode;
    use crate::bundle::decode::TextFile;
    use crate::model::EntryPath;

    /// The objects in a text, from its second line on.
    fn below_the_prompt(pasted: &str) -> Vec<String> {
        let path = EntryPath::new("x");
        let file = TextFile::new("b".into(), &path, pasted);
        decode(&file, 1).map_or_else(Vec::new, |section| names(&section))
    }

    #[test]
    fn a_pipe_takes_the_heading_away() {
        for (pasted, expected) in [
            (
                "$ kubectl get pods -A | grep -v Running\nshop   web-0   0/1   CrashLoopBackOff   7 (2m3s ago)   12m\nshop   web-1   0/1   Pending   0   12m\n",
                ["Pod shop/web-0", "Pod shop/web-1"],
            ),
            (
                "$ kubectl get nodes --no-headers\nn1   Ready      control-plane   77d   v1.28.3\nn2   NotReady <none> 77d   v1.28.3\n$ date\n",
                ["Node /n1", "Node /n2"],
            ),
            (
                "$ kubectl get svc -n shop | grep -i web\nweb    ClusterIP   10.43.0.7   <none>   80/TCP   5d\nweb2   ClusterIP   10.43.0.8   <none>   80/TCP   5d\n",
                ["Service shop/web", "Service shop/web2"],
            ),
            (
                "$ kubectl get deploy -A --no-headers\nshop web 0/1 1 0 5d\nshop db 1/1 1 1 5d\n",
                ["Deployment shop/web", "Deployment shop/db"],
            ),
        ] {
            assert_eq!(below_the_prompt(pasted), expected, "{pasted}");
        }
    }

    #[test]
    fn each_kind_has_the_columns_that_it_prints_by_itself() {
        for (pasted, expected) in [
            (
                "$ kubectl get po -A | grep web\nshop   web-0   0/1   CrashLoopBackOff   7   12m\n",
                "Pod shop/web-0",
            ),
            (
                "$ kubectl get hpa -A | grep web\nshop   web   Deployment/web   cpu: <unknown>/80%   1   10   1   3d\n",
                "HorizontalPodAutoscaler shop/web",
            ),
            (
                "$ kubectl get cronjob -A --no-headers\nshop   nightly   0 2 * * *   False   0   <none>   3d\n",
                "CronJob shop/nightly",
            ),
            (
                "$ kubectl get ing -A | grep web\nshop   web   nginx   web.example.com   192.0.2.1   80, 443   3d\n",
                "Ingress shop/web",
            ),
            (
                "$ kubectl get pv | grep data\npvc-1   8Gi   RWO   Delete   Released   shop/data   local-path      3d\n",
                "PersistentVolume /pvc-1",
            ),
            (
                "$ kubectl get ds -A | grep net\nkube-system   net   3   3   2   3   2   kubernetes.io/os=linux   99d\n",
                "DaemonSet kube-system/net",
            ),
        ] {
            assert_eq!(below_the_prompt(pasted), [expected], "{pasted}");
        }
    }

    #[test]
    fn rows_of_pods_need_no_command() {
        let source = text(
            "kube-system   coredns-5d78c9869d-abcde   0/1   CrashLoopBackOff   16 (4m ago)   77d   10.42.0.3   n1   <none>   <none>\n",
        );
        let section = source.decode(decode);
        let pod = find(&section, "Pod", "coredns-5d78c9869d-abcde");
        assert_eq!(at(pod, "/metadata/namespace"), "kube-system");
        assert_eq!(at(pod, "/spec/nodeName"), "n1");
        assert_eq!(at(pod, "/status/containerStatuses/0/restartCount"), 16);
        assert_eq!(cited_line(pod, "/metadata/name"), 1);
    }

    #[test]
    fn other_lines_are_no_rows() {
        for pasted in [
            "$ kubectl get pods\nall is well\n",
            "$ kubectl get svc | wc -l\n12\n",
            "$ kubectl get pods -o json | jq .items\n[]\n",
            "x\n2026-11-21 1/2 done 3 5m\n",
            "x\nstep 1/2 Running 3 times\n",
        ] {
            assert!(below_the_prompt(pasted).is_empty(), "{pasted}");
        }
    }
}
