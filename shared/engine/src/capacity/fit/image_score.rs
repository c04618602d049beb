//! The scheduler's preference for nodes that have a Pod's images.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::PodSpec;

use super::cluster_nodes::ClusterNode;

/// Sum of image sizes below which a node gets no points.
const LEAST: i64 = 23 << 20;
/// Sum of image sizes for each container from which a node gets all points.
const MOST: i64 = 1000 << 20;

/// Images on nodes: for each node, the size of each image, weighted with the share of nodes that have it.
pub(super) struct ImageSizes(Vec<BTreeMap<String, i64>>);

impl ImageSizes {
    /// Reads the images of the nodes.
    pub(super) fn new(nodes: &[ClusterNode]) -> Self {
        let sizes = |node: &ClusterNode| -> BTreeMap<String, i64> {
            let status = node.node.status.as_ref();
            let images = status.and_then(|status| status.images.as_ref());
            let images = images.into_iter().flatten();
            images
                .flat_map(|image| {
                    let size = image.size_bytes.unwrap_or_default();
                    let names = image.names.iter().flatten();
                    names.map(move |name| (name.clone(), size))
                })
                .collect()
        };
        let mut nodes: Vec<BTreeMap<String, i64>> = nodes.iter().map(sizes).collect();
        let mut counts: BTreeMap<String, i64> = BTreeMap::new();
        for name in nodes.iter().flat_map(BTreeMap::keys) {
            *counts.entry(name.clone()).or_default() += 1;
        }
        let total = nodes.len();
        for images in &mut nodes {
            for (name, size) in images {
                let count = counts.get(name).copied().unwrap_or(1);
                *size = weigh(*size, count, total);
            }
        }
        Self(nodes)
    }

    /// Returns the points of a node for a Pod, 0 to 100.
    pub(super) fn score(&self, spec: &PodSpec, node: usize) -> i64 {
        let containers = spec.containers.iter();
        let containers = containers.chain(spec.init_containers.iter().flatten());
        let (mut count, mut sum) = (0, 0);
        for container in containers {
            count += 1;
            let name = with_tag(container.image.as_deref().unwrap_or_default());
            sum += self.0[node].get(&name).copied().unwrap_or_default();
        }
        let most = MOST * count;
        if most <= LEAST {
            return 0;
        }
        100 * (sum.clamp(LEAST, most) - LEAST) / (most - LEAST)
    }
}

/// Returns the share of a size that a node gets points for: an image that few nodes have attracts fewer Pods there.
fn weigh(size: i64, count: i64, total: usize) -> i64 {
    (size as f64 * (count as f64 / total as f64)) as i64
}

fn with_tag(image: &str) -> String {
    let after_host = image.rsplit('/').next().unwrap_or(image);
    match after_host.contains([':', '@']) {
        true => image.to_owned(),
        false => format!("{image}:latest"),
    }
}
