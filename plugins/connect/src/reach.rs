//! Reads the session, and waits for it or starts it until it is ready.

use anyhow::{Result, anyhow};
use session_shared::Timestamp;
use session_shared::api::{Phase, Session};
use session_shared::client::interrupt::interrupted;
use session_shared::client::timed_out;
use session_shared::failure::hinted;
use session_shared::objects::resource::SESSION;
use session_shared::ops::Cluster;
use session_shared::ops::Present;
use session_shared::ops::live::installed;
use session_shared::ops::wait::{Waited, Waiting};
use session_shared::progress::{Event, Sink};
use session_shared::reconcile::{
    Seen, Standing, Wanted, is_expired, is_start_asked, look, standing, wanted,
};
use session_shared::report::age::remaining;
use session_shared::verb::Ground;

use crate::intent::{Intent, Way};
use crate::plan;
use crate::wake::wake;

/// Seconds before expiry from which on a note is printed.
const SOON: i64 = 600;

/// Returns the session once it is ready; for `--print -o json` and `--ssh-config`, which open no connection, in any state.
///
/// # Errors
/// The server's refusal; a session that cannot become ready, with the reason and a hint; `TimedOut`.
pub(crate) async fn reach(
    cluster: &Cluster,
    intent: &Intent,
    ground: &mut Ground,
) -> Result<Present> {
    let namespace = cluster.namespace();
    let present = installed(cluster.present(namespace, intent.name.as_str()).await)?;
    if matches!(intent.way, Way::Print { json: true } | Way::SshConfig) {
        return Ok(present);
    }
    let brought = bring_up(cluster, intent, &present, ground).await?;
    let present = brought.unwrap_or(present);
    for stranger in &present.live.strangers {
        ground.console.note(&stranger.told());
    }
    if let Some(left) = soon_over(&present.session, ground.now()) {
        ground.console.note(&format!(
            "session \"{name}\" expires in {left}; to extend: kubectl session extend {name} -n {namespace} --by 1h",
            name = intent.name,
        ));
    }
    Ok(present)
}

/// Waits for a starting session, and starts a stopped one. Returns the session after that; `None` if there was nothing to do.
async fn bring_up(
    cluster: &Cluster,
    intent: &Intent,
    present: &Present,
    ground: &mut Ground,
) -> Result<Option<Present>> {
    let namespace = cluster.namespace();
    let seen = look(&present.session, &present.live, &[]);
    let rests = matches!(seen, Seen::NoWorkload | Seen::Ended { code: 0, .. });
    let now = ground.now();
    let deleted = present.session.metadata.deletion_timestamp.is_some();
    if !deleted && is_expired(&present.session, now) && !is_start_asked(&present.session) {
        let error = expired(cluster, intent, present);
        if rests && intent.start {
            return wake(cluster, intent, present, ground).await.map(Some);
        }
        if !matches!(seen, Seen::Ready { .. }) {
            return Err(error);
        }
        // An expired session runs until it is cleaned up: the user may want to save something.
        ground
            .console
            .warn(&format!("{error}, and may be stopped at any time"));
        return Ok(None);
    }
    let wanted = wanted(&present.session, now);
    let stands = standing(&present.session, wanted, &seen);
    match (stands.phase, &seen) {
        (Phase::Running, _) => Ok(None),
        (Phase::Pending, _) if !intent.wait => {
            let seen = cluster.explain(namespace, seen).await;
            Err(not_yet(intent, &stands, &seen))
        }
        (Phase::Pending, _) => {
            if has_started(present) {
                // An invalid method is reported before the wait.
                plan::entrance(intent, &present.session)?;
            }
            wait(cluster, intent, present, ground).await?;
            // Another process has started the session: only the server knows what that start recorded.
            let now = cluster.present(namespace, intent.name.as_str()).await?;
            Ok(Some(now))
        }
        (Phase::Stopped, _) if rests && intent.start => {
            wake(cluster, intent, present, ground).await.map(Some)
        }
        _ => {
            let seen = cluster.explain(namespace, seen).await;
            Err(refused(cluster, intent, &stands, &seen))
        }
    }
}

/// Returns the remaining time of a session that expires soon.
fn soon_over(session: &Session, now: Timestamp) -> Option<String> {
    let at = session.status.as_ref()?.expires_at.as_deref()?;
    let at: Timestamp = at.parse().ok()?;
    let left = at.as_second() - now.as_second();
    (0 < left && left < SOON).then(|| remaining(Some(at), now))
}

