//! Reading: one object, many, their metadata, rows as the server prints them, and types.

use anyhow::Result;
use futures::stream::BoxStream;
use futures::{StreamExt, stream};
use http::HeaderMap;
use serde_json::Value;

use super::answer::unreadable;
use super::limits::{self, DISCOVERY};
use super::paging::Paging;
use super::request::{Call, JSON, METADATA, METADATA_LIST, TABLE};
use super::{Cluster, paths};
use session_model::failure::{self, Failure, Kind};
use session_model::objects::ResourceType;
use session_model::objects::table::Table;

/// Objects a page, where nobody says otherwise; as kubectl.
const PAGE: u32 = 500;

/// Where objects are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place<'a> {
    /// In all namespaces.
    All,
    /// In one namespace.
    Namespace(&'a str),
    /// For types whose objects live in none.
    Cluster,
}

/// Which objects are meant. The server selects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// Label selector, empty for all.
    pub labels: String,
    /// Field selector, empty for all.
    pub fields: String,
    /// Objects a page; 0 for all at once.
    pub limit: u32,
    /// Whatever the server has at hand will do (`resourceVersion=0`), all at once: a LIST of the newest state may wait for
    /// the server's cache, some 60 ms just after a write.
    pub at_hand: bool,
}

impl Default for Selection {
    fn default() -> Self {
        Self {
            labels: String::new(),
            fields: String::new(),
            limit: PAGE,
            at_hand: false,
        }
    }
}

impl Selection {
    /// Objects with these labels.
    pub fn labelled(labels: impl Into<String>) -> Self {
        Self {
            labels: labels.into(),
            ..Self::default()
        }
    }

    /// Objects with these fields.
    pub fn with_fields(fields: impl Into<String>) -> Self {
        Self {
            fields: fields.into(),
            ..Self::default()
        }
    }
}

/// What a LIST gave.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct List {
    /// The objects, each with apiVersion and kind.
    pub items: Vec<Value>,
    /// Where a watch may go on.
    pub resource_version: String,
}

/// What comes with each row of a Table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IncludeObject {
    /// Nothing.
    None,
    /// The object's metadata; the server's default.
    #[default]
    Metadata,
    /// The whole object.
    Object,
}

