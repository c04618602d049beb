//! The validated command line of `create`, including the file of `-f`.

use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;
use session_shared::api::SessionSpec;
use session_shared::client::DryRun;
use session_shared::failure::{usage_error, with_hint};
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::file_connection::SourceNamespace;
use session_shared::flags::input_form::input_form;
use session_shared::flags::list::parse_new_owner;
use session_shared::flags::mutation_options::MutationOptions;
use session_shared::flags::output::ObjectOutputFlags;
use session_shared::flags::reconcile::parse_driver;
use session_shared::foreign_error::decode_error_text;
use session_shared::labels;
use session_shared::names::{SessionName, TemplateName, UserId};
use session_shared::objects::{Untyped, primary_workload};
use session_shared::ops::Driver;
use session_shared::ops::room_wait::RoomLimit;
use session_shared::report::console::Console;
use session_shared::template::Source;
use session_shared::template::{AssignedValues, unknown_session_fields};

use crate::args::{Args, DEFAULT_TIMEOUT};
use crate::conversion;
use crate::expected_quota::ExpectedQuota;
use crate::given_session::{GivenSession, SessionSource, extract_secrets};
use crate::roster::args::RosterOptions;
use crate::session_file;
use crate::spec_flags::check_spec;

/// Maximum number of characters of the owner in a generated name: with time and random part it fits every built-in template.
const MAX_OWNER_CHARS: usize = 24;

/// A validated command line.
#[derive(Clone, Debug)]
pub(crate) struct Intent {
    /// Name, or the prefix of a generated name; `None` for the owner as prefix.
    pub(crate) name: Option<SessionName>,
    /// True if the name is generated.
    pub(crate) generate_name: bool,
    /// Source of the manifest.
    pub(crate) source: SessionSource,
    /// Spec of the Session; the owner is still empty if the API server has to be asked.
    pub(crate) spec: SessionSpec,
    /// Metadata of a Session from a file.
    pub(crate) metadata: Value,
    /// Namespace of a Session from a file.
    pub(crate) namespace: Option<SourceNamespace>,
    /// ResourceQuota that the file expects in the namespace.
    pub(crate) quota: ExpectedQuota,
    /// Owner, if given.
    pub(crate) user_id: Option<UserId>,
    /// Given parameter values, by their source.
    pub(crate) values: AssignedValues,
    /// Existing objects of others that the session may use, as `kind/name`.
    pub(crate) use_existing: Vec<String>,
    pub(crate) create_namespace: bool,
    pub(crate) skip_checks: bool,
    /// How long to wait for room; `None` to be refused without it.
    pub(crate) room: Option<RoomLimit>,
    /// Driver from the command line; `None` to choose by the Lease.
    pub(crate) driver: Option<Driver>,
    pub(crate) rendered: bool,
    /// True to print Secrets with secret values, too.
    pub(crate) with_secrets: bool,
    /// Time limit of the wait; `None` to not wait.
    pub(crate) wait: Option<Duration>,
    pub(crate) mutation: MutationOptions,
    pub(crate) connection: ConnectionFlags,
}

