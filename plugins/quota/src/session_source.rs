//! The template or file that describes the sessions to count.

use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;
use session_shared::api::{API_VERSION, SessionSpec, SessionTemplate};
use session_shared::client::parse_object;
use session_shared::failure::{usage_error, with_hint};
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::file_connection::{
    SourceNamespace, adopt_file_connection, describe_connection,
};
use session_shared::flags::values::ReplaceFlags;
use session_shared::foreign_error::decode_error_text;
use session_shared::names::TemplateName;
use session_shared::objects::Untyped;
use session_shared::objects::metadata::name_of;
use session_shared::ops::{Cluster, template_lookup};
use session_shared::report::console::Console;
use session_shared::report::yaml::format_yaml;
use session_shared::template::{
    AssignedValues, InputForm, Source, TemplateFile, extract_secret_literals, parse_plain_objects,
};

/// Value of secrets that only the session needs: the count does not depend on them.
const ANY_SECRET: &str = "any";

/// What describes the sessions.
#[derive(Debug)]
pub(crate) enum SessionSource {
    /// Template, not read yet, and the spec of the Session.
    TemplateName(TemplateName, Box<SessionSpec>),
    /// Template and the spec of the Session.
    Template(Box<SessionTemplate>, Box<SessionSpec>),
    /// Manifest of a Session, with its spec.
    SessionManifest(Source, Box<SessionSpec>),
    /// Manifest with placeholders, or what another tool rendered; it needs no primary workload.
    Manifest(Source),
}

impl SessionSource {
    /// Reads the template from the cluster.
    ///
    /// # Errors
    /// The template does not exist; refused requests.
    pub(crate) async fn with_template(self, cluster: &Cluster) -> Result<Self> {
        let Self::TemplateName(name, spec) = self else {
            return Ok(self);
        };
        let template = template_lookup::read_template(cluster, name.as_str()).await?;
        Ok(Self::Template(Box::new(template), spec))
    }

    /// Describes it in a sentence about sessions: `of template "lab"`.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::TemplateName(name, _) => format!("of template {:?}", name.as_str()),
            Self::Template(template, _) => {
                format!("of template {:?}", name_of(&template.metadata))
            }
            Self::SessionManifest(source, _) | Self::Manifest(source) => {
                format!("of {}", source.name())
            }
        }
    }
}

/// Reads a source. What a file brings along becomes that of the command.
pub(crate) struct SourceReader<'a> {
    pub(crate) assigned: &'a mut AssignedValues,
    pub(crate) connection: &'a mut ConnectionFlags,
    pub(crate) console: &'a mut Console,
}

impl SourceReader<'_> {
    /// Reads the source that the flags name, and the namespace that its file names.
    ///
    /// # Errors
    /// No template and no file; a file that cannot be read or is invalid.
    pub(crate) fn read(
        &mut self,
        template: Option<&str>,
        file: Option<&str>,
        replacements: &ReplaceFlags,
    ) -> Result<(SessionSource, Option<SourceNamespace>)> {
        let Some(file) = file else {
            let Some(template) = template else {
                let error = usage_error("one of --template or --filename is required");
                let hint = "list the templates: kubectl session template list";
                return Err(with_hint(error, hint));
            };
            let source = SessionSource::TemplateName(template.parse()?, Box::default());
            return Ok((source, None));
        };
        let source = replacements.read_source(file, self.console.input())?;
        match InputForm::recognize(&source).unwrap_or(InputForm::Objects) {
            InputForm::Objects => read_objects(source, self.assigned),
            form => self.convert(&source, form),
        }
    }

    /// Converts a file of another program. Its secrets are not read.
    fn convert(
        &mut self,
        source: &Source,
        form: InputForm,
    ) -> Result<(SessionSource, Option<SourceNamespace>)> {
        let file = source.name();
        let converted = form
            .convert(source, &mut |_, _| Ok(Some(ANY_SECRET.to_owned())))?
            .with_context(|| format!("{file} describes no session"))?;
        let named = describe_connection(&converted);
        self.console
            .note(&format!("{file} is {}{named}", form.describe()));
        let namespace = adopt_file_connection(file, &converted, self.connection, self.console);
        for (name, value) in converted.secrets {
            self.assigned.from_files.entry(name).or_insert(value);
        }
        let spec = Box::new(converted.spec);
        let source = match spec.template_name() {
            Some(name) => SessionSource::TemplateName(name.parse()?, spec),
            None => {
                let texts: Result<Vec<String>> =
                    converted.objects.iter().map(format_yaml).collect();
                let manifest = Source::new(file, texts?.join("---\n"))?;
                SessionSource::SessionManifest(without_secrets(&manifest, self.assigned)?, spec)
            }
        };
        Ok((source, namespace.map(SourceNamespace::Default)))
    }
}

