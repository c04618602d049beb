//! `schedule set`.

use std::collections::BTreeSet;

use anyhow::{Result, anyhow};
use serde_json::Value;
use session_shared::client::{DryRun, random_token};
use session_shared::failure::with_hint;
use session_shared::flags::connection::ConnectionFlags;
use session_shared::objects::ResourceType;
use session_shared::objects::cron_expression::CronExpression;
use session_shared::objects::ownership::Ownership;
use session_shared::ops::session_losses::SessionLosses;
use session_shared::ops::trust::{self, StoredPart};
use session_shared::ops::verb_forms::VerbForms;
use session_shared::ops::{Cluster, Driver, ObservedSession};
use session_shared::prompt::confirmation::Confirmation;
use session_shared::prompt::trust::confirm_trust;
use session_shared::scheduled_run::{
    CronRun, DEFAULT_IMAGE, ScheduleOwner, ScheduledRun, existing_image, existing_time_zone,
    plan_changes,
};
use session_shared::schedules::{observe_schedule, set_schedule};
use session_shared::session_batch::run_concurrently;
use session_shared::verb::Environment;

use crate::args::ScheduleSetArgs;
use crate::intent::{self, SetIntent};
use crate::permissions::RunPermissions;
use crate::target::Target;

/// Maximum seconds of a start, including the image pull.
const MAX_START_SECONDS: u32 = 3600;
/// Maximum seconds of a stop, which may wait 12 hours for the end of an extension.
const MAX_STOP_SECONDS: u32 = 13 * 3600;

/// The forms of scheduled stops.
const STOPS: VerbForms = VerbForms {
    verb: "schedule stops of",
    participle: "scheduled",
    gerund: "each scheduled stop",
    noun: "schedule",
    is_command: false,
};

/// Creates or changes a schedule.
///
/// # Errors
/// Invalid arguments, before any request; a session that does not exist or is not trusted; the server's refusal.
pub(crate) async fn run(
    args: ScheduleSetArgs,
    connection: &ConnectionFlags,
    environment: &mut Environment,
) -> Result<()> {
    // no requests: validation of the arguments
    let intent = intent::parse_intent(args, &mut environment.console)?;
    let target = &intent.target;
    // reads only
    let cluster = environment
        .connect_trusting(connection, intent.trust)
        .await?;
    let sessions = read_sessions(&cluster, target).await?;
    let existing = observe_schedule(&cluster, target.parts()).await?;
    let made = made_types(&cluster, &sessions).await?;
    // confirmation
    if !confirm(&cluster, &intent, &sessions, environment).await? {
        return Ok(());
    }
    // plan
    let ownership = match (target, sessions.first()) {
        (Target::Session(_), Some(session)) => Ownership {
            command_token: random_token()?,
            ..session.ownership()?.clone()
        },
        _ => target.selection_ownership(&cluster)?,
    };
    let selection = target.selection_text();
    let owner = target.owner(&ownership, selection.as_deref());
    let image = intent.image.as_deref().or(existing_image(&existing));
    let image = image.unwrap_or(DEFAULT_IMAGE);
    let scheduled = ScheduledRun {
        owner,
        account: target.object_name("clock"),
        file: None,
        rules: rules(&intent, &owner, &sessions, &made),
        runs: runs(&intent, &sessions),
        time_zone: intent.time_zone.or(existing_time_zone(&existing)),
        image,
    };
    let planned = plan_changes(scheduled.render(), &existing, &owner)?;
    // writes and prints
    let commands = target.commands(cluster.namespace(), image);
    let mutation = &intent.mutation;
    set_schedule(&cluster, planned, &owner, &commands, mutation, environment).await?;
    if sessions.is_empty() {
        let note = "no session is selected now; sessions that are created later are";
        environment.console.note(note);
    }
    Ok(())
}

/// Returns the rules of the Role.
fn rules(
    intent: &SetIntent,
    owner: &ScheduleOwner<'_>,
    sessions: &[ObservedSession],
    made: &[ResourceType],
) -> Vec<Value> {
    let is_selection = owner.selection.is_some();
    // Of a session that is stopped now, too: a later stop runs them.
    let mut hooks = sessions.iter().map(|one| trust::hooks_digest(&one.session));
    let ownership = owner.ownership;
    let primary = ownership.primary.as_ref();
    let permissions = RunPermissions {
        session: (!is_selection).then_some(ownership.session.as_str()),
        made,
        runs_hooks: intent.stop.is_some()
            && !intent.skip_sync
            && (is_selection || hooks.any(|digest| digest.is_some())),
        pod: primary
            .filter(|primary| primary.kind == "Pod")
            .map(|primary| primary.name.as_str()),
        starts: intent.start.is_some(),
    };
    permissions.rules()
}

