//! The API `streaming.platform/v1`: Session and SessionTemplate as Rust types, the CustomResourceDefinitions made of them, and
//! the admission policy that says who may write what.

mod admission;
mod definition;
mod int_or_string;
mod object_ref;
mod parameter;
mod session;
mod status;
mod template;

pub use admission::{ADMISSION_POLICY, admission, is_in_force};
pub use definition::definitions;
pub use int_or_string::IntOrString;
pub use object_ref::ObjectRef;
pub use parameter::{Generate, Parameter, ParameterType, Presets};
pub use session::{PrimaryRef, Resources, SecretsFrom, Session, SessionSpec, State, Storage};
pub use status::{Applied, Condition, Phase, SessionStatus};
pub use template::{
    ConnectMethod, DataPolicy, Hook, Hooks, HttpMethod, LabelSelector, Lifetime, OnExpiry,
    SessionTemplate, SessionTemplateSpec, SshMethod,
};

/// The API group of everything that is ours.
pub const GROUP: &str = "streaming.platform";
/// The version that is served and stored.
pub const VERSION: &str = "v1";
/// `apiVersion` of our objects.
pub const API_VERSION: &str = "streaming.platform/v1";
