//! Flags of `create` for the session itself, and what they come to: the session of a template or a file, with name, owner and spec of
//! the flags.

use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;
use session_shared::api::SessionSpec;
use session_shared::failure::{usage_error, with_hint};
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::file_connection::SourceNamespace;
use session_shared::flags::input_form::input_form;
use session_shared::flags::list::parse_new_owner;
use session_shared::flags::values::{ReplaceFlags, ValueFlags};
use session_shared::foreign_error::decode_error_text;
use session_shared::names::{SessionName, TemplateName, UserId};
use session_shared::objects::{Untyped, primary_workload};
use session_shared::report::console::Console;
use session_shared::template::Source;
use session_shared::template::{AssignedValues, unknown_session_fields};

use crate::conversion;
use crate::given_session::{GivenSession, SessionSource, extract_secrets};
use crate::session_file;
use crate::spec_flags::SpecFlags;

/// Flags for the session itself: its name and owner, its template or file, parameter values and fields of the spec.
#[derive(clap::Args, Clone, Debug)]
pub struct SessionFlags {
    /// Name of the session; generated from the owner and the time if omitted
    pub name: Option<String>,

    /// Name of the SessionTemplate
    #[arg(long, value_name = "NAME", conflicts_with = "filename")]
    pub template: Option<String>,

    /// File with a Session object, a manifest, a sindri.yaml or a LabSession object; "-" means standard input
    #[arg(short = 'f', long, value_name = "FILENAME")]
    pub filename: Option<String>,

    /// Configuration of nvim-web (TOML), whose table kubernetes describes the session; "-" means standard input
    #[arg(long, value_name = "FILENAME", conflicts_with_all = ["template", "filename"])]
    pub config: Option<String>,

    /// Parameter value flags.
    #[command(flatten)]
    pub values: ValueFlags,

    /// Replacements in the file.
    #[command(flatten)]
    pub replacements: ReplaceFlags,

    /// Owner of the session (alice@example.com); defaults to your user name at the API server
    #[arg(long, value_name = "ID")]
    pub user_id: Option<String>,

    /// Fields of the spec.
    #[command(flatten)]
    pub spec: SpecFlags,
}

/// Flags for the objects of a manifest.
#[derive(clap::Args, Clone, Debug)]
pub struct ManifestFlags {
    /// Primary workload, to which connect connects; required for a manifest with several workloads
    #[arg(long, value_name = "KIND/NAME")]
    pub primary: Option<String>,

    /// If true, leave out objects of kinds that the server does not have, now and at later starts
    #[arg(long)]
    pub skip_missing_kinds: bool,
}

/// Name and owner, where the command line gives them.
type GivenNames = (Option<SessionName>, Option<UserId>);

impl SessionFlags {
    /// Parses the name and the owner.
    ///
    /// # Errors
    /// One of them is not valid.
    pub(crate) fn parse_names(&self) -> Result<GivenNames> {
        let name = self.name.as_deref().map(str::parse).transpose()?;
        let user_id = self.user_id.as_deref().map(parse_new_owner).transpose()?;
        Ok((name, user_id))
    }

    /// Reads the session from the file or the template, and applies the other flags to it. The namespace and context of a file of
    /// another program become those of `connection`, unless flags name others.
    ///
    /// # Errors
    /// Problems of the file and of the values; names that differ from the file's; an unknown data policy.
    pub(crate) fn read(
        self,
        (name, user_id): GivenNames,
        manifest: ManifestFlags,
        has_roster: bool,
        connection: &mut ConnectionFlags,
        console: &mut Console,
    ) -> Result<(GivenSession, AssignedValues)> {
        let Self {
            name: _,
            template,
            filename,
            config,
            values,
            replacements,
            user_id: _,
            spec,
        } = self;
        let ManifestFlags {
            primary,
            skip_missing_kinds,
        } = manifest;
        let (filename, primary) = (filename.as_deref(), primary.as_deref());
        replacements.require_file(filename)?;
        let file = filename.or(config.as_deref());
        let preset = values.preset.clone();
        let mut values = values.read_values(file, console.input())?;
        // The rows of a roster may name their templates, so that this one is never looked up.
        let unnamed = has_roster.then_some("none");
        let mut session = match file {
            Some(file) => {
                let source = replacements.read_source(file, console.input())?;
                let form = input_form("create", file, config.is_some(), &source)?;
                let given = &mut values;
                let converted = conversion::convert_file(
                    file, form, &source, primary, given, connection, console,
                )?;
                converted.map_or_else(|| from_file(&source, primary, given, console), Ok)?
            }
            None => from_template(template.as_deref().or(unnamed), primary)?,
        };
        spec.apply(preset, &mut session.spec)?;
        if skip_missing_kinds {
            session.spec.skip_missing_kinds = Some(true);
        }
        session.name = merge_equal("name", name, session.name)?;
        session.user_id = merge_equal("owner", user_id, session.user_id)?;
        Ok((session, values))
    }
}

