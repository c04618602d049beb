//! Selection of the template or manifest that a subcommand works with: from the cluster, a file, or the built-in templates.

use anyhow::{Result, anyhow};
use serde_json::Value;
use session_shared::api::{Parameter, SessionTemplate};
use session_shared::client::{ListOptions, Scope, not_found_error, parse_object};
use session_shared::encode::shell::quote_word;
use session_shared::failure::{usage_error, with_hint};
use session_shared::flags::values::ReplaceFlags;
use session_shared::names::TemplateName;
use session_shared::objects::Untyped;
use session_shared::objects::resource::SESSION_TEMPLATE;
use session_shared::ops::Cluster;
pub(crate) use session_shared::ops::session_objects::with_setup_hint;
use session_shared::report::console::Console;
use session_shared::template::{
    InputForm, Source, TemplateFile, builtin_template_object, builtin_templates,
};

use crate::args::TemplateFlags;

/// A template or a bare manifest.
#[derive(Debug)]
pub(crate) enum TemplateInput {
    /// A template with its manifest.
    Template(Box<LoadedTemplate>),
    /// A bare manifest from a file.
    Manifest(Source),
}

/// A template with its manifest.
#[derive(Debug)]
pub(crate) struct LoadedTemplate {
    /// Object as read from the file or the server.
    pub(crate) object: Value,
    /// The same object, deserialized.
    pub(crate) template: SessionTemplate,
    /// Manifest of the template. If the template was read from a file, its locations are those of the file.
    pub(crate) manifest: Source,
}

impl TemplateInput {
    /// Returns the manifest.
    pub(crate) fn manifest(&self) -> &Source {
        match self {
            TemplateInput::Template(found) => &found.manifest,
            TemplateInput::Manifest(source) => source,
        }
    }

    /// Returns the declared parameters.
    pub(crate) fn declared_parameters(&self) -> &[Parameter] {
        match self {
            TemplateInput::Template(found) => &found.template.spec.parameters,
            TemplateInput::Manifest(_) => &[],
        }
    }
}

/// The source of a template.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum TemplateSource {
    /// The cluster.
    Cluster(TemplateName),
    /// The built-in templates.
    Builtin(TemplateName),
    /// A file, or `-` for standard input.
    File(String),
}

/// Determines the source from name and flags.
///
/// # Errors
/// If they select no template, or more than one.
pub(crate) fn template_source(which: &TemplateFlags) -> Result<TemplateSource> {
    which.replacements.require_file(which.filename.as_deref())?;
    match (&which.name, &which.filename, which.builtin) {
        (Some(name), None, false) => Ok(TemplateSource::Cluster(parse_template_name(name)?)),
        (Some(name), None, true) => Ok(TemplateSource::Builtin(parse_template_name(name)?)),
        (None, Some(file), false) => Ok(TemplateSource::File(file.clone())),
        (None, Some(_), true) => Err(usage_error(
            "--filename and --builtin cannot be specified together",
        )),
        (Some(_), Some(_), _) => Err(usage_error(
            "NAME and --filename cannot be specified together",
        )),
        (None, None, _) => Err(usage_error("one of NAME or --filename is required")),
    }
}

/// Parses a template name, with or without the resource type that `list -o name` prints.
///
/// # Errors
/// If the name is invalid, or the resource type is another one.
pub(crate) fn parse_template_name(word: &str) -> Result<TemplateName> {
    let Some((kind, name)) = word.split_once('/') else {
        return word.parse();
    };
    let known = [
        "sessiontemplate",
        "sessiontemplates",
        "sessiontemplate.streaming.platform",
        "sessiontemplates.streaming.platform",
    ];
    if !known.contains(&kind) {
        return Err(usage_error(format!(
            "the resource type {kind:?} is not a sessiontemplate: {word:?}"
        )));
    }
    name.parse()
}

/// Reads a template from the cluster.
///
/// # Errors
/// If the template does not exist or the API is not installed.
pub(crate) async fn read_from_cluster(
    cluster: &Cluster,
    name: &TemplateName,
) -> Result<TemplateInput> {
    match with_setup_hint(cluster.get(&SESSION_TEMPLATE, "", name.as_str()).await)? {
        Some(object) => input_from_object(object, &format!("sessiontemplate/{name}")),
        None => {
            let missing = not_found_error(&SESSION_TEMPLATE, name.as_str());
            Err(with_hint(missing, available_templates_hint(cluster).await))
        }
    }
}

/// Returns the hint for an unknown template: the names of the existing ones.
async fn available_templates_hint(cluster: &Cluster) -> String {
    let found = cluster
        .list_metadata(&SESSION_TEMPLATE, Scope::Cluster, &ListOptions::default())
        .await;
    let items = found.map(|list| list.items).unwrap_or_default();
    let names: Vec<&str> = items.iter().map(|item| Untyped(item).name()).collect();
    if names.is_empty() {
        return "install the built-in templates, as there are none: kubectl session setup templates".into();
    }
    format!("choose one of the templates: {}", names.join(", "))
}

/// Returns a built-in template.
///
/// # Errors
/// If no built-in template has this name.
pub(crate) fn read_builtin(name: &TemplateName) -> Result<TemplateInput> {
    let Some(object) = builtin_template_object(name.as_str())? else {
        let names: Vec<&str> = builtin_templates().iter().map(|(name, _)| *name).collect();
        return Err(with_hint(
            anyhow!("built-in template {:?} not found", name.as_str()),
            format!("choose one of the templates: {}", names.join(", ")),
        ));
    };
    input_from_object(object, &format!("sessiontemplate/{}", name.as_str()))
}