/// Reads the sessions that the schedule would act on now.
async fn read_sessions(cluster: &Cluster, target: &Target) -> Result<Vec<ObservedSession>> {
    let selection = target.selection();
    let selected = cluster.get_selected_sessions(cluster.namespace(), &selection);
    // The objects are the same with and without a controller, so no Lease is read.
    let reads = selected.await?.into_iter().map(async |selected| {
        let selected = selected?;
        selected.ensure_not_deleting()?;
        ObservedSession::read(cluster, selected, Driver::Client).await
    });
    run_concurrently(reads).await.into_iter().collect()
}

/// Returns the types of the objects that the sessions' last starts made.
async fn made_types(cluster: &Cluster, sessions: &[ObservedSession]) -> Result<Vec<ResourceType>> {
    let applied = sessions.iter().filter_map(|one| one.session.applied());
    let objects = applied.flat_map(|applied| &applied.objects);
    let kinds: BTreeSet<(&str, &str)> = objects
        .map(|object| (object.api_version.as_str(), object.kind.as_str()))
        .collect();
    cluster.discover_resources(kinds).await
}

/// Asks about data that the stops destroy, and about text of the session that another user may have written. A selection is made
/// at each run, when nobody can be asked.
async fn confirm(
    cluster: &Cluster,
    intent: &SetIntent,
    sessions: &[ObservedSession],
    environment: &mut Environment,
) -> Result<bool> {
    let console = &mut environment.console;
    let losses: Vec<SessionLosses> = match intent.stop {
        Some(_) => sessions.iter().map(SessionLosses::of_stop).collect(),
        None => Vec::new(),
    };
    if intent.mutation.dry_run != DryRun::None {
        for what in losses.iter().flat_map(|one| &one.destroyed) {
            console.print_error_line(&format!("destroyed by each stop: {what}"));
        }
    } else if !Confirmation::for_data_loss(STOPS, intent.yes).ask(&losses, console)? {
        return Ok(false);
    }
    let Target::Session(_) = &intent.target else {
        return require_policy(cluster, intent).await.map(|()| true);
    };
    for observed in sessions {
        let runs_hooks = intent.stop.is_some() && !intent.skip_sync;
        let parts = [
            (runs_hooks, StoredPart::Hooks),
            (intent.start.is_some(), StoredPart::Start),
        ];
        for (_, part) in parts.into_iter().filter(|(runs, _)| *runs) {
            if !confirm_trust(cluster, &observed.session, part, console).await? {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// Checks that starts of a selection would not all be refused.
async fn require_policy(cluster: &Cluster, intent: &SetIntent) -> Result<()> {
    if intent.start.is_none() || cluster.admission_policy_since().await?.is_some() {
        return Ok(());
    }
    let error = anyhow!(
        "cannot schedule starts of a selection: the admission policy, which keeps others from changing what the sessions run, is not installed"
    );
    let error = with_hint(error, "have an admin install it: kubectl session setup");
    Err(with_hint(
        error,
        "or give each session a schedule of its own",
    ))
}

/// Returns the commands of the CronJobs.
fn runs(intent: &SetIntent, sessions: &[ObservedSession]) -> Vec<CronRun> {
    let target = &intent.target;
    let session = match target {
        Target::Session(_) => sessions.first().map(|observed| &observed.session),
        Target::Selection(_) => None,
    };
    let run = |verb: &'static str, cron: &CronExpression, seconds, flags: Vec<String>| CronRun {
        name: target.object_name(verb),
        container: verb,
        cron: cron.to_string(),
        args: [vec![verb.to_owned()], target.words(), flags].concat(),
        max_seconds: seconds,
    };
    let stop = intent.stop.as_ref().map(|cron| {
        let mut flags = vec!["--yes".to_owned(), "--after-extension".to_owned()];
        flags.extend(intent.skip_sync.then(|| "--skip-sync".to_owned()));
        let hooks = session.and_then(trust::hooks_digest);
        let hooks = hooks.filter(|_| !intent.skip_sync);
        flags.extend(hooks.map(|digest| format!("--known-hooks={digest}")));
        run("stop", cron, MAX_STOP_SECONDS, flags)
    });
    let start = intent.start.as_ref().map(|cron| {
        let known = session.map(|session| {
            let digest = trust::start_digest(session);
            format!("--known-values={digest}")
        });
        run(
            "start",
            cron,
            MAX_START_SECONDS,
            known.into_iter().collect(),
        )
    });
    stop.into_iter().chain(start).collect()
}
