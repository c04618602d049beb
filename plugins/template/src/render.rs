//! `template render`: prints the objects of a session without creating it.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::Value;
use session_shared::api::SessionSpec;
use session_shared::failure::usage_error;
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::list::parse_new_owner;
use session_shared::flags::non_empty;
use session_shared::labels;
use session_shared::names::{NamespaceName, SessionName, UserId};
use session_shared::objects::primary_workload;
use session_shared::ops::Cluster;
use session_shared::reconcile::{self, ManifestSource, RenderInput, RenderOutput, RenderedStart};
use session_shared::report::console::Console;
use session_shared::report::format::{Format, FormatSet};
use session_shared::template::AssignedValues;
use session_shared::template::{
    Manifest, Parameters, SessionIdentity, ValueLayers, extract_secret_literals,
};
use session_shared::verb::Environment;

use crate::args::{TemplateFlags, TemplateRenderArgs};
use crate::template_input::{self, LoadedTemplate, TemplateInput, TemplateSource};

/// Owner of a session that is rendered without a cluster.
const DEFAULT_OWNER: &str = "user";
/// Namespace of a session that is rendered without a cluster.
const DEFAULT_NAMESPACE: &str = "default";

/// Name, owner, namespace and preset of the rendered session.
struct RenderedSession {
    session: SessionName,
    owner: UserId,
    namespace: NamespaceName,
    preset: Option<String>,
}

/// Prints the objects of a session, as `create --dry-run=client --rendered` does.
///
/// # Errors
/// If the template or the values are invalid.
pub(crate) async fn run(
    args: TemplateRenderArgs,
    connection: &ConnectionFlags,
    environment: &mut Environment,
) -> Result<()> {
    let TemplateRenderArgs {
        template,
        values,
        session,
        user_id,
        primary,
        output,
    } = args;
    let place = template_input::template_source(&template)?;
    let session: SessionName = session.parse()?;
    let owner = user_id.as_deref().map(parse_new_owner).transpose()?;
    let output = non_empty(&output);
    let documents = output.is_none();
    let format = Format::parse(output.unwrap_or("yaml"), FormatSet::Object, false, false)?;
    let mut assigned =
        values.read_values(template.filename.as_deref(), environment.console.input())?;
    let (chosen, owner, namespace) = match &place {
        TemplateSource::Cluster(name) => {
            let cluster = environment.connect(connection).await?;
            let chosen = template_input::read_from_cluster(&cluster, name);
            let (chosen, owner) = futures::try_join!(chosen, resolve_owner(&cluster, owner))?;
            (chosen, owner, cluster.namespace().to_owned())
        }
        place => {
            let chosen = read_without_cluster(place, &template, &mut environment.console)?;
            let owner = owner.map_or_else(|| DEFAULT_OWNER.parse(), Ok)?;
            let given = non_empty(&connection.namespace).unwrap_or(DEFAULT_NAMESPACE);
            (chosen, owner, given.to_owned())
        }
    };
    let namespace = namespace.parse()?;
    let subject = RenderedSession {
        session,
        owner,
        namespace,
        preset: values.preset,
    };
    let (console, primary) = (&mut environment.console, primary.as_deref());
    let rendered = render_input(&chosen, &subject, primary, &mut assigned, console)?;
    print_objects(rendered, &subject, format, documents, console)
}

/// Reads a template of a file, or a built-in one.
///
/// # Errors
/// A file that cannot be read or parsed; no built-in template of this name.
fn read_without_cluster(
    place: &TemplateSource,
    flags: &TemplateFlags,
    console: &mut Console,
) -> Result<TemplateInput> {
    match place {
        TemplateSource::File(file) => {
            template_input::read_from_file(file, &flags.replacements, console)
        }
        TemplateSource::Builtin(name) | TemplateSource::Cluster(name) => {
            template_input::read_builtin(name)
        }
    }
}

/// Returns the given owner, else the caller's user name on the API server.
async fn resolve_owner(cluster: &Cluster, owner: Option<UserId>) -> Result<UserId> {
    match owner {
        Some(owner) => Ok(owner),
        None => cluster
            .get_caller_identity()
            .await?
            .username
            .parse()
            .context("your user name on the API server is not a valid user id"),
    }
}

