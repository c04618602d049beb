//! Files of other programs in `-f` and `--config`: their conversion to a session, with the values and defaults that they bring.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::file_connection::{
    SourceNamespace, adopt_file_connection, describe_connection,
};
use session_shared::flags::list::parse_new_owner;
use session_shared::foreign_error::io_error_text;
use session_shared::names::SessionName;
use session_shared::objects::primary_workload;
use session_shared::report::console::Console;
use session_shared::report::yaml::format_yaml;
use session_shared::template::{
    AssignedValues, Conversion, InputForm, PARAMETER_VALUE_MAX, SecretOrigin, Source,
};

use crate::expected_quota::ExpectedQuota;
use crate::given_session::{GivenSession, SessionSource, extract_secrets};

/// Converts a file of another program to a session; `None` for a file with Kubernetes objects. Says what was recognized, and
/// warns of what is ignored. The file's namespace and context become those of the connection, unless flags name others.
///
/// # Errors
/// All problems of the file; a secret of it that cannot be read.
pub(crate) fn convert_file(
    file: &str,
    form: InputForm,
    source: &Source,
    primary: Option<&str>,
    assigned: &mut AssignedValues,
    connection: &mut ConnectionFlags,
    console: &mut Console,
) -> Result<Option<GivenSession>> {
    let given = assigned.from_files.clone();
    let mut read_secret = |name: &str, origin: &SecretOrigin| match given.get(name) {
        Some(value) => Ok(Some(value.clone())),
        None => read_secret(file, origin).with_context(|| format!("failed to read secret {name}")),
    };
    let Some(converted) = form.convert(source, &mut read_secret)? else {
        return Ok(None);
    };
    let shown = source.name();
    console.note(&describe(shown, form, &converted));
    for warning in &converted.warnings {
        console.warn_with_hint(&warning.to_string(), warning.hint.as_deref());
    }
    let namespace = adopt_file_connection(shown, &converted, connection, console);
    let namespace = namespace.map(SourceNamespace::Default);
    let mut spec = converted.spec;
    let source_name = format!("{shown}: manifest");
    let manifest = write_manifest(&converted.objects)?;
    for (name, value) in converted.secrets {
        assigned.from_files.entry(name).or_insert(value);
    }
    let body = match spec.template_name() {
        Some(template) => SessionSource::Template(template.parse()?),
        None => {
            let manifest = Source::new(&source_name, manifest)?;
            spec.manifest = Some(extract_secrets(&manifest, assigned, console)?);
            SessionSource::Manifest(source_name)
        }
    };
    let primary = primary.map(primary_workload::parse_primary).transpose()?;
    spec.primary = primary.or(spec.primary.take());
    let user_id = Some(spec.user_id.as_str()).filter(|id| !id.is_empty());
    Ok(Some(GivenSession {
        name: converted
            .name
            .map(|name| name.parse::<SessionName>())
            .transpose()?,
        namespace,
        quota: ExpectedQuota::of_file(file, form, converted.quota),
        user_id: user_id.map(parse_new_owner).transpose()?,
        metadata: Value::Null,
        spec,
        source: body,
    }))
}

/// Returns what was recognized, where it leads, and which values of this machine it takes along: a file that somebody else wrote
/// must do none of this silently.
fn describe(file: &str, form: InputForm, converted: &Conversion) -> String {
    let mut text = format!("{file} is {}, converted to a session", form.describe());
    text.push_str(&describe_connection(converted));
    if !converted.secrets.is_empty() {
        let names: Vec<&str> = converted.secrets.keys().map(String::as_str).collect();
        text.push_str(&format!(", with your values of {}", names.join(", ")));
    }
    text
}

fn write_manifest(objects: &[Value]) -> Result<String> {
    let texts: Vec<String> = objects.iter().map(format_yaml).collect::<Result<_>>()?;
    Ok(texts.join("---\n"))
}

/// Reads a secret of the file `file`; `None` if there is none. Paths are relative to the folder of that file.
fn read_secret(file: &str, origin: &SecretOrigin) -> Result<Option<String>> {
    let path = match origin {
        SecretOrigin::Variable(name) => return read_variable(name),
        SecretOrigin::File(path) => path,
    };
    let folder = Path::new(file).parent().filter(|_| file != "-");
    let path = folder.unwrap_or(Path::new("")).join(path);
    let opened = match File::open(&path) {
        Ok(opened) => opened,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => bail!(
            "the path {path:?} cannot be read: {}",
            io_error_text(&error)
        ),
    };
    let mut bytes = Vec::new();
    let limit = PARAMETER_VALUE_MAX as u64 + 1;
    let read = opened.take(limit).read_to_end(&mut bytes);
    read.with_context(|| format!("failed to read {path:?}"))?;
    if bytes.len() > PARAMETER_VALUE_MAX {
        bail!("{path:?} is longer than {PARAMETER_VALUE_MAX} bytes");
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Some(text)),
        Err(_) => bail!("{path:?} is not UTF-8"),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the file names variables of the user's environment"
)]
fn read_variable(name: &str) -> Result<Option<String>> {
    match std::env::var(name) {
        Ok(value) => Ok(Some(value)),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => bail!("the variable {name} is not UTF-8"),
    }
}
