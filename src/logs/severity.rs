//! How serious a line of a log is by its own words.

use std::sync::LazyLock;

use regex::Regex;

/// Marks of an error, by what writes them.
const ERRORS: &[&str] = &[
    // log4j, logback, slf4j, java.util.logging, logrus, slog, loguru, Monolog (`channel.ERROR:`), Ruby's Logger (`ERROR -- :`).
    r"\b(?:ERROR|FATAL|CRITICAL|SEVERE|EMERGENCY)\b",
    // key=value and JSON of zap, logrus, slog, winston, structlog, ECS (`log.level`), Serilog (`@l`), Google Cloud (`severity`).
    r#"(?i:(?:\b|_|log)(?:level|severity|lvl|levelname|@l)"?[=:] ?"?(?:error|err|eror|fatal|crit|critical|panic|emergency|alert)\b)"#,
    r#""@l":"(?:Error|Fatal)""#,
    // nginx, Apache, Envoy, Erlang, PHP-FPM; boost::log and other C++ loggers.
    r"[\[<:](?:error|crit|critical|alert|emerg|fatal)[\]>]",
    // winston's simple format, npmlog, many scripts.
    r"^(?:\[?\d{4}-\d\d-\d\d[T ][\d:.,]+Z?(?:[+-]\d\d:?\d\d)?\]?\s+)?(?:\[[\w-]+\]\s+)?error: ",
    // klog and glog; zerolog's and logrus' consoles.
    r"^[EF]\d{4} ",
    r"(?:^|\s|\|)(?:ERR|ERRO\[\d+\]|FTL|FATA\[\d+\])(?:\s|\|)",
    // pino and bunyan write levels as numbers: 50 is an error, 60 fatal. MongoDB writes letters.
    r#""level":[56]0\b|"s":"[EF]""#,
    // .NET's console logger.
    r"^(?:fail|crit): \w",
    // PHP, Go, Rust, Python, Node, Ruby when nobody caught it.
    r"PHP (?:Fatal|Parse) error|^panic: |^thread '.*' panicked at |Unhandled (?:exception|rejection)|^Uncaught |Uncaught exception",
    r"^(?:\w+\.)*\w+(?:Exception|Error)(?::|$)",
    // Access logs.
    r#"HTTP/\d(?:\.\d)?"? 5\d\d\b"#,
    // Not the replies of mail servers: `550 5.1.1` (RFC 3463).
    r#"(?i:"?\b(?:status|status_?code|code)"?[=:] ?"?5\d\d(?:[^\w\s]|\s+[^5\s]|\s*$))"#,
];

/// Lines that belong to the error above them: frames of Java, .NET, Node, Python, PHP, Go, Ruby.
const FRAMES: &str =
    r#"^\s|^at |^#\d+ |^Stack trace:|^Traceback \(most recent|^Caused by: |^\.\.\. \d+ more|^goroutine \d+ |^File ""#;

static ERROR: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(&ERRORS.join("|")).ok());
static FRAME: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(FRAMES).ok());

/// True when a line, without its time, says that it is an error: by a level, by an exception that nobody caught, or as an answer of 5xx.
pub fn is_error(said: &str) -> bool {
    ERROR.as_ref().is_some_and(|regex| regex.is_match(said))
}

/// True for a line of a stack trace.
pub fn is_frame(line: &str) -> bool {
    FRAME.as_ref().is_some_and(|regex| regex.is_match(line))
}

#[cfg(test)]
mod tests {
    use super::{is_error, is_frame};

    #[test]
    fn loggers_of_all_languages_mark_their_errors() {
        for line in [
            "2026-03-01 ERROR c.e.Web - lost",
            "quote.ERROR: Uncaught exception while handling POST /getquote",
            r#"{"level":"error","msg":"lost"}"#,
            r#"{"@t":"2026-03-01T10:00:00Z","@l":"Error","@m":"lost"}"#,
            r#"{"log.level":"ERROR","message":"lost"}"#,
            r#"{"Timestamp":"x","LogLevel":"Error","Message":"lost"}"#,
            "level=err msg=lost",
            "<error>: (TimelineClient.cpp:88:Write) TTransportException",
            "2026/03/01 10:00:00 [error] 31#31: *7 connect() failed",
            "E0301 10:00:00.000000 1 a.go:1] lost",
            "10:00AM ERR lost error=eof",
            r#"{"level":50,"msg":"lost"}"#,
            "fail: Shop.Rates[0]",
            "panic: runtime error: index out of range",
            "java.lang.IllegalStateException: lost",
            r#""GET / HTTP/1.1" 502 12"#,
            r#"{"msg":"request","status":503}"#,
            "PHP Fatal error:  Uncaught TypeError",
        ] {
            assert!(is_error(line), "{line}");
        }
    }

    #[test]
    fn other_lines_are_none() {
        for line in [
            "INFO no errors so far",
            r#"{"level":"info","msg":"0 errors"}"#,
            "level=info error_count=0",
            r#""GET /error HTTP/1.1" 200 500"#,
            r#"{"msg":"request","status":200,"bytes":503}"#,
            r#"Bounce recorded {"code":"550 5.1.1"}"#,
            "W0301 10:00:00.000000 1 a.go:1] slow",
            "terror: a film",
        ] {
            assert!(!is_error(line), "{line}");
        }
    }

    #[test]
    fn frames_belong_to_the_error_above() {
        for line in [
            "\tat com.example.Main(Main.java:1)",
            "#0 /var/www/app.php(61): f()",
            "Stack trace:",
            "goroutine 1 [running]:",
        ] {
            assert!(is_frame(line), "{line}");
        }
        assert!(!is_frame("ERROR lost"));
    }
}
