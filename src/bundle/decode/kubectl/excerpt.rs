//! Lines that somebody cut out of an object in YAML: `kubectl get deploy web -o yaml | sed -n '/containers:/,/resources:/p'`,
//! `| grep -A12 env:`. The field names tell where in the object they stand (`core/v1` PodSpec and Container, `apps/v1` DeploymentSpec).

use serde_json::Value;

use super::build::ObjectBuilder;
use super::hint::{Hint, prompt_command};
use crate::bundle::decode::yaml_value::parse_within;
use crate::bundle::decode::{Form, Section, TextFile};
use crate::model::escaped;

/// Fields of a pod's specification.
const OF_POD: [&str; 14] = [
    "containers",
    "initContainers",
    "volumes",
    "nodeSelector",
    "tolerations",
    "affinity",
    "imagePullSecrets",
    "serviceAccountName",
    "priorityClassName",
    "hostNetwork",
    "dnsPolicy",
    "dnsConfig",
    "hostAliases",
    "topologySpreadConstraints",
];
/// Fields of a container.
const OF_CONTAINER: [&str; 11] = [
    "env",
    "envFrom",
    "image",
    "ports",
    "command",
    "args",
    "resources",
    "volumeMounts",
    "livenessProbe",
    "readinessProbe",
    "startupProbe",
];
/// Fields of the whole object, and of its specification.
const OF_OBJECT: [&str; 3] = ["spec", "data", "status"];
const OF_SPEC: [&str; 4] = ["template", "replicas", "selector", "strategy"];
/// Lines of one excerpt.
const MOST: usize = 2_000;

/// The lines below such a command, up to the next prompt or the end of a block of code.
pub(crate) fn decode(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let line = file.line(start);
    let key = line.trim_start().trim_start_matches("- ").split(':').next()?;
    let is_field = [&OF_POD[..], &OF_CONTAINER, &OF_OBJECT, &OF_SPEC, &["name"]]
        .iter()
        .any(|fields| fields.contains(&key));
    if !is_field || !line.contains(':') {
        return None;
    }
    let hint = Hint::above(file, start);
    if !hint.from_prompt || hint.output != "yaml" || hint.kind.is_empty() {
        return None;
    }
    let name = name_asked(file, start)?;
    let end = (start..file.lines.len().min(start + MOST))
        .find(|&index| ends(file.line(index)))
        .unwrap_or(file.lines.len().min(start + MOST));
    let lines = file.lines.get(start..end)?;
    let depth = lines
        .iter()
        .filter(|line| !line.trim().is_empty())
        .map(|line| line.len() - line.trim_start().len())
        .min()?;
    let text: Vec<&str> = lines.iter().map(|line| line.get(depth..).unwrap_or("")).collect();
    let value = parse_within(&text.join("\n"), file.budget).ok()?;
    let mut to = ObjectBuilder::new(file, &hint.kind, name, start);
    to.namespace(hint.namespace_for(&hint.kind), start);
    let mut writer = Writer { to, lines, start };
    let pod = pod_spec(&hint.kind)?;
    match &value {
        Value::Object(fields) => {
            for (key, value) in fields {
                writer.put(&format!("{}/{}", place(key, pod)?, escaped(key)), value);
            }
        }
        Value::Array(items) => {
            let has = |field: &str| items.iter().any(|item| item.get(field).is_some());
            let field = if has("image") { "containers" } else { "containers/0/env" };
            (has("image") || has("value") || has("valueFrom")).then_some(())?;
            writer.put(&format!("{pod}/{field}"), &value);
        }
        _ => return None,
    }
    writer.to.reaches(end.saturating_sub(1));
    Some(Section {
        end,
        facts: vec![writer.to.finish(Form::Describe)],
        ..Section::default()
    })
}

/// The name of the one object that the command above asks for.
fn name_asked<'f>(file: &'f TextFile<'_>, start: usize) -> Option<&'f str> {
    const LOOK_BACK: usize = 4;
    let command = (start.saturating_sub(LOOK_BACK)..start)
        .rev()
        .find_map(|index| prompt_command(file.line(index).trim()))?;
    let asked = command.split('|').next().unwrap_or(command);
    let mut words = asked.split_whitespace().skip_while(|word| *word != "get").skip(1);
    let kind = loop {
        match words.next()? {
            "-n" | "--namespace" | "-o" => words.next().map(|_| ())?,
            word if word.starts_with('-') => {}
            word => break word,
        }
    };
    if let Some((_, name)) = kind.split_once('/') {
        return Some(name);
    }
    loop {
        match words.next()? {
            "-n" | "--namespace" | "-o" => words.next().map(|_| ())?,
            word if word.starts_with('-') => {}
            word => return Some(word),
        }
    }
}

