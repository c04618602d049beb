//! `kubectl session setup`: installs the API, roles, admission policy and built-in templates into a cluster.
//!
//! ```text
//! args ─► plan: the objects of the named parts (roles: Namespace and RBAC) ─► install: apply, wait or remove
//! ```

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod args;
mod install;
mod plan;
mod roles;

use anyhow::Result;
use session_shared::client::{DryRun, WriteOptions};
use session_shared::failure::usage_error;
use session_shared::objects::Untyped;
use session_shared::ops::Cluster;
use session_shared::report::format::Format;
use session_shared::report::mutation::{MutationPrinter, no_resources_message};
use session_shared::verb::{Environment, Verb};

pub use args::Args;
use plan::SetupPart;

/// The verb `setup`.
#[derive(Debug)]
pub struct Setup;

impl Verb for Setup {
    const NAME: &'static str = "setup";
    const ABOUT: &'static str = args::ABOUT;
    type Args = Args;

    async fn run(args: Args, environment: &mut Environment) -> Result<()> {
        environment.apply_flags(&args.verbosity, &args.write_flags);
        let parts = plan::parse_parts(&args.parts)?;
        let dry_run = args.write_flags.dry_run()?;
        let write = args.write_flags.write()?;
        let format = Format::from_object_flags(&args.output)?;
        let mut mutations = MutationPrinter::new(format, dry_run);
        if args.force && !args.remove {
            return Err(usage_error("--force requires --remove"));
        }
        let cluster = environment.connect(&args.connection).await?;
        if args.remove {
            return remove(
                &cluster,
                parts,
                args.force,
                dry_run,
                &write,
                &mutations,
                environment,
            )
            .await;
        }
        for part in parts {
            if !install::is_served(&cluster, part).await? {
                environment.console.warn(install::NO_ADMISSION_WARNING);
                continue;
            }
            let applied = install::apply_part(&cluster, part, dry_run, &write).await?;
            for one in &applied {
                environment
                    .console
                    .print(&mutations.print_result(&one.object, one.change)?)?;
            }
            if applied.iter().any(|one| one.unchecked) {
                environment
                    .console
                    .note("templates not checked: the server does not serve sessiontemplates yet");
            }
            if part == SetupPart::Crds && dry_run == DryRun::None && args.wait_flags.wait {
                let limit = args.wait_flags.timeout_or(install::ESTABLISHED_TIMEOUT);
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
    parts: Vec<SetupPart>,
    force: bool,
    dry_run: DryRun,
    write: &WriteOptions,
    mutations: &MutationPrinter,
    environment: &mut Environment,
) -> Result<()> {
    if !force && parts.contains(&SetupPart::Crds) {
        install::check_no_sessions(cluster).await?;
    }
    let mut any = false;
    for part in parts.into_iter().rev() {
        for one in install::remove_part(cluster, part, dry_run, write).await? {
            any = true;
            let name = Untyped(&one.object).name();
            environment
                .console
                .print(&mutations.print_deleted(one.resource, name, "", false))?;
        }
    }
    if !any {
        environment
            .console
            .print_error_line(&no_resources_message(None));
    }
    Ok(())
}