/// Returns why a session will not become ready again; `None` if it may.
pub(crate) fn hopeless(
    cluster: &Cluster,
    intent: &Intent,
    present: &Present,
    now: Timestamp,
) -> Option<anyhow::Error> {
    let seen = look(&present.session, &present.live, &[]);
    let stands = standing(&present.session, wanted(&present.session, now), &seen);
    match stands.phase {
        Phase::Running | Phase::Pending => None,
        _ => Some(refused(cluster, intent, &stands, &seen)),
    }
}

/// Returns true if the status records the connection methods of the current start.
fn has_started(present: &Present) -> bool {
    let status = present.session.status.as_ref();
    status.is_some_and(|status| status.applied.is_some()) && !is_start_asked(&present.session)
}

async fn wait(
    cluster: &Cluster,
    intent: &Intent,
    present: &Present,
    ground: &mut Ground,
) -> Result<()> {
    let (interrupt, now) = (ground.interrupt.clone(), ground.clock());
    let mut sink = ground.console.progress();
    let mut run = Waiting {
        interrupt: &interrupt,
        sink: &mut sink,
        now: &now,
    };
    let waited = cluster
        .wait_ready(
            cluster.namespace(),
            &present.session,
            present.live.owners.clone(),
            intent.limit,
            &mut run,
        )
        .await;
    sink.tell(Event::Done);
    drop(sink);
    match waited? {
        Waited::Settled { seen, .. } => {
            let stands = standing(&present.session, Wanted::Running, &seen);
            match *seen {
                Seen::Ready { .. } => Ok(()),
                seen => Err(refused(cluster, intent, &stands, &seen)),
            }
        }
        Waited::TimedOut(seen) => {
            let error = timed_out(&SESSION, intent.name.as_str());
            let error = match seen.cause() {
                Some(cause) => cause.behind(error),
                None => {
                    let stands = standing(&present.session, Wanted::Running, &seen);
                    hinted(error, stands.message)
                }
            };
            Err(look_at(error, cluster, intent))
        }
        Waited::Interrupted(_) => Err(interrupted()),
    }
}

/// Adds a hint to inspect the session.
fn look_at(error: anyhow::Error, cluster: &Cluster, intent: &Intent) -> anyhow::Error {
    let (name, namespace) = (&intent.name, cluster.namespace());
    hinted(
        error,
        format!("inspect the session: kubectl session status {name} -n {namespace}"),
    )
}

fn not_yet(intent: &Intent, stands: &Standing, seen: &Seen) -> anyhow::Error {
    let what = format!("session \"{}\" is not ready", intent.name);
    let error = match seen.cause() {
        Some(cause) => cause.failing(&what),
        None => anyhow!("{what}: {}", stands.message),
    };
    hinted(error, "omit --wait=false to wait for the session")
}

/// Returns the hint to start the session.
fn start_it(cluster: &Cluster, intent: &Intent) -> String {
    let (name, namespace) = (&intent.name, cluster.namespace());
    format!("start the session: kubectl session start {name} -n {namespace}")
}

fn expired(cluster: &Cluster, intent: &Intent, present: &Present) -> anyhow::Error {
    let status = present.session.status.as_ref();
    let at = status.and_then(|status| status.expires_at.as_deref());
    let error = anyhow!(
        "session \"{}\" expired at {}",
        intent.name,
        at.unwrap_or_default()
    );
    hinted(error, start_it(cluster, intent))
}

/// Returns the error for a session that will not become ready, with a hint.
fn refused(cluster: &Cluster, intent: &Intent, stands: &Standing, seen: &Seen) -> anyhow::Error {
    let name = &intent.name;
    let again = || start_it(cluster, intent);
    let because = |word: &str| match stands.message.as_str() {
        "" => format!("session \"{name}\" {word}"),
        message => format!("session \"{name}\" {word}: {message}"),
    };
    match (stands.phase, seen) {
        (Phase::Terminating, _) => anyhow!("session \"{name}\" is being deleted"),
        (_, Seen::Lost) => hinted(anyhow!(because("is lost")), again()),
        (Phase::Failed, Seen::Hopeless(cause)) => {
            let error = cause.failing(&format!("session \"{name}\" has failed"));
            look_at(error, cluster, intent)
        }
        (
            Phase::Failed,
            Seen::Ended {
                cause: Some(cause), ..
            },
        ) => {
            let error = cause.failing(&format!("session \"{name}\" has failed"));
            hinted(error, again())
        }
        (Phase::Failed, _) => hinted(anyhow!(because("has failed")), again()),
        (_, Seen::Ended { .. }) => {
            hinted(anyhow!("session \"{name}\" {}", stands.message), again())
        }
        _ => hinted(anyhow!(because("is stopped")), again()),
    }
}
