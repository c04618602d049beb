//! Flags that describe sessions which do not exist yet: a template or a file, and its values.

use anyhow::Result;
use clap::Args as Group;
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::file_connection::resolve_namespace;
use session_shared::flags::list::parse_new_owner;
use session_shared::flags::values::{ReplaceFlags, ValueFlags};
use session_shared::ops::Cluster;
use session_shared::verb::Environment;

use crate::rendered_sessions::{RenderedSessions, render_sessions};
use crate::session_source::SourceReader;

/// Template or file of sessions that do not exist yet, with its values.
#[derive(Group, Clone, Debug)]
pub struct SourceFlags {
    /// Name of the SessionTemplate
    #[arg(long, value_name = "NAME", conflicts_with = "filename")]
    pub template: Option<String>,
    /// File with a Session, a SessionTemplate, a manifest, a sindri.yaml or a LabSession object; "-" means standard input
    #[arg(short = 'f', long, value_name = "FILENAME")]
    pub filename: Option<String>,
    #[command(flatten)]
    pub values: ValueFlags,
    #[command(flatten)]
    pub replacements: ReplaceFlags,
    /// Owner of the sessions, for templates whose objects depend on it
    #[arg(long, value_name = "ID", default_value = "user")]
    pub user_id: String,
}

/// Sessions that do not exist yet.
#[derive(Debug)]
pub(crate) struct NewSessions {
    /// Name of the template, or of the file.
    pub(crate) label: String,
    /// Both in words: `of template "lab"`.
    pub(crate) subject: String,
    /// Namespace of the connection, or that of the file.
    pub(crate) namespace: String,
    pub(crate) rendered: RenderedSessions,
}

impl SourceFlags {
    /// Returns true if there is a template or a file.
    pub(crate) fn is_given(&self) -> bool {
        self.template.is_some() || self.filename.is_some()
    }

    /// Returns true if values are given.
    pub(crate) fn has_values(&self) -> bool {
        self.values.is_given()
    }

    /// Returns true if a flag names standard input.
    pub(crate) fn reads_input(&self) -> bool {
        self.filename.as_deref() == Some("-") || self.values.reads_input()
    }

    /// Reads template, file and values, and renders the objects of two sessions.
    ///
    /// # Errors
    /// No template and no file, an invalid one, a Session of another namespace, refused requests.
    pub(crate) async fn read(
        self,
        connection: &ConnectionFlags,
        environment: &mut Environment,
    ) -> Result<(Cluster, NewSessions)> {
        let Self {
            template,
            filename,
            values,
            replacements,
            user_id,
        } = self;
        let owner = parse_new_owner(&user_id)?;
        let (template, file) = (template.as_deref(), filename.as_deref());
        replacements.require_file(file)?;
        let console = &mut environment.console;
        let mut assigned = values.read_values(file, console.input())?;
        let mut connection = connection.clone();
        let mut reader = SourceReader {
            assigned: &mut assigned,
            connection: &mut connection,
            console,
        };
        let (source, named) = reader.read(template, file, &replacements)?;
        let cluster = environment.connect(&connection).await?;
        let namespace = resolve_namespace(named.as_ref(), cluster.namespace())?;
        let source = source.with_template(&cluster).await?;
        let sessions = NewSessions {
            label: template.or(file).unwrap_or_default().to_owned(),
            subject: source.describe(),
            rendered: render_sessions(
                &source,
                &namespace.parse()?,
                &owner,
                values.preset,
                &assigned,
            )?,
            namespace,
        };
        Ok((cluster, sessions))
    }
}
