//! A parameter of a template.

pub use crate::template::Parameter;
