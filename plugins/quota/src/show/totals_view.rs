//! Totals of sessions, users and namespaces as documents and as a table of these. Pure.
//!
//! A document has what the caller could list; a cell whose figure the document lacks is `<unknown>`.

use std::collections::HashMap;

use serde_json::{Map, Value, json};
use session_shared::Timestamp;
use session_shared::capacity::amount_text::format_amount;
use session_shared::capacity::grouping::Grouping;
use session_shared::capacity::session_pods::SessionObjects;
use session_shared::capacity::session_totals::{Holder, Totals, TotalsRow, is_extended_resource};
use session_shared::objects::Untyped;
use session_shared::objects::resource::SESSION;
use session_shared::objects::table::{Row, Table};
use session_shared::quantity::Quantity;
use session_shared::report::age;

use super::quota_view::UNKNOWN;

/// Name of the row of objects that belong to no session.
const OTHERS: &str = "<others>";
/// Name of the row of a namespace's sessions.
const SESSIONS: &str = "<sessions>";

/// What the rows are made from.
#[derive(Debug)]
pub(super) struct TotalsView<'o> {
    objects: &'o SessionObjects,
    grouping: Grouping,
    /// Sessions by namespace and name.
    sessions: HashMap<(&'o str, &'o str), &'o Value>,
}

impl<'o> TotalsView<'o> {
    /// Returns the view of what was read.
    pub(super) fn new(objects: &'o SessionObjects, grouping: Grouping) -> Self {
        let sessions = objects.sessions.iter().map(|session| {
            let object = Untyped(session);
            ((object.home_namespace(), object.name()), session)
        });
        Self {
            objects,
            grouping,
            sessions: sessions.collect(),
        }
    }

    /// Returns a row as a document: every datum of the table, without what could not be listed.
    pub(super) fn document(&self, row: &TotalsRow) -> Value {
        let totals = &row.totals;
        let mut document = json!({"kind": kind(self.grouping), "metadata": self.metadata(row)});
        if let Holder::Session { user, .. } = &row.holder {
            document["user"] = user.as_str().into();
            document["deleted"] = (totals.sessions == 0).into();
        }
        if self.grouping == Grouping::User {
            document["namespaces"] = json!(totals.namespaces);
        }
        let mut sessions = json!({"count": totals.sessions});
        if self.objects.pods.is_some() {
            sessions["running"] = totals.running.into();
            document["pods"] = totals.pods.into();
            document["requests"] = amounts(totals, "requests.");
            document["limits"] = amounts(totals, "limits.");
        }
        document["sessions"] = sessions;
        if self.objects.claims.is_some() {
            let storage = totals.storage.to_string();
            document["claims"] = json!({"count": totals.claims, "storage": storage});
        }
        if self.objects.snapshots.is_some() {
            let size = totals.snapshot_storage.to_string();
            document["snapshots"] = json!({"count": totals.snapshots, "restoreSize": size, "unknownSize": totals.unsized_snapshots});
        }
        document
    }

    /// Returns the metadata of a document: that of the Session with its labels, where there is one.
    fn metadata(&self, row: &TotalsRow) -> Value {
        let name = match &row.holder {
            Holder::Session { name, .. } | Holder::User(name) => name.as_str(),
            Holder::Sessions => SESSIONS,
            Holder::Others => OTHERS,
        };
        let mut metadata = json!({"name": name});
        if let Some(namespace) = &row.namespace {
            metadata["namespace"] = namespace.as_str().into();
        }
        let key = row.namespace.as_deref().map(|namespace| (namespace, name));
        let exists = row.totals.sessions > 0 && self.grouping == Grouping::Session;
        if let Some(session) = key
            .filter(|_| exists)
            .and_then(|key| self.sessions.get(&key))
        {
            for field in ["labels", "creationTimestamp"] {
                if let Some(value) = session["metadata"].get(field) {
                    metadata[field] = value.clone();
                }
            }
        }
        metadata
    }

    /// Returns the table of documents.
    pub(super) fn table(&self, documents: &[Value], now: Timestamp) -> Table {
        let by_session = self.grouping == Grouping::Session;
        let mut columns = match self.grouping {
            Grouping::Session => vec![("Name", true), ("User", true)],
            Grouping::User => vec![("Name", true), ("Sessions", true)],
            Grouping::Namespace => vec![("Namespace", true), ("Name", true), ("Sessions", true)],
        };
        columns.extend(["Running", "CPU", "Memory", "GPUs"].map(|name| (name, true)));
        columns.extend(["Claims", "Storage", "Snapshots"].map(|name| (name, true)));
        columns.extend(by_session.then_some(("Age", true)));
        columns.extend([("Snapshot-Size", false), ("Pods", false)]);
        columns.extend((self.grouping == Grouping::User).then_some(("Namespaces", false)));
        let rows = documents.iter().map(|document| Row {
            cells: self.cells(document, now),
            object: document.clone(),
        });
        Table::from_rows(&columns, rows.collect())
    }

