//! The validated command line of `create`, including the file of `-f`.

use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;
use session_shared::api::{DataPolicy, DesiredState, ResourceLimits, SessionSpec, StorageSpec};
use session_shared::client::DryRun;
use session_shared::duration::Lifetime;
use session_shared::failure::{usage_error, with_hint};
use session_shared::flags::list::parse_new_owner;
use session_shared::foreign_error::decode_error_text;
use session_shared::labels;
use session_shared::names::{SessionName, TemplateName, UserId};
use session_shared::objects::{overrides, primary_workload, resource::string_at};
use session_shared::ops::Driver;
use session_shared::quantity::Quantity;
use session_shared::report::console::Console;
use session_shared::template::AssignedValues;
use session_shared::template::{Source, extract_secret_literals};

use crate::args::Args;
use crate::session_file;

/// Default of `--timeout`.
pub(crate) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(300);
/// Maximum number of characters of the owner in a generated name: with time and random part it fits every built-in template.
const MAX_OWNER_CHARS: usize = 24;

/// Source of the session's manifest.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum SessionSource {
    /// Template named in the spec.
    Template(TemplateName),
    /// Manifest in the spec; holds the name of its file, for messages.
    Manifest(String),
}

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
    pub(crate) namespace: Option<String>,
    /// Owner, if given.
    pub(crate) user_id: Option<UserId>,
    /// Given parameter values, by their source.
    pub(crate) values: AssignedValues,
    /// Existing objects of others that the session may use, as `kind/name`.
    pub(crate) use_existing: Vec<String>,
    pub(crate) create_namespace: bool,
    pub(crate) skip_checks: bool,
    /// Driver from the command line; `None` to choose by the Lease.
    pub(crate) driver: Option<Driver>,
    pub(crate) dry_run: DryRun,
    pub(crate) rendered: bool,
    /// Time limit of the wait; `None` to not wait.
    pub(crate) wait: Option<Duration>,
}

/// Validates the command line and the files it names.
///
/// # Errors
/// Every mistake that can be found without a request.
pub(crate) fn parse_intent(args: &Args, console: &mut Console) -> Result<Intent> {
    let dry_run = args.write_flags.dry_run()?;
    if args.rendered && dry_run != DryRun::Client {
        return Err(usage_error("--rendered requires --dry-run=client"));
    }
    let name = args
        .name
        .as_deref()
        .map(str::parse::<SessionName>)
        .transpose()?;
    let user_id = args.user_id.as_deref().map(parse_new_owner).transpose()?;
    let driver = Driver::parse(&args.reconcile)?;
    args.replacements.require_file(args.filename.as_deref())?;
    let mut assigned = args
        .values
        .read_values(args.filename.as_deref(), console.input())?;
    let found = match &args.filename {
        Some(file) => from_file(file, args, &mut assigned, console)?,
        None => from_template(args)?,
    };
    let mut intent = Intent {
        generate_name: args.generate_name || (name.is_none() && found.name.is_none()),
        name: merge_equal("name", name, found.name)?,
        source: found.source,
        spec: found.spec,
        metadata: found.metadata,
        namespace: found.namespace,
        user_id: merge_equal("owner", user_id, found.user_id)?,
        values: assigned,
        use_existing: args.existing.objects()?,
        create_namespace: args.create_namespace,
        skip_checks: args.skip_checks,
        driver,
        dry_run,
        rendered: args.rendered,
        wait: args
            .wait_flags
            .wait
            .then(|| args.wait_flags.timeout_or(DEFAULT_TIMEOUT)),
    };
    apply_flags(&mut intent.spec, args)?;
    check_spec(&intent.spec)?;
    Ok(intent)
}

/// Values from a file or `--template`.
struct GivenSession {
    name: Option<SessionName>,
    namespace: Option<String>,
    user_id: Option<UserId>,
    metadata: Value,
    spec: SessionSpec,
    source: SessionSource,
}

fn from_template(args: &Args) -> Result<GivenSession> {
    let Some(template) = &args.template else {
        let error = usage_error("one of --template or --filename is required");
        return Err(with_hint(
            error,
            "list the templates: kubectl session template list",
        ));
    };
    if args.primary.is_some() {
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
        user_id: None,
        metadata: Value::Null,
        spec,
        source: body,
    })
}

fn from_file(
    file: &str,
    args: &Args,
    assigned: &mut AssignedValues,
    console: &mut Console,
) -> Result<GivenSession> {
    let source = args.replacements.read_source(file, console.input())?;
    let shown = source.name();
    if let Some(session) = session_file::parse_session_file(&source)? {
        let mut found = from_session(shown, session, args)?;
        if let (SessionSource::Manifest(name), Some(text)) =
            (&found.source, found.spec.manifest.take())
        {
            let manifest = Source::new(name, text)?;
            found.spec.manifest = Some(extract_secrets(&manifest, assigned, console)?);
        }
        return Ok(found);
    }
    let mut spec = SessionSpec {
        manifest: Some(extract_secrets(&source, assigned, console)?),
        ..SessionSpec::default()
    };
    spec.primary = args
        .primary
        .as_deref()
        .map(primary_workload::parse_primary)
        .transpose()?;
    let body = SessionSource::Manifest(shown.to_owned());
    Ok(GivenSession {
        name: None,
        namespace: None,
        user_id: None,
        metadata: Value::Null,
        spec,
        source: body,
    })
}

