//! Types that the server serves: one discovery request for each group version, however many of its kinds are looked up.

use anyhow::Result;
use serde_json::Value;

use super::api_request::ApiRequest;
use super::discovered::ServedTypes;
use super::read_limits::DISCOVERY_LIMIT;
use super::{Cluster, api_paths};
use session_model::failure;
use session_model::objects::{ResourceType, Untyped};

impl Cluster {
    /// Returns the resource type of a kind: well-known kinds without a request, others by one discovery request for all kinds of their
    /// group version. `None` if the server does not serve it.
    ///
    /// # Errors
    /// A Failure.
    pub async fn discover_resource(
        &self,
        api_version: &str,
        kind: &str,
    ) -> Result<Option<ResourceType>> {
        if let Some(known) = ResourceType::find_known(api_version, kind) {
            return Ok(Some(known.clone()));
        }
        let found = self.discover_scalable(api_version, kind).await?;
        Ok(found.map(|(resource, _)| resource))
    }

    /// Returns the resource types of kinds, each given by apiVersion and kind, as [`Cluster::discover_resource`]; kinds that the server
    /// does not serve are left out.
    ///
    /// # Errors
    /// A Failure.
    pub async fn discover_resources<'k>(
        &self,
        kinds: impl IntoIterator<Item = (&'k str, &'k str)>,
    ) -> Result<Vec<ResourceType>> {
        let mut types = Vec::new();
        for (api_version, kind) in kinds {
            types.extend(self.discover_resource(api_version, kind).await?);
        }
        Ok(types)
    }

    /// Returns the resource type of a kind, and whether it has a scale subresource, by one discovery request for all kinds of its group
    /// version. `None` if the server does not serve it. A group version is read again only for a missing kind, and only after this
    /// process has written a definition.
    ///
    /// # Errors
    /// A Failure. It is not kept: the next call sends the request again.
    pub async fn discover_scalable(
        &self,
        api_version: &str,
        kind: &str,
    ) -> Result<Option<(ResourceType, bool)>> {
        let discovered = &self.inner.discovered;
        let find = |types: &ServedTypes| {
            let mut types = types.iter();
            types.find(|(known, _)| known.kind == kind).cloned()
        };
        let version = discovered.version(api_version);
        let is_read_before = version.get().is_some();
        let types = version.get_or_try_init(|| self.read_served_types(api_version));
        let found = find(types.await?);
        let is_changing = discovered.is_changing();
        if found.is_some() || !is_read_before || !is_changing {
            return Ok(found);
        }
        let types = self.read_served_types(api_version).await?;
        let found = find(&types);
        discovered.replace(api_version, types);
        Ok(found)
    }

    async fn read_served_types(&self, api_version: &str) -> Result<ServedTypes> {
        let call = ApiRequest::get(api_paths::api_root(api_version)).limit(DISCOVERY_LIMIT);
        let body: Value = match self.send(&call).await {
            Ok(answer) => answer.json()?,
            Err(error)
                if failure::find_failure(&error).is_some_and(|failure| failure.code == 404) =>
            {
                return Ok(Vec::new());
            }
            Err(error) => return Err(error),
        };
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let resources = || Untyped(&body).items_at("/resources");
        let names = resources().filter_map(|resource| resource.str_at("/name"));
        let names: Vec<&str> = names.collect();
        let types = resources().filter_map(|resource| {
            let (plural, kind) = (resource.str_at("/name")?, resource.str_at("/kind")?);
            let scale = format!("{plural}/scale");
            let resource = ResourceType {
                group: group.to_owned().into(),
                version: version.to_owned().into(),
                kind: kind.to_owned().into(),
                plural: plural.to_owned().into(),
                namespaced: resource.0["namespaced"] == true,
            };
            (!plural.contains('/')).then(|| (resource, names.contains(&scale.as_str())))
        });
        Ok(types.collect())
    }
}
