//! `kubectl session setup`: installs the API, roles, admission policy and built-in templates into a cluster.
//!
//! ```text
//! args ─► intent ─► plan: the objects of the named parts (roles: Namespace and RBAC) ─► install: apply, wait or remove
//! Args    Intent
//! ```

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod args;
mod install;
mod intent;
mod plan;
mod roles;

use anyhow::Result;
use session_shared::objects::Untyped;
use session_shared::ops::Cluster;
use session_shared::report::mutation::{MutationPrinter, no_resources_message};
use session_shared::verb::{Environment, Verb};

pub use args::Args;
use intent::{Intent, SetupPart};

/// The verb `setup`.
#[derive(Debug)]
pub struct Setup;

impl Verb for Setup {
    const NAME: &'static str = "setup";
    const ABOUT: &'static str = args::ABOUT;
    type Args = Args;

    async fn run(args: Args, environment: &mut Environment) -> Result<()> {
        let intent = intent::parse_intent(args, &mut environment.console)?;
        let cluster = environment.connect(&intent.connection).await?;
        let mut mutations = intent.mutation.printer();
        if intent.remove {
            return remove(&cluster, &intent, &mutations, environment).await;
        }
        for part in &intent.parts {
            if !install::is_served(&cluster, *part).await? {
                environment.console.warn(install::NO_ADMISSION_WARNING);
                continue;
            }
            let applied = install::apply_part(
                &cluster,
                *part,
                intent.mutation.dry_run,
                &intent.mutation.write,
            )
            .await?;
            for object in &applied {
                environment
                    .console
                    .print(&mutations.print_result(&object.object, object.change)?)?;
            }
            if applied.iter().any(|object| object.unchecked) {
                environment
                    .console
                    .note("templates not checked: the server does not serve sessiontemplates yet");
            }
            if let (SetupPart::Crds, Some(limit)) = (part, intent.wait) {
                install::wait_established(
                    &cluster,
                    &applied,
                    limit,
                    &mut environment.console.progress(),
                )
                .await?;
            }
        }
        Ok(())
    }
}

async fn remove(
    cluster: &Cluster,
    intent: &Intent,
    mutations: &MutationPrinter,
    environment: &mut Environment,
) -> Result<()> {
    if !intent.force && intent.parts.contains(&SetupPart::Crds) {
        install::check_no_sessions(cluster).await?;
    }
    let mut any = false;
    for part in intent.parts.iter().rev() {
        let removed = install::remove_part(
            cluster,
            *part,
            intent.mutation.dry_run,
            &intent.mutation.write,
        )
        .await?;
        for object in removed {
            any = true;
            let name = Untyped(&object.object).name();
            let line = mutations.print_deleted(object.resource, name, "", false);
            environment.console.print(&line)?;
        }
    }
    if !any {
        environment
            .console
            .print_error_line(&no_resources_message(None));
    }
    Ok(())
}
