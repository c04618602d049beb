//! `list --kept`: data of deleted sessions.

use anyhow::Result;
use serde_json::Value;
use session_shared::Timestamp;
use session_shared::client::ListOptions;
use session_shared::failure::{self, FailureKind};
use session_shared::labels;
use session_shared::names::SessionName;
use session_shared::objects::ResourceType;
use session_shared::objects::Untyped;
use session_shared::objects::kept_data::{holds_data, storage_size};
use session_shared::objects::resource::{
    PERSISTENT_VOLUME_CLAIM, SECRET, SESSION, VOLUME_SNAPSHOT,
};
use session_shared::objects::table::{Row, Table};
use session_shared::objects::volume_snapshot::SnapshotState;
use session_shared::ops::Cluster;
use session_shared::ops::selected_sessions::SelectedSession;
use session_shared::ops::session_objects::with_setup_hint;
use session_shared::reconcile::is_data_of;
use session_shared::report::age;

use crate::intent::Intent;
use crate::observe::list_scope;

/// Column headings, each with true if it is shown without `-o wide`.
const KEPT_COLUMNS: [(&str, bool); 8] = [
    ("Name", true),
    ("Session", true),
    ("User", true),
    ("Template", true),
    ("Size", true),
    ("Kept", true),
    ("State", false),
    ("Class", false),
];

/// Kept data as read from the cluster.
#[derive(Debug, Default)]
pub(crate) struct KeptData {
    /// Data that no session uses.
    pub(crate) objects: Vec<Value>,
    /// Resources that the caller has no permission to list.
    pub(crate) unlistable: Vec<&'static str>,
}

/// Reads claims, snapshots and parameters Secrets, and drops those of existing sessions. Sessions are read last, so that data of a
/// session that is being deleted at the same time is not missed and data of a new session is not listed.
///
/// # Errors
/// Any failure to list, except a missing permission to list one kind of data.
pub(crate) async fn read_kept_data(
    cluster: &Cluster,
    intent: &Intent,
    selector: &str,
) -> Result<KeptData> {
    let select = ListOptions {
        label_selector: selector.to_owned(),
        limit: intent.chunk_size,
        ..ListOptions::default()
    };
    let parameters = ListOptions {
        label_selector: format!("{selector},{}", labels::PARAMETERS),
        ..select.clone()
    };
    let place = list_scope(cluster, intent);
    let (claims, snapshots, secrets) = futures::join!(
        cluster.list(&PERSISTENT_VOLUME_CLAIM, place, &select),
        cluster.list(&VOLUME_SNAPSHOT, place, &select),
        // Metadata only: the values of Secrets are not read.
        cluster.list_metadata(&SECRET, place, &parameters),
    );
    let mut found = KeptData::default();
    for (kind, list) in [
        (&PERSISTENT_VOLUME_CLAIM, claims),
        (&VOLUME_SNAPSHOT, snapshots),
        (&SECRET, secrets),
    ] {
        found.add_list(kind, list.map(|list| list.items))?;
    }
    let sessions = with_setup_hint(cluster.list(&SESSION, place, &ListOptions::default()).await)?;
    let sessions: Vec<SelectedSession> = sessions
        .items
        .into_iter()
        .map(SelectedSession::parse)
        .collect::<Result<_>>()?;
    let query = &intent.query;
    found.objects.retain(|object| {
        is_selected_by_name(object, intent)
            && is_kept(object, &sessions)
            && query.has_owner(Untyped(object).annotation(labels::USER_ID))
            && query.has_template(Untyped(object).annotation(labels::TEMPLATE))
    });
    Ok(found)
}

/// Returns true for data of the given sessions. The server filters by name only where the names fit into a URL.
fn is_selected_by_name(object: &Value, intent: &Intent) -> bool {
    let session = Untyped(object).label(labels::SESSION);
    let is_it = |name: &SessionName| session == Some(name.as_str());
    intent.names.is_empty() || intent.names.iter().any(is_it)
}

impl KeptData {
    /// Adds a list of data. An API that is not served counts as empty; a kind that may not be listed is recorded as unseen.
    fn add_list(&mut self, kind: &'static ResourceType, list: Result<Vec<Value>>) -> Result<()> {
        match list {
            Ok(items) => self.objects.extend(items),
            Err(error) if failure::has_kind(&error, FailureKind::ResourceTypeNotFound) => {}
            Err(error) if failure::has_kind(&error, FailureKind::Forbidden) => {
                self.unlistable.push(&kind.plural)
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

/// Returns true for an object that holds data, is not being deleted and belongs to no existing session.
fn is_kept(object: &Value, sessions: &[SelectedSession]) -> bool {
    let stays = !Untyped(object).is_terminating();
    let namespace = Untyped(object).namespace();
    let uses = |chosen: &SelectedSession| {
        Untyped(&chosen.object).namespace() == namespace && is_data_of(object, &chosen.session)
    };
    stays && holds_data(object) && !sessions.iter().any(uses)
}

/// Returns the Table of kept data, one row for each object.
pub(crate) fn kept_table(found: &[Value], now: Timestamp) -> Table {
    let rows = found.iter().map(|object| kept_row(object, now)).collect();
    Table::from_rows(&KEPT_COLUMNS, rows)
}

fn kept_row(object: &Value, now: Timestamp) -> Row {
    let shown = |text: Option<&str>| {
        let text = text.filter(|text| !text.is_empty());
        Value::from(text.unwrap_or(Untyped::NONE))
    };
    let kind = Untyped(object).kind();
    let name = format!("{}/{}", kind.to_lowercase(), Untyped(object).name());
    let user = Untyped(object)
        .annotation(labels::USER_ID)
        .or_else(|| Untyped(object).label(labels::USER));
    let since = Untyped(object)
        .annotation(labels::KEPT_SINCE)
        .and_then(|since| since.parse().ok());
    let state = match kind {
        "VolumeSnapshot" => match SnapshotState::of(object) {
            SnapshotState::Ready => Some("ready".to_owned()),
            state => Some(state.describe()),
        },
        _ => Untyped(object).str_at("/status/phase").map(str::to_owned),
    };
    let class = ["/spec/storageClassName", "/spec/volumeSnapshotClassName"];
    let class = class
        .into_iter()
        .find_map(|path| Untyped(object).str_at(path));
    let cells = vec![
        Value::from(name),
        shown(Untyped(object).label(labels::SESSION)),
        shown(user),
        shown(Untyped(object).annotation(labels::TEMPLATE)),
        shown(storage_size(object)),
        Value::from(age::age_since(since, now)),
        shown(state.as_deref()),
        shown(class),
    ];
    Row {
        cells,
        object: object.clone(),
    }
}