/// True for the next prompt, the end of a block of code, and any line that is none of YAML.
fn ends(line: &str) -> bool {
    let bare = line.trim();
    let is_key = bare.split_once(':').is_some_and(|(key, rest)| {
        (rest.is_empty() || rest.starts_with(' '))
            && key
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_./- \"'".contains(&byte))
    });
    let is_yaml = bare.is_empty() || is_key || bare.starts_with(['#', '-']);
    !is_yaml || prompt_command(bare).is_some()
}

/// Where the specification of the pods stands in an object of a kind.
fn pod_spec(kind: &str) -> Option<&'static str> {
    match kind {
        "Pod" => Some("/spec"),
        "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "Job" => Some("/spec/template/spec"),
        "CronJob" => Some("/spec/jobTemplate/spec/template/spec"),
        _ => None,
    }
}

/// The pointer of what holds a field; none for a field that stands in several places.
fn place(key: &str, pod: &str) -> Option<String> {
    if OF_POD.contains(&key) {
        Some(pod.to_owned())
    } else if OF_CONTAINER.contains(&key) {
        Some(format!("{pod}/containers/0"))
    } else if OF_OBJECT.contains(&key) {
        Some(String::new())
    } else if OF_SPEC.contains(&key) {
        Some("/spec".to_owned())
    } else {
        // The name of the container, below its other fields in the alphabet.
        (key == "name" || key == "imagePullPolicy").then(|| format!("{pod}/containers/0"))
    }
}

/// Writes a value field by field, each with the line that shows it.
struct Writer<'f, 't> {
    to: ObjectBuilder<'f, 't>,
    lines: &'f [&'t str],
    start: usize,
}

impl Writer<'_, '_> {
    fn put(&mut self, pointer: &str, value: &Value) {
        match value {
            Value::Object(fields) => {
                self.to.map(pointer, self.line_of(pointer, ""));
                for (key, value) in fields {
                    self.put(&format!("{pointer}/{}", escaped(key)), value);
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.put(&format!("{pointer}/{index}"), item);
                }
            }
            Value::Null => {}
            Value::String(text) => self.to.set(pointer, text.clone(), self.line_of(pointer, text)),
            other => self
                .to
                .set(pointer, other.clone(), self.line_of(pointer, &other.to_string())),
        }
    }

    /// The 0-based line of the file that shows a field with its value; the first of the excerpt where none does.
    fn line_of(&self, pointer: &str, text: &str) -> usize {
        let key = pointer.rsplit('/').next().unwrap_or("");
        let first = text.lines().next().unwrap_or("");
        let shows = |line: &str| line.contains(first) && (key.parse::<usize>().is_ok() || line.contains(key));
        self.start + self.lines.iter().position(|line| shows(line)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{at, find};
    use super::decode;
    use crate::bundle::decode::{Section, TextFile};
    use crate::model::EntryPath;

    fn section(pasted: &str) -> Option<Section> {
        let path = EntryPath::new("x");
        decode(&TextFile::new("b".into(), &path, pasted), 1)
    }

    #[test]
    fn containers_that_sed_cut_out_are_those_of_the_workload() {
        let pasted = "$ kubectl get deploy web -n shop -o yaml | sed -n '/containers:/,/resources:/p'\n      containers:\n      - env:\n        - name: CART_URL\n          value: http://cart\n        image: shop/web:1\n        name: web\n        resources:\n$ date\n";
        let section = section(pasted).unwrap();
        let web = find(&section, "Deployment", "web");
        let container = |field: &str| at(web, &format!("/spec/template/spec/containers/0/{field}")).clone();
        assert_eq!(container("env/0/value"), "http://cart");
        assert_eq!(container("image"), "shop/web:1");
        assert_eq!((at(web, "/metadata/namespace"), section.end), (&"shop".into(), 8));
    }

    #[test]
    fn the_environment_that_grep_left_is_that_of_the_first_container() {
        let pasted = "$ kubectl -n shop get pod/web-0 -o yaml | grep -A4 env:\n    - env:\n      - name: MODE\n        value: fast\n      image: shop/web:1\n$ date\n";
        let section = section(pasted).unwrap();
        let pod = find(&section, "Pod", "web-0");
        assert_eq!(at(pod, "/spec/containers/0/env/0/name"), "MODE");
    }

    #[test]
    fn what_names_no_single_object_is_left_alone() {
        for command in [
            "$ kubectl get deploy -o yaml | grep -A4 env:",
            "$ cat web.yaml | grep -A4 env:",
            "$ kubectl get node n1 -o yaml | grep -A4 spec:",
        ] {
            assert!(
                section(&format!(
                    "{command}\n        env:\n        - name: A\n          value: b\n"
                ))
                .is_none(),
                "{command}"
            );
        }
    }
}
