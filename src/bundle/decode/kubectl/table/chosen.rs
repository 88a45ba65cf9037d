//! What a person chose to print: `-o name`, and `-o custom-columns`, whose paths tell what each column is.
//!
//! Source: `k8s.io/cli-runtime/pkg/printers/name.go` (`resource.group/name`), `k8s.io/kubectl/pkg/cmd/get/customcolumn.go`.

use serde_json::Value;

use super::super::build::ObjectBuilder;
use super::super::go_value;
use super::super::hint::{Hint, from_command, prompt_command};
use super::super::kinds;
use super::super::values::present;
use super::Header;
use crate::bundle::decode::{Form, Section, TextFile};

/// Bytes of a longer line are no command.
const LONGEST: usize = 2_000;
/// Columns and containers that are read.
const MOST: usize = 64;

/// The output below such a command.
pub(super) fn decode(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let above = file.line(start.checked_sub(1)?);
    if above.len() > LONGEST
        || !(above.contains("name") || above.contains("custom-columns"))
        || !above.contains(" get ")
    {
        return None;
    }
    let hint = from_command(prompt_command(above.trim())?);
    match hint.output.split_once('=') {
        None if hint.output == "name" => of_names(file, start, &hint),
        Some(("custom-columns", columns)) => of_columns(file, start, &hint, columns),
        _ => None,
    }
}

fn of_names(file: &TextFile<'_>, start: usize, hint: &Hint) -> Option<Section> {
    let mut section = Section {
        end: start,
        ..Section::default()
    };
    while let Some((word, name)) = file.line(section.end).trim_end().split_once('/') {
        let Some(kind) = kinds::kind_of(word).filter(|_| is_name(name)) else {
            break;
        };
        let mut to = ObjectBuilder::new(file, &kind, name, section.end);
        to.namespace(hint.namespace_for(&kind), section.end);
        if section.facts.len() < file.most_facts {
            section.facts.push(to.finish(Form::Row));
        }
        section.end += 1;
    }
    (section.end > start).then_some(section)
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.:".contains(&byte))
}

fn of_columns(file: &TextFile<'_>, start: usize, hint: &Hint, columns: &str) -> Option<Section> {
    let columns = columns.trim_matches(['"', '\'']);
    let columns: Vec<(&str, &str)> = columns
        .split(',')
        .filter_map(|column| column.split_once(':'))
        .take(MOST)
        .collect();
    let header = Header::inner(file.line(start))?;
    let is_same = header.names().len() == columns.len()
        && header
            .names()
            .iter()
            .zip(&columns)
            .all(|(shown, (asked, _))| shown == asked);
    if !is_same {
        return None;
    }
    let column_of = |path: &str| {
        let is_it = |(_, asked): &&(&str, &str)| asked.trim_start_matches(['{', '.']).trim_end_matches('}') == path;
        columns.iter().find(is_it).map(|(name, _)| *name)
    };
    let name_column = column_of("metadata.name")?;
    let mut section = Section {
        end: start + 1,
        ..Section::default()
    };
    while let Some(row) = header.row(file.line(section.end), section.end) {
        let kind = column_of("kind").map_or(hint.kind.as_str(), |column| row.raw(column));
        let name = row.raw(name_column);
        if name.is_empty() || kind.is_empty() {
            break;
        }
        let mut to = ObjectBuilder::new(file, kind, name, section.end);
        to.namespace(hint.namespace_for(kind), section.end);
        for (column, path) in &columns {
            if let Some(cell) = present(row.raw(column)) {
                put(&mut to, path, cell, section.end);
            }
        }
        if section.facts.len() < file.most_facts {
            section.facts.push(to.finish(Form::Row));
        }
        section.end += 1;
    }
    (section.end > start + 1).then_some(section)
}

