//! Room for all sessions of a command together, each of which has been checked alone.

use session_shared::ops::Cluster;
use session_shared::ops::namespace_demand::describe_shortfall;
use session_shared::ops::node_demands::{NodeDemands, NodesForAll};
use session_shared::ops::room::CheckedRoom;

use crate::observe::{Observed, SessionTask};
use crate::plan::Action;

/// Number of starts from which on the nodes are counted for all of them: that takes a LIST of the Pods of all nodes.
const COUNTED_TOGETHER: usize = 10;

/// Returns how many of the sessions have room if not all have. It is no error: the starts are independent of each other.
pub(crate) async fn describe_shortage(cluster: &Cluster, observed: &Observed) -> Option<String> {
    let rooms = || observed.sessions().filter_map(starting_room);
    if let Some(shortfall) = describe_shortfall(rooms().map(|(_, room)| room)) {
        return Some(shortfall);
    }
    let knows_nodes = rooms().any(|(_, room)| room.facts.nodes.is_some());
    if rooms().count() < COUNTED_TOGETHER || !knows_nodes {
        return None;
    }
    let mut demands = NodeDemands::of_existing_sessions();
    for (template, room) in rooms() {
        demands.add(room.request.namespace(), template, room.request.objects());
    }
    match demands.check(cluster).await {
        Ok(NodesForAll::Short { message, .. }) => Some(format!(
            "{message}; those without room stay pending until a node has room"
        )),
        // The starts tell what the server refuses.
        _ => None,
    }
}

/// Returns the template of a session that is started, and the room that it takes. A restart takes what it has given up.
fn starting_room(task: &SessionTask) -> Option<(&str, &CheckedRoom)> {
    let room = task.start_plan.as_ref()?.room.as_ref()?;
    let template = task.observed.session.spec.template_name();
    (task.action == Action::Start).then(|| (template.unwrap_or_default(), room))
}
