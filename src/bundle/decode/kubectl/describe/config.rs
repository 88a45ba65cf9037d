//! Descriptions of config maps, secrets, service accounts, quotas, limit ranges, priority classes and namespaces.
//!
//! Source: the describers of these kinds in `k8s.io/kubectl/pkg/describe/describe.go`.

use serde_json::json;

use super::super::build::ObjectBuilder;
use super::super::table::Header;
use super::super::values::{integer, present};
use super::outline::Outline;
use crate::bundle::decode::TextFile;

/// A config map with its data: `key:`, a line of dashes, the value, and since 1.30 an empty line.
pub(crate) fn config_map(file: &TextFile<'_>, (start, end): (usize, usize), to: &mut ObjectBuilder<'_, '_>) {
    let Some(data) = (start..end).find(|&line| file.line(line).trim_end() == "Data") else {
        return;
    };
    let stop = (data..end)
        .find(|&line| matches!(file.line(line).trim_end(), "BinaryData") || file.line(line).starts_with("Events:"))
        .unwrap_or(end);
    let is_key =
        |line: usize| file.line(line).ends_with(':') && file.line(line + 1).trim_end() == "----" && line + 1 < stop;
    to.map("/data", data);
    let mut line = data + 1;
    while line < stop {
        if !is_key(line) {
            line += 1;
            continue;
        }
        let next = (line + 2..stop).find(|&next| is_key(next)).unwrap_or(stop);
        let lines: Vec<&str> = (line + 2..next).map(|index| file.line(index)).collect();
        to.entry(
            "/data",
            file.line(line).trim_end_matches(':'),
            lines.join("\n").trim_end_matches('\n'),
            line,
        );
        line = next;
    }
}

/// A secret: keys and sizes (`token:  1024 bytes`) in `casefileSizes`; values are never printed.
pub(crate) fn secret(outline: &Outline<'_>, to: &mut ObjectBuilder<'_, '_>) {
    for item in outline.roots() {
        if item.key == "Type" {
            to.set_some("/type", present(item.value), item.line);
        } else if let Some((key, size)) = item.text.strip_suffix(" bytes").and_then(|text| text.split_once(':'))
            && let Some(size) = integer(size)
        {
            to.entry("/casefileSizes", key, size, item.line);
        }
    }
}

/// A service account.
pub(crate) fn service_account(outline: &Outline<'_>, to: &mut ObjectBuilder<'_, '_>) {
    for (key, pointer) in [
        ("Image pull secrets", "/imagePullSecrets"),
        ("Mountable secrets", "/secrets"),
    ] {
        let Some(item) = outline.root(key) else { continue };
        for (text, line) in outline.entries(item) {
            // A secret that is gone is marked: `regcred (not found)`.
            let name = text.split(" (").next().unwrap_or(text);
            if present(name).is_some() {
                let at = to.push(pointer, json!({"name": name}), line);
                if text.ends_with("(not found)") {
                    to.set(&format!("{at}/casefileMissing"), true, line);
                }
            }
        }
    }
}

/// A resource quota: a table of Resource, Used, Hard.
pub(crate) fn quota(file: &TextFile<'_>, (start, end): (usize, usize), to: &mut ObjectBuilder<'_, '_>) {
    let Some(first) = (start..end).find(|&line| file.line(line).trim_start().starts_with("Resource ")) else {
        return;
    };
    let Some(header) = Header::inner(file.line(first)) else {
        return;
    };
    for row in (first + 1..end)
        .filter_map(|line| header.row(file.line(line), line))
        .filter(|row| !row.raw("Resource").starts_with('-'))
    {
        let resource = row.raw("Resource");
        to.entry("/status/used", resource, row.raw("Used"), row.line);
        to.entry("/status/hard", resource, row.raw("Hard"), row.line);
        to.entry("/spec/hard", resource, row.raw("Hard"), row.line);
    }
}

/// A limit range: a table of Type, Resource, Min, Max, Default Request, Default Limit, Max Limit/Request Ratio.
pub(crate) fn limit_range(file: &TextFile<'_>, (start, end): (usize, usize), to: &mut ObjectBuilder<'_, '_>) {
    let Some(first) = (start..end).find(|&line| file.line(line).trim_start().starts_with("Type ")) else {
        return;
    };
    let Some(header) = Header::inner(file.line(first)) else {
        return;
    };
    for row in (first + 1..end)
        .filter_map(|line| header.row(file.line(line), line))
        .filter(|row| !row.raw("Type").starts_with('-'))
    {
        let at = to.push("/spec/limits", json!({"type": row.raw("Type")}), row.line);
        for (field, column) in [
            ("min", "Min"),
            ("max", "Max"),
            ("defaultRequest", "Default Request"),
            ("default", "Default Limit"),
            ("maxLimitRequestRatio", "Max Limit/Request Ratio"),
        ] {
            if let Some(amount) = row.get(column).filter(|amount| *amount != "-") {
                to.entry(&format!("{at}/{field}"), row.raw("Resource"), amount, row.line);
            }
        }
    }
}

