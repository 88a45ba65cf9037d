//! The failure modes that casefile knows. `src/rules/<family>/` holds one file for each, gathered by the build script.
//!
//! A rule is data (a YAML header: wording in both languages, what it may cause, remedies, examples) and, where objects have to be
//! compared, one function that turns a snapshot into typed findings. It never formats sentences and never sees a path of a bundle.

mod beside;
mod bounds;
mod by_value;
mod claims;
mod condition;
mod effort;
mod expression;
mod finding;
mod grounds;
mod header;
pub mod inventory;
mod meets;
mod missing;
mod object_rule;
mod own_kinds;
mod own_patterns;
mod own_places;
mod own_text;
mod own_wording;
mod problem_detector;
mod pull;
pub mod rebuild;
mod refused;
mod registry;
mod said;
mod saying;
mod scheduling;
mod text_rule;
pub mod toolbox;
mod try_out;
mod user;
mod wording;

pub use beside::{Beside, Naming, Tie};
pub(crate) use claims::quantity;
pub use condition::{Condition, FieldPath, Pattern, Wanted};
pub use finding::{Finding, Input, Outcome, Unmet};
pub use grounds::{Ground, Touch};
pub use header::{
    ActionWording, Alive, AskWording, Effect, Example, FactorPart, FactorWording, KnowledgeWording, LessonWording,
    Meets, Rival, Role, RuleHeader, StepWording, Subjects, Weighing, Weight,
};
pub use object_rule::{ObjectSubject, ObjectTest};
pub use problem_detector::MonitorKind;
pub use registry::{Rule, RuleError, Rules};
pub use try_out::{Tried, try_out, try_out_within};
pub use user::{Mistake, RuleFile, is_rule_id};
pub use wording::{COUNTED, Wording, operand, shell_quote};
