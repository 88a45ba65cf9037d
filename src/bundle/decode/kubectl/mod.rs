//! The text that `kubectl` prints for people: tables, descriptions, messages.

mod build;
mod describe;
mod excerpt;
mod go_value;
mod hint;
mod kinds;
mod logs;
mod message;
#[cfg(test)]
mod properties;
mod table;
#[cfg(test)]
mod testing;
mod top;
mod values;
mod version;

pub(crate) use build::ObjectBuilder;
pub(crate) use describe::decode as decode_description;
pub(crate) use excerpt::decode as decode_excerpt;
pub(crate) use hint::{decode_prompt, namespace_above};
pub(crate) use kinds::{all as known_kinds, is_namespaced, known as known_kind};
pub(crate) use logs::{decode as decode_logs, decode_below_name as decode_named_log};
pub(crate) use message::decode as decode_message;
pub(crate) use table::{decode as decode_table, decode_unknown as decode_unknown_table};
pub(crate) use top::decode as decode_top;
pub(crate) use version::decode as decode_version;
