//! The user's word, before something is run that nobody vouches for.

use anyhow::Result;

use crate::report::console::{Console, DELETION_QUESTION};
use session_model::api::Session;
use session_ops::Cluster;
use session_ops::trust::{self, Part};

/// As [`trust::check`], but shows what is in doubt and asks where there is a terminal. False if the answer was no, which has been
/// told. An agreement is remembered.
///
/// # Errors
/// As [`trust::check`], where nobody can be asked.
pub async fn ask(
    cluster: &Cluster,
    session: &Session,
    part: Part,
    console: &mut Console,
) -> Result<bool> {
    if !console.can_ask() {
        return trust::check(cluster, session, part).await.map(|()| true);
    }
    let Some(doubt) = trust::doubted(cluster, session, part).await? else {
        return Ok(true);
    };
    if !cluster.known().trusts_all()
        && !console.confirm(&doubt.question(cluster), DELETION_QUESTION)?
    {
        console.line("nothing has been done")?;
        return Ok(false);
    }
    doubt.agree(cluster);
    Ok(true)
}
