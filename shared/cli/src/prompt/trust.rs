//! Confirmation before stored text of an unknown author is run.

use anyhow::Result;

use crate::report::console::{Console, DELETION_QUESTION};
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
        console.print_line("nothing has been done")?;
        return Ok(false);
    }
    doubt.record_agreement(cluster);
    Ok(true)
}
