//! How long something took, as a line of a log says.

use std::sync::LazyLock;

use regex::Regex;

/// Names under which loggers and web servers write how long a request took, with the unit in the name or behind the value: zap, pino-http
/// (`responseTime`), Spring, gin, gunicorn, Serilog (`Elapsed`), hibernate, Envoy's and Istio's JSON access logs.
const NAMED: &str = r#"(?i)\b(?P<name>dur(?:ation)?|elapsed|took|latency|response_?time|time_?taken|cost|ms|millis)(?:_?(?P<inner>ms|millis(?:econds)?|s|sec(?:onds)?))?"?(?:=|: ?| )"?(?P<value>\d+(?:\.\d+)?) ?(?P<unit>ms|millis(?:econds)?|s|sec(?:onds?)?)?\b"#;
/// `Completed 200 OK in 6286ms` (Rails), `request handled in 6.2 seconds`.
const IN_WORDS: &str = r"(?i)\b(?:completed|handled|served|processed|answered|responded|computed|calculated|rendered|loaded|fetched|generated|executed|finished|done|built|returned|stored|saved|written|parsed|indexed|imported|exported|encoded|scored|request|response|GET|POST|PUT|DELETE)\b[^\n]{0,200}? (?:in|after) (?P<value>\d+(?:\.\d+)?) ?(?P<unit>ms|millis(?:econds)?|s|sec(?:onds?)?)\b";

/// `rated order 17, result OK in 1911 ms`, whatever the verb, at the end of a line.
const AT_THE_END: &str = r"(?i) in (?P<value>\d+(?:\.\d+)?) ?(?P<unit>ms|millis(?:econds)?|s|sec(?:onds?)?)\.?$";

/// Access logs: gunicorn's `%(D)s` with its unit at the end, morgan's `dev`, ASP.NET Core's `Request finished`.
const OF_ACCESS: &str = r#"(?:" [1-5]\d\d [^\n]* |Request finished [^\n]* - |\b(?:GET|POST|PUT|PATCH|DELETE|HEAD) \S+ [1-5]\d\d )(?:\S+ )?(?P<value>\d+(?:\.\d+)?) ?(?P<unit>us|ms)(?:$| - )"#;

static SHAPES: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    [NAMED, IN_WORDS, AT_THE_END, OF_ACCESS]
        .into_iter()
        .filter_map(|pattern| Regex::new(pattern).ok())
        .collect()
});

/// Milliseconds that a line says something took; none when it says nothing, or no unit.
pub fn millis_taken(said: &str) -> Option<u64> {
    SHAPES.iter().find_map(|shape| {
        let found = shape.captures(said)?;
        let group = |name: &str| found.name(name).map(|group| group.as_str().to_ascii_lowercase());
        let by_name = || group("name").filter(|name| matches!(name.as_str(), "ms" | "millis"));
        let unit = group("unit").or_else(|| group("inner")).or_else(by_name)?;
        let (whole, rest) = found
            .name("value")
            .map(|value| value.as_str().split_once('.').unwrap_or((value.as_str(), "")))?;
        let whole: u64 = whole.parse().ok()?;
        if unit.starts_with('m') {
            return Some(whole);
        }
        if unit == "us" {
            return Some(whole / 1000);
        }
        let thousandths: String = rest.chars().chain("000".chars()).take(3).collect();
        Some(whole.saturating_mul(1000).saturating_add(thousandths.parse().ok()?))
    })
}

#[cfg(test)]
mod tests {
    use super::millis_taken;

    #[test]
    fn durations_of_all_loggers() {
        for (line, millis) in [
            (r#"{"msg":"GetProduct","ms":"6286"}"#, 6286),
            (r#"{"msg":"request completed","responseTime_ms":6286}"#, 6286),
            ("level=info msg=done duration=6.286s", 6286),
            ("took 6286 ms", 6286),
            (
                r#"10.42.3.200 - - [04/Feb/2025:17:22:28 +0000] "GET /stock/7 HTTP/1.1" 200 2746 "-" "ktor-client" 722355us"#,
                722,
            ),
            ("GET /orders 200 938.201 ms - 139", 938),
            (
                "Request finished HTTP/1.1 GET http://docs:8080/docs/9d6b - 200 - application/json 6286.8200ms",
                6286,
            ),
            ("Completed 200 OK in 6286ms (Views: 1.2ms)", 6286),
            ("GET /v1 answered after 6.2 seconds", 6200),
            ("elapsed_ms=12.7", 12),
            ("rated order 17, result OK in 1911 ms", 1911),
            ("quote 7 computed in 8414 ms (3841 rates compared)", 8414),
        ] {
            assert_eq!(millis_taken(line), Some(millis), "{line}");
        }
    }

    #[test]
    fn without_a_unit_nothing_is_told() {
        for line in ["duration=6.2", "items: 6286", "in 2026 it was", "took it in"] {
            assert_eq!(millis_taken(line), None, "{line}");
        }
    }
}
