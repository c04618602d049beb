//! The session as it stands, and waited for until it can be entered.

use anyhow::{Result, anyhow};
use session_shared::api::Phase;
use session_shared::cluster::live::installed;
use session_shared::cluster::wait::{Waited, timed_out};
use session_shared::cluster::{Cluster, Present, interrupt::interrupted};
use session_shared::failure::{Hint, hinted};
use session_shared::objects::resource::SESSION;
use session_shared::progress::{Event, Sink};
use session_shared::reconcile::{Seen, Standing, Wanted, is_expired, look, standing, wanted};
use session_shared::verb::Ground;

use crate::intent::Intent;

/// The session, once it can be entered.
///
/// # Errors
/// What the server refuses; a session that cannot be entered, with the reason and the way out; one that does not come up in
/// time.
pub(crate) async fn ready(
    cluster: &Cluster,
    intent: &Intent,
    ground: &mut Ground,
) -> Result<Present> {
    let namespace = cluster.namespace();
    let present = installed(cluster.present(namespace, intent.name.as_str()).await)?;
    let seen = look(&present.session, &present.live, &[]);
    let now = ground.now();
    if is_expired(&present.session, now) && matches!(seen, Seen::Ready { .. }) {
        ground.console.warn(&format!(
            "session \"{}\" has expired: it may be stopped at any time",
            intent.name
        ));
        return Ok(present);
    }
    let wanted = wanted(&present.session, now);
    let stands = standing(&present.session, wanted, &seen);
    match (stands.phase, &seen) {
        (Phase::Running, _) => Ok(present),
        (Phase::Pending, _) if !intent.wait => Err(not_yet(intent, &stands)),
        (Phase::Pending, _) => {
            wait(cluster, intent, &present, ground).await?;
            cluster.present(namespace, intent.name.as_str()).await
        }
        _ => Err(refused(cluster, intent, &stands, wanted, &seen)),
    }
}

async fn wait(
    cluster: &Cluster,
    intent: &Intent,
    present: &Present,
    ground: &mut Ground,
) -> Result<()> {
    let interrupt = ground.interrupt.clone();
    let mut sink = ground.console.progress();
    let waited = cluster
        .wait_ready(
            cluster.namespace(),
            &present.session,
            present.live.owners.clone(),
            intent.limit,
            &interrupt,
            &mut sink,
        )
        .await;
    sink.tell(Event::Done);
    drop(sink);
    match waited? {
        Waited::Settled { seen, .. } => {
            let stands = standing(&present.session, Wanted::Running, &seen);
            match *seen {
                Seen::Ready { .. } => Ok(()),
                seen => Err(refused(cluster, intent, &stands, Wanted::Running, &seen)),
            }
        }
        Waited::TimedOut(seen) => {
            let stands = standing(&present.session, Wanted::Running, &seen);
            Err(timed_out(&SESSION, intent.name.as_str())).hint(stands.message)
        }
        Waited::Interrupted(_) => Err(interrupted()),
    }
}

fn not_yet(intent: &Intent, stands: &Standing) -> anyhow::Error {
    let error = anyhow!(
        "session \"{}\" is not ready: {}",
        intent.name,
        stands.message
    );
    hinted(error, "wait for it: leave out --wait=false")
}

/// Why a session that will not be ready cannot be entered, and the way out of it.
fn refused(
    cluster: &Cluster,
    intent: &Intent,
    stands: &Standing,
    wanted: Wanted,
    seen: &Seen,
) -> anyhow::Error {
    let (name, namespace) = (&intent.name, cluster.namespace());
    let again = format!(
        "make it anew, kept data is taken up again: kubectl session delete {name} -n {namespace}, then kubectl session create {name} -n {namespace} with the same template"
    );
    let because = |word: &str| match stands.message.as_str() {
        "" => format!("session \"{name}\" {word}"),
        message => format!("session \"{name}\" {word}: {message}"),
    };
    match (stands.phase, seen) {
        (Phase::Terminating, _) => anyhow!("session \"{name}\" is being deleted"),
        (_, Seen::Lost) => hinted(anyhow!(because("is lost")), again),
        (Phase::Failed, Seen::Hopeless(cause)) => {
            let error = anyhow!(because("has failed"));
            match &cause.remedy {
                Some(remedy) => hinted(error, remedy.clone()),
                None => error,
            }
        }
        (Phase::Failed, _) => hinted(anyhow!(because("has failed")), again),
        (_, Seen::Ended { .. }) => hinted(anyhow!(because("has ended")), again),
        _ if wanted == Wanted::Stopped => hinted(anyhow!(because("is stopped")), again),
        _ => hinted(anyhow!(because("is stopped")), again),
    }
}