fn from_template(template: Option<&str>, primary: Option<&str>) -> Result<GivenSession> {
    let Some(template) = template else {
        let error = usage_error("one of --template, --filename or --config is required");
        return Err(with_hint(
            error,
            "list the templates: kubectl session template list",
        ));
    };
    if primary.is_some() {
        return Err(usage_error(
            "--primary requires --filename: a template defines its own primary workload",
        ));
    }
    let template: TemplateName = template.parse()?;
    let spec = SessionSpec {
        template: Some(template.to_string()),
        ..SessionSpec::default()
    };
    Ok(GivenSession::unnamed(
        spec,
        SessionSource::Template(template),
    ))
}

fn from_file(
    source: &Source,
    primary: Option<&str>,
    assigned: &mut AssignedValues,
    console: &mut Console,
) -> Result<GivenSession> {
    let shown = source.name();
    if let Some(session) = session_file::parse_session_file(source)? {
        for warning in unknown_session_fields(source) {
            console.warn_with_hint(&warning.to_string(), warning.hint.as_deref());
        }
        let mut found = from_session(shown, session, primary)?;
        if let (SessionSource::Manifest(name), Some(text)) =
            (&found.source, found.spec.manifest.take())
        {
            let manifest = Source::new(name, text)?;
            found.spec.manifest = Some(extract_secrets(&manifest, assigned, console)?);
        }
        return Ok(found);
    }
    let mut spec = SessionSpec {
        manifest: Some(extract_secrets(source, assigned, console)?),
        ..SessionSpec::default()
    };
    spec.primary = primary.map(primary_workload::parse_primary).transpose()?;
    let body = SessionSource::Manifest(shown.to_owned());
    Ok(GivenSession::unnamed(spec, body))
}

fn from_session(file: &str, mut object: Value, primary: Option<&str>) -> Result<GivenSession> {
    let metadata = object.get("metadata").cloned().unwrap_or_default();
    let name = Untyped(&metadata).str_at("/name");
    let namespace = Untyped(&metadata).str_at("/namespace");
    let namespace = namespace.map(|name| SourceNamespace::Required(name.to_owned()));
    let spec = object.get_mut("spec").map(Value::take).unwrap_or_default();
    // The context names the file; the error itself names the field.
    let mut spec: SessionSpec = serde_json::from_value(spec)
        .map_err(|error| anyhow!(decode_error_text(&error)))
        .with_context(|| format!("{file}: invalid Session"))?;
    let user_id = Some(spec.user_id.as_str())
        .filter(|id| !id.is_empty())
        .map(parse_new_owner)
        .transpose()?;
    if let Some(primary) = primary {
        spec.primary = Some(primary_workload::parse_primary(primary)?);
    }
    let body = match (&spec.manifest, spec.template_name()) {
        (Some(_), _) if spec.template.is_some() => {
            bail!("{file}: spec.manifest and spec.template cannot be specified together")
        }
        (Some(_), _) => SessionSource::Manifest(format!("{file}: spec.manifest")),
        (None, Some(template)) => SessionSource::Template(template.parse()?),
        (None, None) => {
            bail!("{file}: one of spec.template, spec.application or spec.manifest is required")
        }
    };
    let name = name.map(str::parse::<SessionName>).transpose()?;
    Ok(GivenSession {
        name,
        namespace,
        user_id,
        metadata,
        ..GivenSession::unnamed(spec, body)
    })
}

/// Merges a value from the command line with one from the file; if both are given, they must be equal.
fn merge_equal<T: PartialEq + ToString>(
    what: &str,
    given: Option<T>,
    found: Option<T>,
) -> Result<Option<T>> {
    match (given, found) {
        (Some(given), Some(found)) if given != found => {
            let (given, found) = (given.to_string(), found.to_string());
            bail!(
                "the {what} from the provided object {found:?} does not match the {what} {given:?}"
            )
        }
        (given, found) => Ok(given.or(found)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_sources_agree_or_are_refused() {
        assert_eq!(merge_equal("name", Some("a"), None).unwrap(), Some("a"));
        assert_eq!(
            merge_equal("name", Some("a"), Some("a")).unwrap(),
            Some("a")
        );
        let error = merge_equal("name", Some("a"), Some("b")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the name from the provided object \"b\" does not match the name \"a\""
        );
    }
}
