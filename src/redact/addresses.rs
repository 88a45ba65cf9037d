//! Detectors of secrets that are part of an address: webhooks of chat services, logins of Oracle, communities of SNMP.

use super::Class;
use super::beside::Beside;
use super::detectors::Detector;
use super::names::Site;

/// The detectors of this file.
pub(super) const ADDRESSES: &[Detector] = &[
    // Slack (api.slack.com/messaging/webhooks).
    Detector {
        class: Class::Secret,
        words: &["hooks.slack.com"],
        more_lines: 0,
        expression: r#"(?i)hooks\.slack\.com(?:/|%2F)(?:services|workflows|triggers)(?:/|%2F)(?<s>[^\s"'<>\\&?]+)"#,
        site: Site::Key,
        beside: Beside::Anything,
        judge: |_| true,
    },
    // Discord (discord.com/developers/docs/resources/webhook).
    Detector {
        class: Class::Secret,
        words: &["api/webhooks"],
        more_lines: 0,
        expression: r#"(?i)discord(?:app)?\.com/api/(?:v\d+/)?webhooks/(?<s>[^\s"'<>\\?]+)"#,
        site: Site::Key,
        beside: Beside::Anything,
        judge: |_| true,
    },
    // Microsoft Teams (learn.microsoft.com, incoming webhooks).
    Detector {
        class: Class::Secret,
        words: &["webhook.office.com", "outlook.office"],
        more_lines: 0,
        expression: r#"(?i)(?:webhook|outlook)\.office(?:365)?\.com/webhook(?:b2)?/(?<s>[^\s"'<>\\?]+)"#,
        site: Site::Key,
        beside: Beside::Anything,
        judge: |_| true,
    },
    // DingTalk's key for signing requests (open.dingtalk.com, custom robots); its access token has a name that says so.
    Detector {
        class: Class::Secret,
        words: &["SEC"],
        more_lines: 0,
        expression: r"\b(?<s>SEC[0-9a-f]{64})\b",
        site: Site::Key,
        beside: Beside::Anything,
        judge: |_| true,
    },
    // WeCom (developer.work.weixin.qq.com, group robots).
    Detector {
        class: Class::Secret,
        words: &["qyapi.weixin.qq.com"],
        more_lines: 0,
        expression: r#"(?i)qyapi\.weixin\.qq\.com/[^\s"'<>\\?]*\?(?:[^\s"'<>\\]*&)?key=(?<s>[^\s"'<>\\&]+)"#,
        site: Site::Key,
        beside: Beside::Anything,
        judge: |_| true,
    },
    // Feishu and Lark (open.feishu.cn, custom bots).
    Detector {
        class: Class::Secret,
        words: &["/bot/v2/hook/", "/bot/hook/"],
        more_lines: 0,
        expression: r#"(?i)/open-apis/bot/(?:v2/)?hook/(?<s>[^\s"'<>\\?]+)"#,
        site: Site::Key,
        beside: Beside::Anything,
        judge: |_| true,
    },
    // Telegram (core.telegram.org/bots/api).
    Detector {
        class: Class::Token,
        words: &["api.telegram.org"],
        more_lines: 0,
        expression: r"api\.telegram\.org/(?:file/)?bot(?<s>\d+:[A-Za-z0-9_-]{20,})",
        site: Site::Key,
        beside: Beside::Anything,
        judge: |_| true,
    },
    // Logins in addresses of Oracle's drivers and of SQL*Plus: `user/password@` (Oracle Database JDBC Developer's Guide, 8.2).
    Detector {
        class: Class::Password,
        words: &["jdbc:oracle:", "sqlplus"],
        more_lines: 0,
        expression: r#"(?i)(?:jdbc:oracle:[a-z0-9]+:|\bsqlplus[ \t]+(?:-\S+[ \t]+)*\\*["']?)[^\s/@"'\\]+/\\*["']?(?<s>[^\s@"'\\]+)\\*["']?@"#,
        site: Site::Key,
        beside: Beside::Anything,
        judge: |_| true,
    },
    // Communities of SNMP: snmpd.conf(5), snmpcmd(1), and the settings of switches.
    Detector {
        class: Class::Password,
        words: &["rocommunity", "rwcommunity", "com2sec", "snmp"],
        more_lines: 0,
        expression: r#"(?i)(?:\br[ow]community6?[ \t]+|\bcom2sec6?[ \t]+(?:-Cn[ \t]+\S+[ \t]+)?\S+[ \t]+\S+[ \t]+|\bsnmp-server[ \t]+community[ \t]+|\bsnmp[\w.-]*community(?:[_-]?(?:string|name))?\\*["']?[ \t]*[:=][ \t]*|\bsnmp(?:walk|get|getnext|set|table|trap|inform|bulkget|bulkwalk)\b[^\n|;]*?[ \t]-c[ \t]*)\\*["']?(?<s>[^\s"'\\,]+)"#,
        site: Site::Key,
        beside: Beside::Anything,
        judge: |_| true,
    },
];