    fn cells(&self, document: &Value, now: Timestamp) -> Vec<Value> {
        let object = Untyped(document);
        let by_session = self.grouping == Grouping::Session;
        let text = |path: &str| object.str_at(path).unwrap_or(UNKNOWN).to_owned();
        let count = |path: &str| object.at(path).map_or(UNKNOWN.to_owned(), Value::to_string);
        let bytes = |path: &str| match object.str_at(path).map(str::parse) {
            Some(Ok(amount)) => format_amount("storage", &amount),
            _ => UNKNOWN.to_owned(),
        };
        let is_deleted = object.at("/deleted") == Some(&Value::Bool(true));
        let mut cells = Vec::new();
        if self.grouping == Grouping::Namespace {
            cells.push(text("/metadata/namespace"));
        }
        cells.push(text("/metadata/name"));
        cells.push(match by_session {
            true => text("/user"),
            false => count("/sessions/count"),
        });
        cells.push(match count("/sessions/running") {
            _ if is_deleted => "<deleted>".to_owned(),
            running if by_session && running != UNKNOWN => (running != "0").to_string(),
            running => running,
        });
        cells.extend([
            requests_and_limits(document, "cpu"),
            requests_and_limits(document, "memory"),
            devices(document),
            count("/claims/count"),
            bytes("/claims/storage"),
            count("/snapshots/count"),
        ]);
        if by_session {
            cells.push(match is_deleted {
                true => Untyped::NONE.to_owned(),
                false => age::age_since(object.created(), now),
            });
        }
        let unsized_snapshots = object.at("/snapshots/unknownSize").and_then(Value::as_i64);
        let more = if unsized_snapshots > Some(0) {
            "+?"
        } else {
            ""
        };
        cells.push(format!("{}{more}", bytes("/snapshots/restoreSize")));
        cells.push(count("/pods"));
        if self.grouping == Grouping::User {
            let namespaces = object.at("/namespaces").and_then(Value::as_array);
            let names = namespaces.into_iter().flatten().filter_map(Value::as_str);
            cells.push(names.collect::<Vec<_>>().join(","));
        }
        cells.into_iter().map(Value::from).collect()
    }
}

fn kind(grouping: Grouping) -> &'static str {
    match grouping {
        Grouping::Session => "SessionTotals",
        Grouping::User => "UserTotals",
        Grouping::Namespace => "NamespaceTotals",
    }
}

/// Returns the name of a document's object as kubectl takes it: `session.streaming.platform/alice`, `user/alice`, `namespace/lab`; `None`
/// for objects of no session and deleted sessions.
pub(super) fn resource_name(document: &Value) -> Option<String> {
    let object = Untyped(document);
    let name = object.name();
    let is_deleted = object.at("/deleted") == Some(&Value::Bool(true));
    match object.kind() {
        _ if name == OTHERS || is_deleted => None,
        "SessionTotals" => Some(format!("{}/{name}", SESSION.singular())),
        "UserTotals" => Some(format!("user/{name}")),
        _ => Some(format!("namespace/{}", object.home_namespace())),
    }
}

/// Returns the amounts whose names begin with `prefix`, without it.
fn amounts(totals: &Totals, prefix: &str) -> Value {
    let named = totals.resources.iter().filter_map(|(name, amount)| {
        let name = name.strip_prefix(prefix)?;
        Some((name.to_owned(), Value::from(amount.to_string())))
    });
    Value::Object(named.collect::<Map<_, _>>())
}

/// Returns requests and limits of the Pods: `1500m/4`.
fn requests_and_limits(document: &Value, resource: &str) -> String {
    let amount = |part: &str| {
        let amounts = document.get(part)?;
        let amount = amounts.get(resource).and_then(Value::as_str);
        let amount = amount.and_then(|text| text.parse().ok());
        Some(format_amount(resource, &amount.unwrap_or(Quantity::ZERO)))
    };
    match (amount("requests"), amount("limits")) {
        (Some(requests), Some(limits)) => format!("{requests}/{limits}"),
        _ => UNKNOWN.to_owned(),
    }
}

/// Returns the extended resources of the Pods: `nvidia.com/gpu=2`.
fn devices(document: &Value) -> String {
    let Some(requests) = document.get("requests").and_then(Value::as_object) else {
        return UNKNOWN.to_owned();
    };
    let devices = requests.iter().filter_map(|(name, amount)| {
        let amount = amount.as_str().filter(|amount| *amount != "0")?;
        is_extended_resource(name).then(|| format!("{name}={amount}"))
    });
    match devices.collect::<Vec<_>>() {
        none if none.is_empty() => Untyped::NONE.to_owned(),
        devices => devices.join(","),
    }
}
