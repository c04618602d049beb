//! What a parameter's value must be, and whether a given one is that.

use regex::{Regex, RegexBuilder};

pub use session_model::api::{Generate, Parameter, ParameterType, Presets};
use session_model::duration::Lifetime;
use session_model::names::ParameterName;
use session_model::quantity::Quantity;

/// Names that are always set and therefore never declared or given: the session's name, its owner, its Namespace and its
/// application.
pub const ALWAYS_SET: [&str; 4] = ["SESSION_ID", "USER_ID", "NAMESPACE", "APPLICATION"];

/// Longest value of a parameter, in bytes: room for a certificate chain or a configuration file, while a Session that holds
/// several stays far below etcd's 1.5 MiB.
pub const VALUE_MAX: usize = 64 << 10;

/// Most bytes of a pattern's compiled form: what an admin can make a controller hold.
const PATTERN_SIZE: usize = 1 << 20;

/// Characters of a generated secret, if the template does not say.
pub const GENERATED_LENGTH: u32 = 32;

/// The rules of a parameter's declaration and of its values.
pub trait ParameterRules {
    /// What is wrong with the declaration itself, each a sentence that names the parameter.
    fn faults(&self) -> Vec<String>;

    /// Checks a value against type, options, pattern and bounds.
    ///
    /// # Errors
    /// The reason, which quotes the value unless it is a secret.
    fn check(&self, value: &str) -> Result<(), String>;

    /// True if options or a pattern keep the value to what the template's author meant. A pattern that lets everything
    /// through does not.
    fn is_bounded(&self) -> bool;
}

impl ParameterRules for Parameter {
    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let name = &self.name;
        if let Err(error) = name.parse::<ParameterName>() {
            faults.push(error.to_string());
        }
        if ALWAYS_SET.contains(&name.as_str()) {
            faults.push(format!(
                "parameter {name} is always set and cannot be declared"
            ));
        }
        faults_of_type(self, &mut faults);
        if let Some(pattern) = &self.pattern
            && let Err(error) = compile(pattern)
        {
            faults.push(format!(
                "parameter {name}: bad pattern {pattern:?}: {error}"
            ));
        } else if let Some(default) = self
            .default
            .as_deref()
            .filter(|default| !default.is_empty())
            && let Err(reason) = self.check(default)
        {
            faults.push(format!("default of parameter {name}: {reason}"));
        }
        faults
    }

    fn check(&self, value: &str) -> Result<(), String> {
        let shown = match self.kind {
            ParameterType::Secret => "the value".to_owned(),
            _ => format!("{:?}", shortened(value)),
        };
        if value.len() > VALUE_MAX {
            return Err(format!(
                "the value has {} bytes, at most {VALUE_MAX} are allowed",
                value.len()
            ));
        }
        if value.contains('\0') {
            return Err("the value holds a NUL character".into());
        }
        check_type(self, value)?;
        if !self.options.is_empty() && !self.options.iter().any(|option| option == value) {
            return Err(format!("{shown} is not one of {}", self.options.join(", ")));
        }
        if let Some(pattern) = &self.pattern {
            let regex = compile(pattern)?;
            if !regex.is_match(value) {
                return Err(format!("{shown} does not match {pattern}"));
            }
        }
        Ok(())
    }

    fn is_bounded(&self) -> bool {
        const ANYTHING: &str = "any thing/at:all?@{}";
        match (&self.pattern, self.kind) {
            _ if !self.options.is_empty() => true,
            (_, ParameterType::Integer | ParameterType::Boolean | ParameterType::Quantity) => true,
            (Some(pattern), _) => compile(pattern).is_ok_and(|regex| !regex.is_match(ANYTHING)),
            (None, _) => false,
        }
    }
}

/// Fields that do not go with the type.
fn faults_of_type(parameter: &Parameter, faults: &mut Vec<String>) {
    let name = &parameter.name;
    let secret = parameter.kind == ParameterType::Secret;
    if secret && parameter.default.is_some() {
        faults.push(format!(
            "secret parameter {name} has a default, which everybody could read"
        ));
    }
    if !secret && parameter.generate.is_some() {
        faults.push(format!(
            "parameter {name} is not a secret and cannot be generated"
        ));
    }
    let length = parameter
        .generate
        .as_ref()
        .and_then(|generate| generate.length);
    if length.is_some_and(|length| !(8..=256).contains(&length)) {
        faults.push(format!(
            "parameter {name}: a generated secret has 8 to 256 characters"
        ));
    }
    if parameter.kind != ParameterType::Integer
        && (parameter.minimum.is_some() || parameter.maximum.is_some())
    {
        faults.push(format!(
            "parameter {name} is not an integer and has no minimum or maximum"
        ));
    }
    if let (Some(minimum), Some(maximum)) = (parameter.minimum, parameter.maximum)
        && minimum > maximum
    {
        faults.push(format!(
            "parameter {name}: minimum {minimum} is more than maximum {maximum}"
        ));
    }
}

fn check_type(parameter: &Parameter, value: &str) -> Result<(), String> {
    let shown = shortened(value);
    match parameter.kind {
        ParameterType::String | ParameterType::Secret => Ok(()),
        ParameterType::Boolean if matches!(value, "true" | "false") => Ok(()),
        ParameterType::Boolean => Err(format!("{shown:?} is neither true nor false")),
        ParameterType::Quantity => value
            .parse::<Quantity>()
            .map(drop)
            .map_err(|error| error.to_string()),
        ParameterType::Duration => value
            .parse::<Lifetime>()
            .map(drop)
            .map_err(|error| error.to_string()),
        ParameterType::Integer => check_integer(parameter, value),
    }
}

fn check_integer(parameter: &Parameter, value: &str) -> Result<(), String> {
    let digits = value.strip_prefix('-').unwrap_or(value);
    // 007 would be an octal number in the places that take numbers.
    let plain = value != "-0"
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && (digits == "0" || !digits.starts_with('0'));
    let number = value.parse::<i64>().ok().filter(|_| plain);
    let Some(number) = number else {
        return Err(format!("{:?} is not a whole number", shortened(value)));
    };
    match (parameter.minimum, parameter.maximum) {
        (Some(minimum), _) if number < minimum => Err(format!("{number} is less than {minimum}")),
        (_, Some(maximum)) if number > maximum => Err(format!("{number} is more than {maximum}")),
        _ => Ok(()),
    }
}

/// A pattern that has to match all of a value. It is tried alone first: `a)|(b` must not get out of the group around it.
fn compile(pattern: &str) -> Result<Regex, String> {
    let build = |pattern: &str| {
        RegexBuilder::new(pattern)
            .size_limit(PATTERN_SIZE)
            .build()
            .map_err(|error| {
                error
                    .to_string()
                    .lines()
                    .last()
                    .unwrap_or_default()
                    .trim()
                    .to_owned()
            })
    };
    build(pattern)?;
    build(&format!(r"\A(?:{pattern})\z"))
}

/// A value, short enough for a message.
pub(super) fn shortened(value: &str) -> String {
    const SHOWN: usize = 60;
    if value.chars().count() <= SHOWN {
        return value.to_owned();
    }
    format!("{}...", value.chars().take(SHOWN).collect::<String>())
}