/// Returns the manifest to store in the Session. Everyone who may read Sessions can read it, so literal values of its
/// Secrets are moved to `assigned`, as if given by `--set-file`.
fn extract_secrets(
    source: &Source,
    assigned: &mut AssignedValues,
    console: &mut Console,
) -> Result<String> {
    let extracted = extract_secret_literals(source)?;
    for problem in &extracted.visible_passwords {
        console.warn_with_hint(&problem.to_string(), problem.hint.as_deref());
    }
    for problem in &extracted.removed {
        console.note(&problem.to_string());
    }
    for (name, value) in extracted.values {
        assigned.from_files.entry(name).or_insert(value);
    }
    Ok(extracted.text)
}

fn from_session(file: &str, mut object: Value, args: &Args) -> Result<GivenSession> {
    let metadata = object.get("metadata").cloned().unwrap_or_default();
    let name = Some(string_at(&metadata, "/name")).filter(|name| !name.is_empty());
    let namespace = Some(string_at(&metadata, "/namespace"))
        .filter(|name| !name.is_empty())
        .map(str::to_owned);
    let spec = object.get_mut("spec").map(Value::take).unwrap_or_default();
    // The context names the file; the error itself names the field.
    let mut spec: SessionSpec = serde_json::from_value(spec)
        .map_err(|error| anyhow!(decode_error_text(&error)))
        .with_context(|| format!("{file}: invalid Session"))?;
    let user_id = Some(spec.user_id.as_str())
        .filter(|id| !id.is_empty())
        .map(parse_new_owner)
        .transpose()?;
    if let Some(primary) = &args.primary {
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

/// Overrides the spec with the values of flags.
fn apply_flags(spec: &mut SessionSpec, args: &Args) -> Result<()> {
    if args.cpu.is_some() || args.memory.is_some() || args.gpu.is_some() {
        let resources = spec.resources.get_or_insert_with(ResourceLimits::default);
        for (field, flag) in [
            (&mut resources.cpu, &args.cpu),
            (&mut resources.memory, &args.memory),
            (&mut resources.gpu, &args.gpu),
        ] {
            if let Some(value) = flag {
                *field = Some(value.as_str().into());
            }
        }
    }
    if args.storage.is_some() || args.storage_class.is_some() {
        let storage = spec.storage.get_or_insert_with(StorageSpec::default);
        storage.size = args
            .storage
            .as_deref()
            .map(Into::into)
            .or(storage.size.take());
        storage.class = args.storage_class.clone().or(storage.class.take());
    }
    if let Some(value) = &args.expires_in {
        spec.timeout = Some(value.as_str().into());
    }
    if let Some(value) = &args.preset {
        spec.preset = Some(value.clone());
    }
    if let Some(word) = &args.data_policy {
        spec.data_policy = Some(parse_data_policy(word)?);
    }
    spec.state = Some(spec.state.unwrap_or(DesiredState::Running));
    Ok(())
}

fn parse_data_policy(word: &str) -> Result<DataPolicy> {
    let all = [DataPolicy::Keep, DataPolicy::Snapshot, DataPolicy::Delete];
    match all.into_iter().find(|policy| policy.as_str() == word) {
        Some(policy) => Ok(policy),
        None => {
            bail!("Invalid data policy ({word}). Must be \"keep\", \"snapshot\", or \"delete\".")
        }
    }
}

/// Rejects values that are invalid with any template.
fn check_spec(spec: &SessionSpec) -> Result<()> {
    if let Some(resources) = &spec.resources {
        for (name, value) in [("cpu", &resources.cpu), ("memory", &resources.memory)] {
            if let Some(value) = value {
                ensure_positive(name, &value.to_string())?;
            }
        }
        if let Some(gpu) = &resources.gpu {
            overrides::parse_gpu_count(&gpu.to_string())?;
        }
    }
    if let Some(size) = spec
        .storage
        .as_ref()
        .and_then(|storage| storage.size.as_ref())
    {
        ensure_positive("storage", &size.to_string())?;
    }
    if let Some(timeout) = &spec.timeout {
        let text = timeout.to_string();
        text.parse::<Lifetime>()
            .with_context(|| format!("invalid lifetime {text:?}"))?;
    }
    if spec.state == Some(DesiredState::Stopped) {
        bail!("cannot create a stopped session: spec.state is \"stopped\"");
    }
    Ok(())
}

fn ensure_positive(name: &str, value: &str) -> Result<()> {
    let parsed: Quantity = value
        .parse()
        .with_context(|| format!("invalid {name} {value:?}"))?;
    if parsed.is_zero() || parsed.is_negative() {
        bail!("invalid {name} {value:?}: must be greater than 0");
    }
    Ok(())
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
