//! Drawings as inline SVG: geometry and escaped text only, no script, no style, no reference out of the page.
//!
//! Every shape has presentation attributes and a class, so that it is readable where a page's style sheet is refused.

mod graph;
mod layout;
mod text;
mod timeline;

pub(crate) use graph::{GraphArrow, GraphBox, graph};
pub(crate) use timeline::timeline;
