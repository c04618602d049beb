//! `kubectl session template`: lists, shows, checks, renders, applies and deletes session templates.
//!
//! ```text
//! args ─┬─► list, delete                              SessionTemplates of the cluster
//!       ├─► chosen: one template or manifest ─┬─► show, params ─► asked: table of parameters
//!       │                                     └─► render: objects of a session
//!       ├─► lint: findings of files
//!       └─► plan: templates of a file ─► apply
//! ```

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod apply;
mod args;
mod delete;
mod empty_cell;
mod lint;
mod list;
mod parameter_view;
mod params;
mod plan;
mod render;
mod show;
mod template_input;
mod view;

use anyhow::Result;
use session_shared::verb::{Environment, Verb};

pub use args::{Args, TemplateCommand};

/// The verb `template`.
#[derive(Debug)]
pub struct Template;

impl Verb for Template {
    const NAME: &'static str = "template";
    const ABOUT: &'static str = args::ABOUT;
    type Args = Args;

    async fn run(args: Args, environment: &mut Environment) -> Result<()> {
        let Args {
            command,
            verbosity,
            connection,
        } = args;
        let console = &mut environment.console;
        console.apply_flags(&verbosity);
        let connection = &connection;
        match command {
            TemplateCommand::List(args) => list::run(args, connection, environment).await,
            TemplateCommand::Show(args) => show::run(args, connection, environment).await,
            TemplateCommand::Params(args) => params::run(args, connection, environment).await,
            TemplateCommand::Lint(args) => lint::run(args, console),
            TemplateCommand::Render(args) => render::run(args, connection, environment).await,
            TemplateCommand::Apply(args) => apply::run(args, connection, environment).await,
            TemplateCommand::Delete(args) => delete::run(args, connection, environment).await,
        }
    }
}