/// Returns the built-in templates as objects, in their order.
///
/// # Errors
/// If a built-in template is invalid, which is a bug.
pub(crate) fn builtin_objects() -> Result<Vec<Value>> {
    let all = builtin_templates().iter();
    let objects = all.map(|(name, _)| builtin_template_object(name));
    objects.filter_map(Result::transpose).collect()
}

fn input_from_object(object: Value, name: &str) -> Result<TemplateInput> {
    let template: SessionTemplate = parse_object(object.clone())?;
    let manifest = Source::new(name, template.spec.manifest.clone())?;
    Ok(TemplateInput::Template(Box::new(LoadedTemplate {
        object,
        template,
        manifest,
    })))
}

/// Reads a template or a manifest from a file.
///
/// # Errors
/// If the file cannot be read, or contains several templates.
pub(crate) fn read_from_file(
    file: &str,
    replacements: &ReplaceFlags,
    console: &mut Console,
) -> Result<TemplateInput> {
    let source = read_source(file, replacements, console)?;
    let mut templates = read_templates(&source)?;
    let names: Vec<&str> = templates.iter().map(|one| one.name.as_str()).collect();
    if names.len() > 1 {
        let error = anyhow!(
            "{}: must contain one template, but contains {}: {}",
            source.name(),
            names.len(),
            names.join(", ")
        );
        return Err(with_hint(error, "put each template into a separate file"));
    }
    let Some(one) = templates.pop() else {
        return Ok(TemplateInput::Manifest(source));
    };
    Ok(TemplateInput::Template(Box::new(LoadedTemplate {
        template: parse_object(one.object.clone())?,
        object: one.object,
        manifest: one.manifest,
    })))
}

/// Reads a file with templates or a manifest.
///
/// # Errors
/// If the file cannot be read, or is the configuration of another program.
pub(crate) fn read_source(
    file: &str,
    replacements: &ReplaceFlags,
    console: &mut Console,
) -> Result<Source> {
    let source = replacements.read_source(file, console.input())?;
    let form = InputForm::recognize(&source).unwrap_or(InputForm::Objects);
    let (name, described) = (source.name(), form.describe());
    match form {
        InputForm::Objects => Ok(source),
        InputForm::Toml => {
            let error = anyhow!("{name} is {described}, but -f takes YAML or JSON");
            Err(with_hint(error, "write the template or manifest in YAML"))
        }
        _ => {
            let error = anyhow!("{name} is {described}: it describes one session, not a template");
            let file = match file {
                "-" => "FILENAME".into(),
                file => quote_word(file),
            };
            let flag = form.flag();
            let hint = format!("create the session: kubectl session create {flag} {file}");
            Err(with_hint(error, hint))
        }
    }
}

/// Returns the templates in a file; empty if the file is a manifest.
///
/// # Errors
/// If a template is invalid.
pub(crate) fn read_templates(source: &Source) -> Result<Vec<TemplateFile>> {
    match TemplateFile::parse(source) {
        // A manifest with placeholders may not be plain YAML. Its errors are reported when it is parsed as a manifest.
        Err(_) if !source.text().contains("SessionTemplate") => Ok(Vec::new()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_template_is_meant() {
        let which = |name: Option<&str>, filename: Option<&str>, builtin| TemplateFlags {
            name: name.map(str::to_owned),
            filename: filename.map(str::to_owned),
            builtin,
            ..TemplateFlags::default()
        };
        let lab: TemplateName = "lab".parse().unwrap();
        let of = |which| template_source(&which);
        assert_eq!(
            of(which(Some("sessiontemplate/lab"), None, false)).unwrap(),
            TemplateSource::Cluster(lab.clone())
        );
        assert_eq!(
            of(which(Some("lab"), None, true)).unwrap(),
            TemplateSource::Builtin(lab)
        );
        for (wrong, text) in [
            (
                which(None, None, false),
                "one of NAME or --filename is required",
            ),
            (
                which(Some("a"), Some("f"), false),
                "NAME and --filename cannot be specified together",
            ),
            (
                which(None, Some("f"), true),
                "--filename and --builtin cannot be specified together",
            ),
            (
                which(Some("pod/a"), None, false),
                "the resource type \"pod\" is not a sessiontemplate: \"pod/a\"",
            ),
        ] {
            assert_eq!(of(wrong).unwrap_err().to_string(), text);
        }
    }

    #[test]
    fn every_built_in_template_can_be_chosen() {
        for (name, _) in builtin_templates() {
            read_builtin(&name.parse().unwrap()).unwrap();
        }
        assert_eq!(builtin_objects().unwrap().len(), builtin_templates().len());
    }

    #[test]
    fn a_manifest_that_is_no_plain_yaml_is_a_manifest() {
        let source = Source::new("f", "kind: Pod\nmetadata: {name: ${A}}\n").unwrap();
        assert!(read_templates(&source).unwrap().is_empty());
        let broken = Source::new("f", "kind: SessionTemplate\nmetadata: {name: ${A}}\n").unwrap();
        assert!(read_templates(&broken).is_err());
    }
}
