//! One page of a list, taken apart no further than needed.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::error::ApiError;

/// A page that borrows its items from the answer.
#[derive(Deserialize)]
pub(super) struct Page<'a> {
    #[serde(default)]
    metadata: Metadata,
    #[serde(borrow)]
    items: Option<Vec<&'a RawValue>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Metadata {
    #[serde(rename = "continue")]
    next: Option<String>,
    resource_version: Option<String>,
}

impl<'a> Page<'a> {
    /// Reads a page. What has no `items` is no list: an error page of a proxy may well be JSON.
    pub(super) fn read(body: &'a [u8]) -> Result<Self, ApiError> {
        let text = std::str::from_utf8(body).map_err(|error| ApiError::NotJson(error.to_string()))?;
        if !text.contains("\"items\"") {
            return Err(ApiError::NotJson("it has no items".into()));
        }
        serde_json::from_str(text).map_err(|error| ApiError::NotJson(error.to_string()))
    }

    /// Each object as it was sent; `null` is how Go writes an empty list.
    pub(super) fn items(&self) -> &[&'a RawValue] {
        self.items.as_deref().unwrap_or_default()
    }

    /// What asks for the next page, if there is one.
    pub(super) fn next(&self) -> Option<&str> {
        self.metadata.next.as_deref().filter(|token| !token.is_empty())
    }

    /// The moment of the list.
    pub(super) fn resource_version(&self) -> &str {
        self.metadata.resource_version.as_deref().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_kept_as_sent_and_an_empty_list_may_be_null() {
        let page = Page::read(br#"{"metadata":{"continue":"x"},"items":[{"a": 1.0},{}]}"#).unwrap();
        assert_eq!(page.items()[0].get(), r#"{"a": 1.0}"#);
        assert_eq!(page.next(), Some("x"));
        let page = Page::read(br#"{"metadata":{"continue":""},"items":null}"#).unwrap();
        assert_eq!((page.items().len(), page.next()), (0, None));
        assert!(Page::read(br#"{"error":"bad gateway"}"#).is_err());
        assert!(Page::read(br#"{"items":[{"a":"#).is_err());
    }
}