/// Applies the output flags, and validates the command line and the files it names. With a roster, the intent is that of a row without
/// any cell but the user.
///
/// # Errors
/// Every mistake that can be found without a request.
pub(crate) fn parse_intent(
    args: Args,
    console: &mut Console,
) -> Result<(Intent, Option<RosterOptions>)> {
    let Args {
        name,
        template,
        filename,
        config,
        values,
        replacements,
        user_id,
        spec: spec_flags,
        roster_flags,
        existing,
        primary,
        skip_missing_kinds,
        create_namespace,
        skip_checks,
        generate_name,
        reconcile,
        rendered,
        with_secrets,
        output,
        verbosity,
        write_flags,
        wait_flags,
        room_flags,
        mut connection,
    } = args;
    console.apply_flags(&verbosity);
    let ready_time = wait_flags.timeout_or(DEFAULT_TIMEOUT);
    let has_template = template.is_some();
    let roster = roster_flags.read_options(&output, &values, has_template, ready_time, console)?;
    let schedule = roster.as_ref().and_then(|roster| roster.schedule.as_ref());
    if let Some(schedule) = schedule {
        let waits = wait_flags.is_wait_given && wait_flags.wait;
        schedule.check_flags(create_namespace, waits)?;
    }
    // A roster that is created now has formats of its own.
    let output = match (&roster, schedule) {
        (Some(_), None) => ObjectOutputFlags::default(),
        _ => output,
    };
    // The rows may name their templates, so that this one is never looked up.
    let unnamed = roster.is_some().then(|| "none".to_owned());
    let template = template.or(unnamed);
    let waits = wait_flags.wait && (roster.is_none() || wait_flags.is_wait_given);
    let mutation = MutationOptions::for_objects(&write_flags, &output, console)?;
    check_rendered(rendered, with_secrets, mutation.dry_run)?;
    let name = name.as_deref().map(str::parse).transpose()?;
    let user_id = user_id.as_deref().map(parse_new_owner).transpose()?;
    let driver = parse_driver(&reconcile)?;
    let (filename, primary) = (filename.as_deref(), primary.as_deref());
    replacements.require_file(filename)?;
    let file = filename.or(config.as_deref());
    let preset = values.preset.clone();
    let mut values = values.read_values(file, console.input())?;
    let given = match file {
        Some(file) => {
            let source = replacements.read_source(file, console.input())?;
            let form = input_form("create", file, config.is_some(), &source)?;
            let (given, flags) = (&mut values, &mut connection);
            match conversion::convert_file(file, form, &source, primary, given, flags, console)? {
                Some(converted) => converted,
                None => from_file(&source, primary, &mut values, console)?,
            }
        }
        None => from_template(template.as_deref(), primary)?,
    };
    let mut spec = given.spec;
    spec_flags.apply(preset, &mut spec)?;
    if skip_missing_kinds {
        spec.skip_missing_kinds = Some(true);
    }
    let intent = Intent {
        generate_name: generate_name || (name.is_none() && given.name.is_none()),
        name: merge_equal("name", name, given.name)?,
        source: given.source,
        spec,
        metadata: given.metadata,
        namespace: given.namespace,
        quota: given.quota,
        user_id: merge_equal("owner", user_id, given.user_id)?,
        values,
        use_existing: existing.objects()?,
        create_namespace,
        skip_checks,
        room: room_flags.limit(mutation.dry_run)?,
        driver,
        rendered,
        with_secrets,
        wait: waits.then(|| wait_flags.timeout_or(DEFAULT_TIMEOUT)),
        mutation,
        connection,
    };
    check_spec(&intent.spec)?;
    Ok((intent, roster))
}

fn check_rendered(rendered: bool, with_secrets: bool, dry_run: DryRun) -> Result<()> {
    if rendered && dry_run != DryRun::Client {
        return Err(usage_error("--rendered requires --dry-run=client"));
    }
    if with_secrets && !rendered {
        return Err(usage_error("--with-secrets requires --rendered"));
    }
    Ok(())
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
    let body = SessionSource::Template(template);
    Ok(GivenSession {
        name: None,
        namespace: None,
        quota: ExpectedQuota::default(),
        user_id: None,
        metadata: Value::Null,
        spec,
        source: body,
    })
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
    Ok(GivenSession {
        name: None,
        namespace: None,
        quota: ExpectedQuota::default(),
        user_id: None,
        metadata: Value::Null,
        spec,
        source: body,
    })
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
        quota: ExpectedQuota::default(),
        user_id,
        metadata,
        spec,
        source: body,
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

/// Returns a generated name: `{owner}-{unix seconds}-{random}`, which sorts by time and can be filtered by owner. `begin`
/// takes the owner's place.
pub(crate) fn generate_name(
    owner: &UserId,
    begin: Option<&SessionName>,
    seconds: i64,
    random: &str,
) -> Result<SessionName> {
    // An owner that is cut keeps its hash, so that two owners have different names; a prefix is the user's own choice.
    let begin = match begin {
        Some(begin) => begin.as_str().chars().take(MAX_OWNER_CHARS).collect(),
        None => labels::to_name_part_within(owner.as_str(), MAX_OWNER_CHARS),
    };
    format!("{}-{seconds}-{random}", begin.trim_end_matches('-')).parse()
}

#[cfg(test)]
#[path = "intent_tests.rs"]
mod tests;