/// Sets what a column shows at the place that its path names. A path with a filter or a recursion names none.
fn put(to: &mut ObjectBuilder<'_, '_>, path: &str, cell: &str, line: usize) {
    let path = path.trim_start_matches(['{', '.']).trim_end_matches('}');
    let is_plain = path
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b".[]*_-".contains(&byte));
    if !is_plain || path.contains("..") {
        return;
    }
    let pointer = format!("/{}", path.replace(['.', '['], "/").replace(']', ""));
    match pointer.rsplit_once('*') {
        None => set(to, &pointer, cell, line),
        Some((list, field)) => {
            // Of a list in a list it is not told where one ends: all stand in the first.
            let list = list.replace('*', "0");
            for (index, item) in cell.split(',').take(MOST).enumerate() {
                set(to, &format!("{list}{index}{field}"), item, line);
            }
        }
    }
}

fn set(to: &mut ObjectBuilder<'_, '_>, pointer: &str, cell: &str, line: usize) {
    /// Fields of the API that are numbers.
    const NUMBERS: [&str; 11] = [
        "restartCount",
        "replicas",
        "readyReplicas",
        "availableReplicas",
        "updatedReplicas",
        "port",
        "number",
        "nodePort",
        "exitCode",
        "count",
        "generation",
    ];
    let field = pointer.rsplit('/').next().unwrap_or("");
    let value = match cell {
        "true" | "false" => Value::Bool(cell == "true"),
        _ if cell.contains("map[") => go_value::parse(cell).unwrap_or_else(|| cell.into()),
        _ if NUMBERS.contains(&field) => cell.parse::<i64>().map_or_else(|_| cell.into(), Value::from),
        _ => cell.into(),
    };
    to.set(pointer, value, line);
    // A container of which only the state was asked for has a name too.
    if let Some((list, rest)) = pointer.split_once("ontainerStatuses/") {
        let index = rest.split('/').next().unwrap_or("");
        let name = format!("{list}ontainerStatuses/{index}/name");
        if to.value().pointer(&name).is_none() {
            to.set(&name, "", line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{at, find, names};
    use super::super::decode;
    use crate::bundle::decode::{Section, TextFile};
    use crate::model::EntryPath;

    fn below_the_prompt(pasted: &str) -> Option<Section> {
        let path = EntryPath::new("x");
        decode(&TextFile::new("b".into(), &path, pasted), 1)
    }

    #[test]
    fn names_are_objects() {
        let section = below_the_prompt(
            "$ kubectl get deploy,svc,ns -n shop -o name\ndeployment.apps/web\nservice/web\nnamespace/shop\nend\n",
        )
        .unwrap();
        assert_eq!(
            names(&section),
            ["Deployment shop/web", "Service shop/web", "Namespace /shop"]
        );
        assert_eq!(section.end, 4);
    }

    #[test]
    fn a_column_is_what_its_path_names() {
        let section = below_the_prompt(
            "$ kubectl get pods -A -o custom-columns=NS:.metadata.namespace,POD:.metadata.name,NODE:.spec.nodeName,RESTARTS:.status.containerStatuses[0].restartCount,IMAGES:.spec.containers[*].image\n\
             NS     POD     NODE     RESTARTS   IMAGES\n\
             shop   web-0   n1       7          nginx:1,envoy:2\n\
             shop   web-1   <none>   <none>     nginx:1\n",
        )
        .unwrap();
        let pod = find(&section, "Pod", "web-0");
        assert_eq!(at(pod, "/metadata/namespace"), "shop");
        assert_eq!(at(pod, "/spec/nodeName"), "n1");
        assert_eq!(at(pod, "/status/containerStatuses/0/restartCount"), 7);
        assert_eq!(at(pod, "/spec/containers/1/image"), "envoy:2");
        assert!(at(find(&section, "Pod", "web-1"), "/spec/nodeName").is_null());
    }

    #[test]
    fn what_does_not_fit_the_command_is_left_alone() {
        for pasted in [
            "$ kubectl get pods -o name\nno names here\n",
            "$ kubectl get pods -o custom-columns=A:.metadata.name,B:.x\nA   C\nweb-0   1\n",
            "$ kubectl get pods -o jsonpath='{.items[*].metadata.name}'\nweb-0 web-1\n",
        ] {
            assert!(below_the_prompt(pasted).is_none(), "{pasted}");
        }
    }
}
