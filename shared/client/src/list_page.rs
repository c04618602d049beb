//! Pages of a LIST: their options, requests and responses, and lists that are wanted only if they fit into one page.

use anyhow::Result;
use serde_json::Value;

use super::api_request::{ApiRequest, JSON};
use super::scope::Scope;
use super::{Cluster, api_paths, read_limits};
use session_model::objects::ResourceType;

/// Default number of objects per page; kubectl's.
const PAGE: u32 = 500;

/// Options of a list or watch. The server does the selection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListOptions {
    /// Label selector; empty for all objects.
    pub label_selector: String,
    /// Field selector; empty for all objects.
    pub field_selector: String,
    /// Objects per page; 0 for one unpaged list.
    pub limit: u32,
    /// If true, any version from the server's cache will do (`resourceVersion=0`), and the list is not paged. A LIST of
    /// the latest version may wait for the server's cache, about 60 ms just after a write.
    pub from_cache: bool,
    /// Version of the same type that the server's cache has to contain for a LIST from it; empty for none.
    pub not_older_than: String,
}

impl Default for ListOptions {
    fn default() -> Self {
        Self {
            label_selector: String::new(),
            field_selector: String::new(),
            limit: PAGE,
            from_cache: false,
            not_older_than: String::new(),
        }
    }
}

impl ListOptions {
    /// Selects objects by a label selector.
    pub fn with_labels(labels: impl Into<String>) -> Self {
        Self {
            label_selector: labels.into(),
            ..Self::default()
        }
    }

    /// Selects objects by a field selector.
    pub fn with_fields(fields: impl Into<String>) -> Self {
        Self {
            field_selector: fields.into(),
            ..Self::default()
        }
    }
}

/// The result of a LIST.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ObjectList {
    /// The objects, each with apiVersion and kind.
    pub items: Vec<Value>,
    /// The resourceVersion from which a watch continues.
    pub resource_version: String,
}

impl Cluster {
    /// Reads the objects of a type in one request; `None` if there are more than one page of them, of which nothing is
    /// then returned.
    ///
    /// # Errors
    /// A Failure.
    pub async fn list_if_one_page(
        &self,
        t: &ResourceType,
        scope: Scope<'_>,
        select: &ListOptions,
    ) -> Result<Option<ObjectList>> {
        let call = page_request(t, scope, select, select.limit, "")?.accept(JSON);
        let (list, next) = split_page(self.send(&call).await?.json()?, t);
        Ok(next.is_empty().then_some(list))
    }
}

/// Splits the response of a LIST into its objects, which get the type that a list leaves out, and the token of the next page;
/// the token is empty on the last page.
pub(super) fn split_page(mut body: Value, t: &ResourceType) -> (ObjectList, String) {
    let items = match body.get_mut("items").map(Value::take) {
        Some(Value::Array(items)) => items,
        _ => Vec::new(),
    };
    let text = |field: &str| {
        body["metadata"][field]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    let list = ObjectList {
        items: items
            .into_iter()
            .map(|item| with_type_meta(item, t))
            .collect(),
        resource_version: text("resourceVersion"),
    };
    (list, text("continue"))
}

/// Returns the request for one page; an empty `token` asks for the first one.
pub(super) fn page_request(
    t: &ResourceType,
    scope: Scope<'_>,
    select: &ListOptions,
    limit: u32,
    token: &str,
) -> Result<ApiRequest> {
    // A read from the cache is not paged by the server.
    let oldest = select.not_older_than.as_str();
    let is_page = limit != 0 && !select.from_cache && oldest.is_empty();
    let most = if is_page {
        read_limits::PAGE_LIMIT
    } else {
        read_limits::LIST_LIMIT
    };
    let limit = if limit == 0 {
        String::new()
    } else {
        limit.to_string()
    };
    let call = ApiRequest::get(api_paths::collection_path(t, scope)?).for_object(t, "");
    let call = add_selectors(call.limit(most), select);
    // A continue token implies the version of its list.
    let (version, how) = match (token.is_empty(), select.from_cache) {
        (false, _) => ("", ""),
        (true, true) => ("0", ""),
        (true, false) if oldest.is_empty() => ("", ""),
        (true, false) => (oldest, "NotOlderThan"),
    };
    let call = call.query("resourceVersion", version);
    let call = call.query("resourceVersionMatch", how);
    Ok(call.query("limit", limit).query("continue", token))
}

/// Adds the selectors to a request.
pub(super) fn add_selectors(call: ApiRequest, select: &ListOptions) -> ApiRequest {
    call.query("labelSelector", select.label_selector.clone())
        .query("fieldSelector", select.field_selector.clone())
}

/// Sets apiVersion and kind, which list items lack and metadata-only reads replace, as the first fields.
pub(super) fn with_type_meta(mut item: Value, t: &ResourceType) -> Value {
    if let Some(map) = item.as_object_mut() {
        map.shift_insert(0, "apiVersion".to_owned(), t.api_version().into());
        map.shift_insert(1, "kind".to_owned(), t.kind.to_string().into());
    }
    item
}
