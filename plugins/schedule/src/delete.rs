//! `schedule delete`.

use anyhow::Result;
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::mutation_options::MutationOptions;
use session_shared::objects::ownership::Ownership;
use session_shared::schedules::{observe_schedule, remove_schedule};
use session_shared::verb::Environment;

use crate::args::ScheduleDeleteArgs;
use crate::target::Target;

/// Deletes the objects of a schedule.
///
/// # Errors
/// Invalid arguments, before any request; a session that does not exist; the server's refusal.
pub(crate) async fn run(
    args: ScheduleDeleteArgs,
    connection: &ConnectionFlags,
    environment: &mut Environment,
) -> Result<()> {
    let ScheduleDeleteArgs {
        selection,
        output,
        write_flags,
    } = args;
    // no requests: validation of the arguments
    let target = Target::parse(&selection, &mut environment.console)?;
    let mutation = MutationOptions::for_names(&write_flags, &output, &mut environment.console)?;
    // reads only
    let cluster = environment.connect(connection).await?;
    let ownership = match &target {
        Target::Session(name) => {
            let namespace = cluster.namespace();
            let found = cluster.get_selected_session(namespace, name).await?;
            Ownership::of_session(&found.session)?
        }
        Target::Selection(_) => target.selection_ownership(&cluster)?,
    };
    let observed = observe_schedule(&cluster, target.parts()).await?;
    // writes and prints
    let selection = target.selection_text();
    let owner = target.owner(&ownership, selection.as_deref());
    remove_schedule(&cluster, &observed, &owner, &mutation, environment).await
}
