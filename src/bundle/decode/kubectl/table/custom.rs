//! Tables of custom resources. Their columns are each definition's own; what many of them share are READY, with the words of its
//! condition beside it, and the columns of cert-manager, which name what a certificate hangs on.
//!
//! Source: `additionalPrinterColumns` of cert-manager (`deploy/crds`), Flux (`api/*_types.go`) and external-secrets (`apis/externalsecrets`):
//! READY shows the status of the condition Ready, STATUS its message or its reason.

use super::super::build::ObjectBuilder;
use super::Row;

/// Keeps the cells of a kind that is not known in particular, by their column, and its condition.
pub(super) fn fill(kind: &str, row: &Row<'_, '_>, to: &mut ObjectBuilder<'_, '_>) {
    for (column, _) in row.cells() {
        if let Some(cell) = row
            .get(column)
            .filter(|_| !matches!(column, "NAMESPACE" | "NAME" | "AGE" | "LABELS"))
        {
            to.entry("/casefileColumns", column, cell, row.line);
        }
    }
    if let Some(ready) = row
        .get("READY")
        .filter(|cell| matches!(*cell, "True" | "False" | "Unknown"))
    {
        to.set("/status/conditions/0/type", "Ready", row.line);
        to.set("/status/conditions/0/status", ready, row.line);
        to.set_some("/status/conditions/0/reason", row.get("REASON"), row.line);
        if let Some(words) = row.get("STATUS") {
            let field = if words.contains(' ') { "message" } else { "reason" };
            to.set(&format!("/status/conditions/0/{field}"), words, row.line);
        }
    }
    if matches!(kind, "Certificate" | "CertificateRequest") {
        to.set_some("/spec/issuerRef/name", row.get("ISSUER"), row.line);
        to.set_some("/spec/secretName", row.get("SECRET"), row.line);
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{at, find};
    use super::super::decode;
    use crate::bundle::decode::TextFile;
    use crate::model::EntryPath;

    #[test]
    fn the_column_ready_is_a_condition() {
        let path = EntryPath::new("x");
        let pasted = "$ kubectl get certificates -n shop -o wide\n\
            NAME   READY   SECRET    ISSUER   STATUS                            AGE\n\
            web    False   web-tls   ours     Issuer ours not found             30d\n";
        let section = decode(&TextFile::new("b".into(), &path, pasted), 1).unwrap();
        let web = find(&section, "Certificate", "web");
        assert_eq!(at(web, "/status/conditions/0/status"), "False");
        assert_eq!(at(web, "/status/conditions/0/message"), "Issuer ours not found");
        assert_eq!(at(web, "/spec/issuerRef/name"), "ours");
    }
}
