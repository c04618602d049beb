//! Validation of parameter declarations and values.

use regex::{Regex, RegexBuilder};

pub use session_model::api::{Parameter, ParameterType, Presets, SecretGeneration};
use session_model::duration::Lifetime;
use session_model::names::ParameterName;
use session_model::quantity::Quantity;

/// Parameters that are always set, and so cannot be declared or given: the session's name, its owner, its namespace and its
/// application.
pub const RESERVED_PARAMETERS: [&str; 4] = ["SESSION_ID", "USER_ID", "NAMESPACE", "APPLICATION"];

/// Longest value of a parameter, in bytes. Enough for a certificate chain or a configuration file, while a Session with several
/// such values stays far below etcd's limit of 1.5 MiB.
pub const PARAMETER_VALUE_MAX: usize = 64 << 10;

/// Maximum size of a compiled pattern in bytes. Bounds the memory that a template can make a controller use.
const PATTERN_SIZE_MAX: usize = 1 << 20;

/// Default length of a generated secret, in characters.
pub const DEFAULT_SECRET_LENGTH: u32 = 32;

/// The rules of a parameter's declaration and of its values.
pub trait ParameterRules {
    /// Returns the problems of the declaration itself. Each message names the parameter.
    fn validate_declaration(&self) -> Vec<String>;

    /// Checks a value against type, options, pattern, minimum and maximum.
    ///
    /// # Errors
    /// The violated rule. Quotes the value unless the parameter is a secret.
    fn check_value(&self, value: &str) -> Result<(), String>;

    /// Returns true if options, the type or a pattern restrict the value. A pattern that matches any text does not count.
    fn is_restricted(&self) -> bool;
}

impl ParameterRules for Parameter {
    fn validate_declaration(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let name = &self.name;
        if let Err(error) = name.parse::<ParameterName>() {
            faults.push(error.to_string());
        }
        if RESERVED_PARAMETERS.contains(&name.as_str()) {
            faults.push(format!(
                "parameter {name} must not be declared: the name is reserved and always set"
            ));
        }
        validate_type_fields(self, &mut faults);
        if let Some(pattern) = &self.pattern
            && let Err(error) = compile_pattern(pattern)
        {
            faults.push(format!(
                "parameter {name}: invalid pattern {pattern:?}: {error}"
            ));
        } else if let Some(default) = self
            .default
            .as_deref()
            .filter(|default| !default.is_empty())
            && let Err(reason) = self.check_value(default)
        {
            faults.push(format!("default of parameter {name}: {reason}"));
        }
        faults
    }

    fn check_value(&self, value: &str) -> Result<(), String> {
        let shown = match self.kind {
            ParameterType::Secret => "the value".to_owned(),
            _ => format!("{:?}", shorten_value(value)),
        };
        if value.len() > PARAMETER_VALUE_MAX {
            return Err(format!(
                "the value must have at most {PARAMETER_VALUE_MAX} bytes, but has {}",
                value.len()
            ));
        }
        if value.contains('\0') {
            return Err("the value contains a NUL character".into());
        }
        check_type(self, value)?;
        if !self.options.is_empty() && !self.options.iter().any(|option| option == value) {
            return Err(format!("{shown} is not one of {}", self.options.join(", ")));
        }
        if let Some(pattern) = &self.pattern {
            let regex = compile_pattern(pattern)?;
            if !regex.is_match(value) {
                return Err(format!("{shown} does not match {pattern}"));
            }
        }
        Ok(())
    }

    fn is_restricted(&self) -> bool {
        const ANYTHING: &str = "any thing/at:all?@{}";
        match (&self.pattern, self.kind) {
            _ if !self.options.is_empty() => true,
            (_, ParameterType::Integer | ParameterType::Boolean | ParameterType::Quantity) => true,
            (Some(pattern), _) => {
                compile_pattern(pattern).is_ok_and(|regex| !regex.is_match(ANYTHING))
            }
            (None, _) => false,
        }
    }
}

/// Checks fields that the type does not allow.
fn validate_type_fields(parameter: &Parameter, faults: &mut Vec<String>) {
    let name = &parameter.name;
    let secret = parameter.kind == ParameterType::Secret;
    if secret && parameter.default.is_some() {
        faults.push(format!(
            "secret parameter {name} must not have a default, because everybody who can read the template could read it"
        ));
    }
    if !secret && parameter.generate.is_some() {
        faults.push(format!(
            "parameter {name}: generate is allowed only for type secret"
        ));
    }
    let length = parameter
        .generate
        .as_ref()
        .and_then(|generate| generate.length);
    if length.is_some_and(|length| !(8..=256).contains(&length)) {
        faults.push(format!(
            "parameter {name}: generate.length must be between 8 and 256"
        ));
    }
    if parameter.kind != ParameterType::Integer
        && (parameter.minimum.is_some() || parameter.maximum.is_some())
    {
        faults.push(format!(
            "parameter {name}: minimum and maximum are allowed only for type integer"
        ));
    }
    if let (Some(minimum), Some(maximum)) = (parameter.minimum, parameter.maximum)
        && minimum > maximum
    {
        faults.push(format!(
            "parameter {name}: minimum {minimum} is greater than maximum {maximum}"
        ));
    }
}

fn check_type(parameter: &Parameter, value: &str) -> Result<(), String> {
    let shown = shorten_value(value);
    match parameter.kind {
        ParameterType::String | ParameterType::Secret => Ok(()),
        ParameterType::Boolean if matches!(value, "true" | "false") => Ok(()),
        ParameterType::Boolean => Err(format!("{shown:?} is not true or false")),
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
    // 007 would be read as an octal number in fields that take numbers.
    let plain = value != "-0"
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && (digits == "0" || !digits.starts_with('0'));
    let number = value.parse::<i64>().ok().filter(|_| plain);
    let Some(number) = number else {
        return Err(format!("{:?} is not a whole number", shorten_value(value)));
    };
    match (parameter.minimum, parameter.maximum) {
        (Some(minimum), _) if number < minimum => {
            Err(format!("{number} is less than the minimum {minimum}"))
        }
        (_, Some(maximum)) if number > maximum => {
            Err(format!("{number} is greater than the maximum {maximum}"))
        }
        _ => Ok(()),
    }
}

/// Compiles a pattern so that it must match the whole value. It is compiled alone first, so that a pattern such as `a)|(b`
/// cannot close the group that is put around it.
fn compile_pattern(pattern: &str) -> Result<Regex, String> {
    let build = |pattern: &str| {
        RegexBuilder::new(pattern)
            .size_limit(PATTERN_SIZE_MAX)
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

/// Returns a value shortened for a message.
pub(super) fn shorten_value(value: &str) -> String {
    const SHOWN: usize = 60;
    if value.chars().count() <= SHOWN {
        return value.to_owned();
    }
    format!("{}...", value.chars().take(SHOWN).collect::<String>())
}
