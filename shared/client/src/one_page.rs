//! Lists that are wanted only if they fit into one page.

use anyhow::Result;
use serde_json::Value;

use super::Cluster;
use super::api_request::JSON;
use super::read::{ListOptions, ObjectList, Scope, page_request, with_type_meta};
use session_model::objects::ResourceType;

impl Cluster {
    /// Reads the objects of a type in one request; `None` if there are more than one page of them, of which nothing is
    /// then returned.
    ///
    /// # Errors
    /// A Failure.
    pub async fn list_if_one_page(
        &self,
        t: &ResourceType,
        place: Scope<'_>,
        select: &ListOptions,
    ) -> Result<Option<ObjectList>> {
        let call = page_request(t, place, select, select.limit, "")?.accept(JSON);
        let mut body = self.send(&call).await?.json()?;
        let metadata = &body["metadata"];
        if metadata["continue"]
            .as_str()
            .is_some_and(|token| !token.is_empty())
        {
            return Ok(None);
        }
        let resource_version = metadata["resourceVersion"].as_str().unwrap_or_default();
        let resource_version = resource_version.to_owned();
        let items = match body.get_mut("items").map(Value::take) {
            Some(Value::Array(items)) => items
                .into_iter()
                .map(|item| with_type_meta(item, t))
                .collect(),
            _ => Vec::new(),
        };
        Ok(Some(ObjectList {
            items,
            resource_version,
        }))
    }
}