fn render_input(
    chosen: &TemplateInput,
    subject: &RenderedSession,
    primary: Option<&str>,
    assigned: &mut AssignedValues,
    console: &mut Console,
) -> Result<RenderOutput> {
    let mut spec = SessionSpec {
        user_id: subject.owner.to_string(),
        preset: subject.preset.clone(),
        ..SessionSpec::default()
    };
    match chosen {
        TemplateInput::Template(_) if primary.is_some() => Err(usage_error(
            "--primary requires a manifest: a template defines its own primary workload",
        )),
        TemplateInput::Template(found) => {
            spec.template.clone_from(&found.template.metadata.name);
            check_with_locations(found, subject, assigned)?;
            render_objects(
                subject,
                &spec,
                ManifestSource::Template(&found.template),
                assigned,
            )
        }
        TemplateInput::Manifest(source) => {
            spec.primary = primary.map(primary_workload::parse_primary).transpose()?;
            // As in create: literal values of Secrets become secret parameters and are not printed.
            let extracted = extract_secret_literals(source)?;
            for problem in &extracted.visible_passwords {
                console.warn(&problem.to_string());
            }
            for (name, value) in extracted.values {
                assigned.from_files.entry(name).or_insert(value);
            }
            let body = ManifestSource::Manifest {
                file: source.name(),
                text: &extracted.text,
            };
            render_objects(subject, &spec, body, assigned)
        }
    }
}

fn render_objects(
    subject: &RenderedSession,
    spec: &SessionSpec,
    body: ManifestSource<'_>,
    assigned: &AssignedValues,
) -> Result<RenderOutput> {
    reconcile::render(&RenderInput {
        session: &subject.session,
        namespace: &subject.namespace,
        spec,
        source: body,
        set_values: &assigned.from_arguments,
        file_values: &assigned.from_files,
        stored_secrets: &BTreeMap::new(),
        omit_secrets: true,
    })
}

/// Checks manifest and values with the locations of the template's file, which the rendering does not know.
fn check_with_locations(
    found: &LoadedTemplate,
    subject: &RenderedSession,
    assigned: &AssignedValues,
) -> Result<()> {
    let manifest = Manifest::parse(&found.manifest)?;
    let parameters = Parameters::merge(&found.template.spec.parameters, &manifest)?;
    let identity = SessionIdentity {
        session: subject.session.clone(),
        user: subject.owner.clone(),
        namespace: subject.namespace.clone(),
        application: None,
    };
    let given = ValueLayers {
        flags: &assigned.from_arguments,
        files: &assigned.from_files,
        preset: subject.preset.as_deref(),
        presets: &found.template.spec.presets,
        ..ValueLayers::default()
    };
    let values = parameters.resolve(identity, &given)?;
    manifest.render_public(&values).map(drop)
}

fn print_objects(
    rendered: RenderOutput,
    subject: &RenderedSession,
    format: Format,
    documents: bool,
    console: &mut Console,
) -> Result<()> {
    for note in &rendered.notes {
        console.note(note);
    }
    for warning in &rendered.rendering.warnings {
        console.warn(warning);
    }
    for withheld in &rendered.withheld {
        console.print_error_line(&format!(
            "omitted: secret {:?}, which holds secret values ({})",
            withheld.name,
            withheld.parameters.join(", ")
        ));
    }
    let objects = objects(rendered, subject);
    let Format::Objects(mut printer) = format else {
        return Ok(());
    };
    if !documents {
        return console.print(&printer.print_list(&objects)?);
    }
    for object in &objects {
        console.print(&printer.print_object(object)?)?;
    }
    Ok(())
}

/// Returns the objects as create would send them, without ownerReferences and the run's token.
fn objects(rendered: RenderOutput, subject: &RenderedSession) -> Vec<Value> {
    let rendering = rendered.rendering;
    let ownership =
        rendering.new_ownership(&subject.session, &subject.namespace, &subject.owner, "");
    let start = RenderedStart {
        rendering,
        ownership,
        use_existing: Vec::new(),
    };
    let mut objects = start.owned_objects();
    objects.iter_mut().for_each(remove_run_annotation);
    objects
}

fn remove_run_annotation(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(remove_run_annotation),
        Value::Object(map) => {
            if let Some(annotations) = map.get_mut("annotations").and_then(Value::as_object_mut) {
                annotations.shift_remove(labels::RUN);
            }
            map.values_mut().for_each(remove_run_annotation);
        }
        _ => {}
    }
}