/// A priority class.
pub(crate) fn priority_class(outline: &Outline<'_>, to: &mut ObjectBuilder<'_, '_>) {
    for item in outline.roots() {
        match item.key {
            "Value" => to.set_some("/value", integer(item.value), item.line),
            "GlobalDefault" => to.set("/globalDefault", item.value == "true", item.line),
            "PreemptionPolicy" => to.set_some("/preemptionPolicy", present(item.value), item.line),
            _ => {}
        }
    }
}

/// A namespace.
pub(crate) fn namespace(outline: &Outline<'_>, to: &mut ObjectBuilder<'_, '_>) {
    if let Some(status) = outline.root("Status") {
        to.set_some("/status/phase", present(status.value), status.line);
        if status.value == "Terminating" {
            to.set("/metadata/casefileTerminating", true, status.line);
        }
    }
    if let Some(conditions) = outline.root("Conditions") {
        super::node::conditions(outline, conditions, "/status/conditions", to);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::testing::{at, cited_line, find, names, text};
    use super::super::decode;

    #[test]
    fn the_data_of_a_config_map_is_kept() {
        let source = text(
            "Name:         app\nNamespace:    shop\nLabels:       <none>\nAnnotations:  a: b\n\nData\n====\napp.conf:\n----\nlisten: 80\n\nStatus: on\nmode:\n----\nfast\n\n\nBinaryData\n====\n\nEvents:  <none>\n\n\nName:         other\nNamespace:    shop\nLabels:       <none>\n\nData\n====\nk:\n----\nv\nEvents:  <none>\n",
        );
        let section = source.decode(decode);
        assert_eq!(names(&section), ["ConfigMap shop/app", "ConfigMap shop/other"]);
        let app = find(&section, "ConfigMap", "app");
        assert_eq!(
            at(app, "/data"),
            &json!({"app.conf": "listen: 80\n\nStatus: on", "mode": "fast"})
        );
        assert_eq!(at(app, "/metadata/annotations"), &json!({"a": "b"}));
        assert_eq!(cited_line(app, "/data/mode"), 13);
    }

    #[test]
    fn a_secret_shows_its_keys_and_sizes_only() {
        let source = text(
            "Name:         db\nNamespace:    shop\nLabels:       <none>\nAnnotations:  <none>\n\nType:  Opaque\n\nData\n====\npassword:  12 bytes\nUSER:      4 bytes\n",
        );
        let section = source.decode(decode);
        let secret = find(&section, "Secret", "db");
        assert_eq!(at(secret, "/casefileSizes"), &json!({"password": 12, "USER": 4}));
        assert_eq!(
            (at(secret, "/type"), at(secret, "/data")),
            (&json!("Opaque"), &json!(null))
        );
    }

    #[test]
    fn accounts_quotas_and_limits() {
        let source = text(
            "Name:                api\nNamespace:           shop\nLabels:              <none>\nAnnotations:         <none>\nImage pull secrets:  regcred (not found)\nMountable secrets:   <none>\nTokens:              <none>\nEvents:              <none>\n\n\n\
             Name:            quota\nNamespace:       shop\nResource         Used   Hard\n--------         ----   ----\nlimits.memory    2Gi    4Gi\npods             10     10\n\n\n\
             Name:       limits\nNamespace:  shop\nType        Resource  Min  Max  Default Request  Default Limit  Max Limit/Request Ratio\n----        --------  ---  ---  ---------------  -------------  -----------------------\nContainer   cpu       -    1    100m             500m           -\n",
        );
        let section = source.decode(decode);
        assert_eq!(
            at(find(&section, "ServiceAccount", "api"), "/imagePullSecrets"),
            &json!([{"name": "regcred", "casefileMissing": true}])
        );
        let quota = find(&section, "ResourceQuota", "quota");
        assert_eq!(
            (at(quota, "/status/used/pods"), at(quota, "/spec/hard/limits.memory")),
            (&json!("10"), &json!("4Gi"))
        );
        let limits = find(&section, "LimitRange", "limits");
        assert_eq!(
            at(limits, "/spec/limits/0"),
            &json!({"type": "Container", "max": {"cpu": "1"}, "defaultRequest": {"cpu": "100m"}, "default": {"cpu": "500m"}})
        );
    }

    #[test]
    fn namespaces_and_priority_classes() {
        let source = text(
            "Name:         shop\nLabels:       kubernetes.io/metadata.name=shop\nAnnotations:  <none>\nStatus:       Terminating\n\nNo resource quota.\n\nNo LimitRange resource.\n\n\n\
             Name:           high\nValue:          1000\nGlobalDefault:  false\nDescription:    \nAnnotations:    <none>\nEvents:         <none>\n",
        );
        let section = source.decode(decode);
        assert_eq!(at(find(&section, "Namespace", "shop"), "/status/phase"), "Terminating");
        assert_eq!(at(find(&section, "PriorityClass", "high"), "/value"), 1000);
    }
}
