//! Confirmation before stored text of an unknown author is run.

use anyhow::Result;

use crate::report::console::{Console, DELETION_QUESTION, cancelled_text};
use session_client::DryRun;
use session_model::api::Session;
use session_ops::Cluster;
use session_ops::trust::{self, StoredPart};

/// As [`trust::check_trust`], but shows untrusted text and asks for confirmation on a terminal. Returns false if the user declined, after
/// saying so. A confirmation is recorded on this machine.
///
/// # Errors
/// As [`trust::check_trust`], without a terminal.
pub async fn confirm_trust(
    cluster: &Cluster,
    session: &Session,
    part: StoredPart,
    console: &mut Console,
) -> Result<bool> {
    if !console.can_prompt() {
        return trust::check_trust(cluster, session, part)
            .await
            .map(|()| true);
    }
    let Some(doubt) = trust::find_untrusted_text(cluster, session, part).await? else {
        return Ok(true);
    };
    if !cluster.known_sessions().trusts_all()
        && !console.confirm(&doubt.question(cluster), DELETION_QUESTION)?
    {
        console.print_line(&cancelled_text("operation"))?;
        return Ok(false);
    }
    doubt.record_agreement(cluster);
    Ok(true)
}

/// Asks as [`confirm_trust`] does before an operation on one session that may run its hooks; a dry run runs none.
///
/// # Errors
/// As [`trust::check_trust`], without a terminal.
pub async fn confirm_hooks(
    cluster: &Cluster,
    session: &Session,
    runs_hooks: bool,
    dry_run: DryRun,
    console: &mut Console,
) -> Result<bool> {
    if !runs_hooks || dry_run != DryRun::None {
        return Ok(true);
    }
    confirm_trust(cluster, session, StoredPart::Hooks, console).await
}