impl Cluster {
    /// An object; `None` if there is no such object.
    ///
    /// # Errors
    /// A Failure; of kind NoSuchResource where the type itself is not served.
    pub async fn get(
        &self,
        t: &ResourceType,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Value>> {
        let call = Call::get(paths::object(t, namespace, name)?).about(t, name);
        match self.call(&call).await {
            Ok(answer) => Ok(Some(answer.json()?)),
            Err(error) if failure::is(&error, Kind::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// As [`Cluster::get`], but only apiVersion, kind and metadata: what else is in it is not even asked for.
    ///
    /// # Errors
    /// As [`Cluster::get`].
    pub async fn get_metadata(
        &self,
        t: &ResourceType,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Value>> {
        let call = Call::get(paths::object(t, namespace, name)?).about(t, name);
        match self.call(&call.accept(METADATA)).await {
            Ok(answer) => Ok(Some(only_metadata(typed(answer.json()?, t)))),
            Err(error) if failure::is(&error, Kind::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// All objects of a type, page after page.
    ///
    /// # Errors
    /// A Failure.
    pub async fn list(
        &self,
        t: &ResourceType,
        place: Place<'_>,
        select: &Selection,
    ) -> Result<List> {
        self.pages(t, place, select, JSON).await
    }

    /// As [`Cluster::list`], but of each object only apiVersion, kind and metadata.
    ///
    /// # Errors
    /// A Failure.
    pub async fn list_metadata(
        &self,
        t: &ResourceType,
        place: Place<'_>,
        select: &Selection,
    ) -> Result<List> {
        self.pages(t, place, select, METADATA_LIST).await
    }

    async fn pages(
        &self,
        t: &ResourceType,
        place: Place<'_>,
        select: &Selection,
        accept: &'static str,
    ) -> Result<List> {
        let mut list = List::default();
        let mut token = String::new();
        let mut limit = select.limit;
        let mut paging = Paging::of(t);
        loop {
            let call = page(t, place, select, limit, &token)?.accept(accept);
            let (mut body, memory) = match self.call(&call).await {
                Ok(answer) => answer.measured()?,
                // The pages took longer than the server remembers: once more, all at once, as kubectl does.
                Err(error)
                    if failure::is(&error, Kind::Expired) && !token.is_empty() && limit != 0 =>
                {
                    list.items.clear();
                    token.clear();
                    limit = 0;
                    paging = Paging::of(t);
                    continue;
                }
                Err(error) => return Err(error),
            };
            let before = list.items.len();
            if let Some(Value::Array(items)) = body.get_mut("items").map(Value::take) {
                list.items
                    .extend(items.into_iter().map(|item| typed(item, t)));
            }
            let metadata = &body["metadata"];
            list.resource_version = metadata["resourceVersion"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
            token = metadata["continue"].as_str().unwrap_or_default().to_owned();
            if !paging.take(list.items.len() - before, memory, &token)? {
                return Ok(list);
            }
        }
    }

    /// The rows the server prints for a type, page by page: at least one page, even if it has no rows. Ends after an error.
    pub fn table_pages(
        &self,
        t: &ResourceType,
        place: Place<'_>,
        select: &Selection,
        chunk: u32,
        include: IncludeObject,
    ) -> BoxStream<'static, Result<Table>> {
        let first = page(t, place, select, chunk, "");
        let state = first.map(|call| (self.clone(), Some(call), Paging::of(t)));
        let (t, place, select) = (t.clone(), Owned::of(place), select.clone());
        let pages = stream::try_unfold(
            (state, t, place, select),
            move |(state, t, place, select)| async move {
                let (cluster, call, mut paging) = state?;
                let Some(call) = call else { return Ok(None) };
                let (table, memory) = cluster.table(call, include).await?;
                let token = table.continue_token().unwrap_or_default();
                let goes_on = paging.take(table.rows.len(), memory, token)?;
                let next = goes_on
                    .then(|| page(&t, place.get(), &select, chunk, token))
                    .transpose()?;
                Ok(Some((
                    table,
                    (Ok((cluster, next, paging)), t, place, select),
                )))
            },
        );
        pages.boxed()
    }

    /// A Table, and the memory it takes.
    async fn table(&self, call: Call, include: IncludeObject) -> Result<(Table, u64)> {
        let include = match include {
            IncludeObject::None => "None",
            IncludeObject::Metadata => "Metadata",
            IncludeObject::Object => "Object",
        };
        let answer = self
            .call(&call.accept(TABLE).with("includeObject", include))
            .await?;
        let (mut body, memory) = answer.measured()?;
        if body["kind"] != "Table" {
            return Err(
                Failure::local(Kind::Server, "the server did not answer with a Table").into(),
            );
        }
        without_nulls(&mut body);
        let table = serde_json::from_value(body).map_err(|error| unreadable(&error))?;
        Ok((table, memory))
    }

    /// The type of objects of a kind: known ones at once, others by one request; `None` if the server has none.
    ///
    /// # Errors
    /// A Failure.
    pub async fn discover(&self, api_version: &str, kind: &str) -> Result<Option<ResourceType>> {
        if let Some(known) = ResourceType::of_kind(api_version, kind) {
            return Ok(Some(known.clone()));
        }
        let types = Call::get(paths::root(api_version)).at_most(DISCOVERY);
        let body = match self.call(&types).await {
            Ok(answer) => answer.json()?,
            Err(error) if failure::of(&error).is_some_and(|failure| failure.code == 404) => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let mut resources = body["resources"].as_array().into_iter().flatten();
        let found = resources.find(|resource| {
            resource["kind"] == kind
                && resource["name"]
                    .as_str()
                    .is_some_and(|name| !name.contains('/'))
        });
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        Ok(found.map(|resource| ResourceType {
            group: group.to_owned().into(),
            version: version.to_owned().into(),
            kind: kind.to_owned().into(),
            plural: resource["name"]
                .as_str()
                .unwrap_or_default()
                .to_owned()
                .into(),
            namespaced: resource["namespaced"] == true,
        }))
    }

    /// A GET of any path, with its query: body and headers.
    ///
    /// # Errors
    /// A Failure.
    pub async fn raw_get(&self, path: &str) -> Result<(Value, HeaderMap)> {
        let answer = self.call(&Call::get(path.to_owned())).await?;
        Ok((answer.json()?, answer.headers))
    }
}

fn page(
    t: &ResourceType,
    place: Place<'_>,
    select: &Selection,
    limit: u32,
    token: &str,
) -> Result<Call> {
    // Where the newest state is not asked for, everything comes at once.
    let is_page = limit != 0 && !select.at_hand;
    let most = if is_page { limits::PAGE } else { limits::LIST };
    let limit = if limit == 0 {
        String::new()
    } else {
        limit.to_string()
    };
    let call = Call::get(paths::collection(t, place)?).about(t, "");
    let call = selecting(call.at_most(most), select);
    // A page that continues another is of that one's version.
    let version = if select.at_hand && token.is_empty() {
        "0"
    } else {
        ""
    };
    let call = call.with("resourceVersion", version);
    Ok(call.with("limit", limit).with("continue", token))
}

/// Puts the selectors into a request.
pub(super) fn selecting(call: Call, select: &Selection) -> Call {
    call.with("labelSelector", select.labels.clone())
        .with("fieldSelector", select.fields.clone())
}

/// A server that does not know how to leave the rest out sends it: it goes no further.
fn only_metadata(mut object: Value) -> Value {
    if let Some(map) = object.as_object_mut() {
        map.retain(|key, _| ["apiVersion", "kind", "metadata"].contains(&key.as_str()));
    }
    object
}

/// The items of a list do not say what they are, and metadata alone says something else: here each says it, first of all.
fn typed(mut item: Value, t: &ResourceType) -> Value {
    if let Some(map) = item.as_object_mut() {
        map.shift_insert(0, "apiVersion".to_owned(), t.api_version().into());
        map.shift_insert(1, "kind".to_owned(), t.kind.to_string().into());
    }
    item
}

/// The server writes null for empty lists in a Table.
pub(super) fn without_nulls(table: &mut Value) {
    if let Some(map) = table.as_object_mut() {
        map.retain(|_, value| !value.is_null());
    }
}

/// A place that outlives its names.
pub(super) enum Owned {
    All,
    Namespace(String),
    Cluster,
}

impl Owned {
    pub(super) fn of(place: Place<'_>) -> Self {
        match place {
            Place::All => Self::All,
            Place::Namespace(namespace) => Self::Namespace(namespace.to_owned()),
            Place::Cluster => Self::Cluster,
        }
    }

    pub(super) fn get(&self) -> Place<'_> {
        match self {
            Self::All => Place::All,
            Self::Namespace(namespace) => Place::Namespace(namespace),
            Self::Cluster => Place::Cluster,
        }
    }
}