fn read_objects(
    source: Source,
    assigned: &mut AssignedValues,
) -> Result<(SessionSource, Option<SourceNamespace>)> {
    if let Some(session) = find_session(&source)? {
        let namespace = Untyped(&session).str_at("/metadata/namespace");
        let namespace = namespace.map(|name| SourceNamespace::Required(name.to_owned()));
        return Ok((from_session(&source, session, assigned)?, namespace));
    }
    let templates = match TemplateFile::parse(&source) {
        // A manifest with placeholders may not be plain YAML: its own loader says what is wrong.
        Err(_) if !source.text().contains("SessionTemplate") => Vec::new(),
        found => found?,
    };
    match templates.as_slice() {
        [] => {
            let manifest = without_secrets(&source, assigned)?;
            Ok((SessionSource::Manifest(manifest), None))
        }
        [one] => {
            let template = parse_object(one.object.clone())?;
            let template = SessionSource::Template(Box::new(template), Box::default());
            Ok((template, None))
        }
        several => {
            let (file, count) = (source.name(), several.len());
            let error = anyhow!("{file}: must contain one template, but contains {count}");
            Err(with_hint(error, "put each template into a separate file"))
        }
    }
}

fn find_session(source: &Source) -> Result<Option<Value>> {
    // A file that is no plain YAML may be a manifest with placeholders.
    let Ok(objects) = parse_plain_objects(source) else {
        return Ok(None);
    };
    let is_session = |object: &Value| {
        Untyped(object).api_version() == API_VERSION && Untyped(object).kind() == "Session"
    };
    let count = objects
        .iter()
        .filter(|(_, object)| is_session(object))
        .count();
    match (count, objects.len()) {
        (0, _) => Ok(None),
        (1, 1) => Ok(objects.into_iter().next().map(|(_, object)| object)),
        _ => bail!(
            "{}: a Session must be the only object in its file",
            source.name()
        ),
    }
}

fn from_session(
    source: &Source,
    mut session: Value,
    assigned: &mut AssignedValues,
) -> Result<SessionSource> {
    let file = source.name();
    let spec = session.get_mut("spec").map(Value::take).unwrap_or_default();
    let mut spec: SessionSpec = serde_json::from_value(spec)
        .map_err(|error| anyhow!(decode_error_text(&error)))
        .with_context(|| format!("{file}: invalid Session"))?;
    if let Some(text) = spec.manifest.take() {
        let manifest = Source::new(format!("{file}: spec.manifest"), text)?;
        let manifest = without_secrets(&manifest, assigned)?;
        return Ok(SessionSource::SessionManifest(manifest, Box::new(spec)));
    }
    match spec.template_name().map(str::parse) {
        Some(name) => Ok(SessionSource::TemplateName(name?, Box::new(spec))),
        None => {
            bail!("{file}: one of spec.template, spec.application or spec.manifest is required")
        }
    }
}

/// Makes literal values of Secrets parameters, as create does.
fn without_secrets(source: &Source, assigned: &mut AssignedValues) -> Result<Source> {
    let extracted = extract_secret_literals(source)?;
    for (name, value) in extracted.values {
        assigned.from_files.entry(name).or_insert(value);
    }
    Source::new(source.name(), extracted.text)
}
