//! `kubectl session setup`: installs the API, roles, admission policy and built-in templates into a cluster.
//!
//! ```text
//! args ─┬─► intent ─► plan: the objects of the named parts (roles: Namespace and RBAC) ─► install: apply, wait or remove
//! Args  │   Intent
//!       ├─► namespace: the namespace of one user
//!       ├─► secret: keys of a Secret
//!       └─► part: what a platform has beside its sessions, such as monitors and autoscalers
//! ```

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod address_block;
mod args;
mod egress_mode;
mod install;
mod intent;
mod namespace;
mod ownership;
mod part;
mod plan;
mod policies;
mod roles;
mod secret;
mod selector_overlap;
mod template_pods;
mod writer;

use anyhow::Result;
use session_shared::client::interrupt::Interrupt;
use session_shared::client::{DryRun, Scope};
use session_shared::failure::{self, FailureKind, with_hint};
use session_shared::objects::Untyped;
use session_shared::ops::Cluster;
use session_shared::report::mutation::no_resources_message;
use session_shared::verb::{Environment, Verb};

pub use args::{Args, SetupCommand};
use install::SetupOptions;
use intent::{Intent, Request, SetupPart};

/// The verb `setup`.
#[derive(Debug)]
pub struct Setup;

impl Verb for Setup {
    const NAME: &'static str = "setup";
    const ABOUT: &'static str = args::ABOUT;
    type Args = Args;

    async fn run(args: Args, environment: &mut Environment) -> Result<()> {
        let intent = match intent::parse_request(args, &mut environment.console)? {
            Request::Parts(intent) => intent,
            Request::Namespace(args, connection) => {
                return namespace::run(*args, &connection, environment).await;
            }
            Request::Secret(intent) => return secret::run(*intent, environment).await,
            Request::Part(part, intent) => {
                return part::run(part.as_ref(), *intent, environment).await;
            }
        };
        let cluster = environment.connect(&intent.connection).await?;
        // Ctrl-C must not end the process between two writes without a word.
        let interrupt = environment.interrupt.clone();
        let _guard = match intent.mutation.dry_run {
            DryRun::None => Some(interrupt.guard()?),
            _ => None,
        };
        let mut written = 0;
        let outcome = match intent.remove {
            true => remove(&cluster, &intent, &mut written, environment).await,
            false => install(&cluster, &intent, &mut written, environment).await,
        };
        outcome.map_err(
            |error| match failure::has_kind(&error, FailureKind::Interrupted) {
                true => with_hint(error, resume_hint(&intent, written)),
                false => error,
            },
        )
    }
}

/// Returns what was done before an interruption, and the command that goes on.
fn resume_hint(intent: &Intent, written: usize) -> String {
    let change = if intent.remove { "deleted" } else { "applied" };
    let count = match written {
        0 => "no object was".to_owned(),
        1 => "1 object was".to_owned(),
        several => format!("{several} objects were"),
    };
    let mut words = vec!["kubectl", "session", "setup"];
    let is_named = |(part, _): &&(SetupPart, &str)| intent.parts.contains(part);
    if intent.parts.len() < SetupPart::ALL.len() {
        words.extend(
            SetupPart::ALL
                .iter()
                .filter(is_named)
                .map(|(_, name)| *name),
        );
    }
    words.extend(intent.remove.then_some("--remove"));
    words.extend(intent.force.then_some("--force"));
    format!("{count} {change}; to go on: {}", words.join(" "))
}

async fn install(
    cluster: &Cluster,
    intent: &Intent,
    written: &mut usize,
    environment: &mut Environment,
) -> Result<()> {
    let mut mutations = intent.mutation.printer();
    let interrupt = environment.interrupt.clone();
    let options = setup_options(intent, &interrupt);
    let mut parts = intent.parts.clone();
    if parts.contains(&SetupPart::Admission)
        && !interrupt.race(install::serves_admission(cluster)).await?
    {
        environment.console.warn(install::NO_ADMISSION_WARNING);
        parts.retain(|part| *part != SetupPart::Admission);
    }
    if intent.mutation.dry_run == DryRun::None {
        install::try_parts(cluster, &parts, options).await?;
    }
    for part in &parts {
        let console = &mut environment.console;
        let applied = install::apply_part(cluster, *part, options, |object| {
            *written += 1;
            console.print(&mutations.print_result(&object.object, object.change)?)
        });
        let applied = applied.await?;
        if applied.iter().any(|object| object.unchecked) {
            console.note("templates not checked: the server does not serve sessiontemplates yet");
        }
        if let Some(note) = applied.iter().find_map(|one| one.not_compared.as_ref()) {
            console.note(note);
        }
        if let (SetupPart::Crds, Some(limit)) = (part, intent.wait) {
            let mut sink = console.progress();
            let established = install::wait_established(cluster, &applied, limit, &mut sink);
            interrupt.race(established).await?;
        }
    }
    Ok(())
}

fn setup_options<'a>(intent: &'a Intent, interrupt: &'a Interrupt) -> SetupOptions<'a> {
    SetupOptions {
        dry_run: intent.mutation.dry_run,
        write: &intent.mutation.write,
        interrupt,
    }
}

async fn remove(
    cluster: &Cluster,
    intent: &Intent,
    written: &mut usize,
    environment: &mut Environment,
) -> Result<()> {
    let mutations = intent.mutation.printer();
    let interrupt = environment.interrupt.clone();
    let options = setup_options(intent, &interrupt);
    let removes_api = intent.parts.contains(&SetupPart::Crds);
    if removes_api && intent.force {
        let warning = interrupt.race(install::deleted_sessions_warning(cluster));
        if let Some(warning) = warning.await? {
            environment.console.warn(&warning);
        }
    } else if removes_api {
        let (what, fate) = ("cannot remove the API", "would be deleted");
        let checked = install::check_no_sessions(cluster, Scope::All, what, fate);
        interrupt.race(checked).await?;
    }
    let console = &mut environment.console;
    let removed = install::remove_parts(cluster, &intent.parts, options, |resource, object| {
        *written += 1;
        let name = Untyped(object).name();
        console.print(&mutations.print_deleted(resource, name, "", false))
    });
    removed.await?;
    if *written == 0 {
        console.print_error_line(&no_resources_message(None));
    }
    Ok(())
}
