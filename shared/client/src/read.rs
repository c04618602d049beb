//! Reads: single objects, lists, metadata, Tables.

use anyhow::Result;
use futures::stream::BoxStream;
use futures::{StreamExt, stream};
use http::HeaderMap;
use serde_json::Value;

use super::api_request::{ApiRequest, JSON, METADATA, METADATA_LIST, TABLE};
use super::list_page::{ListOptions, ObjectList, page_request, split_page, with_type_meta};
use super::object::not_found_error;
use super::page_check::PageCheck;
use super::read_limits::invalid_json_error;
use super::scope::{OwnedScope, Scope};
use super::{Cluster, api_paths};
use session_model::failure::{self, Failure, FailureKind};
use session_model::objects::ResourceType;
use session_model::objects::resource::NAMESPACE;
use session_model::objects::table::Table;

/// The part of the object that comes with each row of a Table (`includeObject`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IncludeObject {
    /// No part.
    None,
    /// The metadata; the server's default.
    #[default]
    Metadata,
    /// The whole object.
    Object,
}

impl Cluster {
    /// Reads an object; `None` if it does not exist.
    ///
    /// # Errors
    /// A Failure; of kind NoSuchResource if the type is not served.
    pub async fn get(
        &self,
        t: &ResourceType,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Value>> {
        let call = ApiRequest::get(api_paths::object_path(t, namespace, name)?).for_object(t, name);
        match self.send(&call).await {
            Ok(answer) => Ok(Some(answer.json()?)),
            Err(error) if failure::has_kind(&error, FailureKind::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads apiVersion, kind and metadata of an object; nothing else is requested.
    ///
    /// # Errors
    /// As [`Cluster::get`].
    pub async fn get_metadata(
        &self,
        t: &ResourceType,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Value>> {
        let call = ApiRequest::get(api_paths::object_path(t, namespace, name)?).for_object(t, name);
        match self.send(&call.accept(METADATA)).await {
            Ok(answer) => Ok(Some(only_metadata(with_type_meta(answer.json()?, t)))),
            Err(error) if failure::has_kind(&error, FailureKind::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads all objects of a type, page by page.
    ///
    /// # Errors
    /// A Failure.
    pub async fn list(
        &self,
        t: &ResourceType,
        scope: Scope<'_>,
        select: &ListOptions,
    ) -> Result<ObjectList> {
        self.list_pages(t, scope, select, JSON).await
    }

    /// Reads apiVersion, kind and metadata of all objects of a type.
    ///
    /// # Errors
    /// A Failure.
    pub async fn list_metadata(
        &self,
        t: &ResourceType,
        scope: Scope<'_>,
        select: &ListOptions,
    ) -> Result<ObjectList> {
        self.list_pages(t, scope, select, METADATA_LIST).await
    }

    async fn list_pages(
        &self,
        t: &ResourceType,
        scope: Scope<'_>,
        select: &ListOptions,
        accept: &'static str,
    ) -> Result<ObjectList> {
        let mut list = ObjectList::default();
        let mut token = String::new();
        let mut limit = select.limit;
        let mut paging = PageCheck::new(t);
        loop {
            let call = page_request(t, scope, select, limit, &token)?.accept(accept);
            let (body, memory) = match self.send(&call).await {
                Ok(answer) => answer.json_with_memory()?,
                // The continue token expired: list again without pages, as kubectl does.
                Err(error)
                    if failure::has_kind(&error, FailureKind::Expired)
                        && !token.is_empty()
                        && limit != 0 =>
                {
                    list.items.clear();
                    token.clear();
                    limit = 0;
                    paging = PageCheck::new(t);
                    continue;
                }
                Err(error) => return Err(error),
            };
            let (page, next) = split_page(body, t);
            let goes_on = paging.record_page(page.items.len(), memory, &next)?;
            list.items.extend(page.items);
            list.resource_version = page.resource_version;
            if !goes_on {
                return Ok(list);
            }
            token = next;
        }
    }

    /// Reads one object as a Table of one row; `None` if it does not exist.
    ///
    /// # Errors
    /// As [`Cluster::get`].
    pub async fn get_as_table(
        &self,
        t: &ResourceType,
        namespace: &str,
        name: &str,
        include: IncludeObject,
    ) -> Result<Option<Table>> {
        let call = ApiRequest::get(api_paths::object_path(t, namespace, name)?).for_object(t, name);
        match self.get_table(call, include).await {
            Ok((table, _)) => Ok(Some(table)),
            Err(error) if failure::has_kind(&error, FailureKind::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Returns the error of an object that a GET did not find: as kubectl, that of its Namespace if that is what does not exist.
    pub async fn missing_object_error(
        &self,
        t: &ResourceType,
        namespace: &str,
        name: &str,
    ) -> anyhow::Error {
        // kubectl does not ask about the Namespace that every cluster has.
        let known = namespace.is_empty() || namespace == "default";
        match known || !matches!(self.get(&NAMESPACE, "", namespace).await, Ok(None)) {
            true => not_found_error(t, name),
            false => not_found_error(&NAMESPACE, namespace),
        }
    }

    /// Streams a type's Table page by page: at least one page, even without rows. Ends after an error.
    pub fn list_table_pages(
        &self,
        t: &ResourceType,
        scope: Scope<'_>,
        select: &ListOptions,
        chunk: u32,
        include: IncludeObject,
    ) -> BoxStream<'static, Result<Table>> {
        let first = page_request(t, scope, select, chunk, "");
        let state = first.map(|call| (self.clone(), Some(call), PageCheck::new(t)));
        let (t, scope, select) = (t.clone(), OwnedScope::of(scope), select.clone());
        let pages = stream::try_unfold(
            (state, t, scope, select),
            move |(state, t, scope, select)| async move {
                let (cluster, call, mut paging) = state?;
                let Some(call) = call else { return Ok(None) };
                let (table, memory) = cluster.get_table(call, include).await?;
                let token = table.continue_token().unwrap_or_default();
                let goes_on = paging.record_page(table.rows.len(), memory, token)?;
                let next = goes_on
                    .then(|| page_request(&t, scope.as_scope(), &select, chunk, token))
                    .transpose()?;
                Ok(Some((
                    table,
                    (Ok((cluster, next, paging)), t, scope, select),
                )))
            },
        );
        pages.boxed()
    }

    /// Reads one Table; returns it with its memory in bytes.
    async fn get_table(&self, call: ApiRequest, include: IncludeObject) -> Result<(Table, u64)> {
        let include = match include {
            IncludeObject::None => "None",
            IncludeObject::Metadata => "Metadata",
            IncludeObject::Object => "Object",
        };
        let answer = self
            .send(&call.accept(TABLE).query("includeObject", include))
            .await?;
        let (mut body, memory) = answer.json_with_memory()?;
        if body["kind"] != "Table" {
            return Err(Failure::client_side(
                FailureKind::OtherStatus,
                "the server did not return a Table",
            )
            .into());
        }
        remove_nulls(&mut body);
        let table = serde_json::from_value(body).map_err(|error| invalid_json_error(&error))?;
        Ok((table, memory))
    }

    /// Reads the Scale of an object, of a type with a scale subresource; `None` if the object does not exist.
    ///
    /// # Errors
    /// As [`Cluster::get`].
    pub async fn get_scale(
        &self,
        t: &ResourceType,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Value>> {
        let path = format!("{}/scale", api_paths::object_path(t, namespace, name)?);
        let call = ApiRequest::get(path).for_object(t, name);
        match self.send(&call).await {
            Ok(answer) => Ok(Some(answer.json()?)),
            Err(error) if failure::has_kind(&error, FailureKind::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads any path, including its query; returns body and headers.
    ///
    /// # Errors
    /// A Failure.
    pub async fn get_raw(&self, path: &str) -> Result<(Value, HeaderMap)> {
        let answer = self.send(&ApiRequest::get(path.to_owned())).await?;
        Ok((answer.json()?, answer.headers))
    }
}

/// Drops everything but metadata, for servers that do not support PartialObjectMetadata.
fn only_metadata(mut object: Value) -> Value {
    if let Some(map) = object.as_object_mut() {
        map.retain(|key, _| ["apiVersion", "kind", "metadata"].contains(&key.as_str()));
    }
    object
}

/// Removes null fields, which the server sends for empty lists in a Table.
pub(super) fn remove_nulls(table: &mut Value) {
    if let Some(map) = table.as_object_mut() {
        map.retain(|_, value| !value.is_null());
    }
}
