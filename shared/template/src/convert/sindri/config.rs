//! Reading and checking of a sindri.yaml.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use session_model::names::check_dns_label;
use session_model::quantity::Quantity;

use super::super::super::node::Node;
use super::super::fields::{FieldReader, check_image, location, value};
use super::header::{check_provider, check_version, read_name};
use super::ingress::{Ingress, read_ingress};
use super::secrets::{self, Secret};
use super::sizes::{half, parse_cpus, parse_size};

const ROOT: &[&str] = &[
    "version",
    "name",
    "deployment",
    "extensions",
    "secrets",
    "providers",
    "environment",
];
const DEPLOYMENT: &[&str] = &[
    "provider",
    "image",
    "imagePullPolicy",
    "resources",
    "volumes",
    "environment",
];
const EXTENSIONS: &[&str] = &[
    "profile",
    "active",
    "additional",
    "auto_install",
    "autoInstall",
];
const PROVIDERS: &[&str] = &[
    "kubernetes",
    "k8s",
    "docker",
    "docker-compose",
    "fly",
    "devpod",
    "e2b",
    "northflank",
    "runpod",
    "kind",
    "k3d",
];
const KUBERNETES: &[&str] = &[
    "namespace",
    "context",
    "storageClass",
    "image",
    "imagePullPolicy",
    "environment",
    "serviceType",
    "ingressEnabled",
    "ingressHost",
    "ingressClass",
    "ingressPort",
    "ingress",
    "nodeSelector",
    "tolerations",
    "secretName",
    "resourceQuota",
    "prometheusEnabled",
    "metricsPort",
];

/// A checked sindri.yaml. Where a value has a problem, the reader knows it, and the field is absent.
#[derive(Debug, Default)]
pub(super) struct SindriConfig {
    pub(super) name: Option<String>,
    pub(super) namespace: Option<String>,
    pub(super) context: Option<String>,
    /// Values of the template's parameters.
    pub(super) parameters: BTreeMap<&'static str, String>,
    pub(super) image_pull_policy: Option<String>,
    pub(super) storage_class: Option<String>,
    pub(super) ingress: Option<Ingress>,
    pub(super) metrics_port: Option<u64>,
    pub(super) node_selector: Vec<(String, String)>,
    pub(super) tolerations: Vec<Value>,
    pub(super) gpu: Option<Gpu>,
    pub(super) environment: Vec<(String, String)>,
    /// Data of the ConfigMap.
    pub(super) extensions: BTreeMap<&'static str, String>,
    /// Existing Secret whose keys are environment variables.
    pub(super) secret_name: Option<String>,
    pub(super) secrets: Vec<Secret>,
    pub(super) quota: BTreeMap<String, String>,
    pub(super) container_defaults: BTreeMap<String, String>,
}

/// GPUs of the container.
#[derive(Debug)]
pub(super) struct Gpu {
    pub(super) resource: &'static str,
    pub(super) count: u64,
}

impl SindriConfig {
    /// Reads a file's root.
    pub(super) fn read(reader: &mut FieldReader<'_>, root: Option<&Node>) -> Self {
        if let Some(root) = root {
            reader.warn_unknown_keys(root, "", ROOT);
        }
        let mut config = Self {
            extensions: BTreeMap::from([("INIT_WORKSPACE", "true".to_owned())]),
            ..Self::default()
        };
        check_version(reader, root);
        config.name = read_name(reader, root);
        let deployment = reader.section(root, "deployment", DEPLOYMENT);
        let providers = reader.section(root, "providers", PROVIDERS);
        if deployment.is_none() {
            let message = "no deployment: Sindri's defaults of 2GB, 1 CPU and 10GB apply";
            reader.warn(location(root, "deployment"), message.to_owned(), "");
        }
        let kubernetes = reader.section(providers, "kubernetes", KUBERNETES);
        check_provider(reader, root, deployment, kubernetes.is_some());
        config.read_deployment(reader, deployment);
        config.read_extensions(reader, root);
        config.read_kubernetes(reader, kubernetes);
        for section in [root, deployment, kubernetes] {
            let found = reader.text_map(section, "environment");
            config.environment.extend(found);
        }
        config.secrets = secrets::read_list(reader, root);
        config.check_secret_names(reader, root, kubernetes);
        config
    }

    fn read_deployment(&mut self, reader: &mut FieldReader<'_>, deployment: Option<&Node>) {
        self.read_image(reader, deployment);
        let resources = reader.section(deployment, "resources", &["memory", "cpus", "gpu"]);
        let memory = quantity(reader, resources, "memory", "2GB", parse_size);
        let cpus = quantity(reader, resources, "cpus", "1", parse_cpus);
        let volumes = reader.section(deployment, "volumes", &["workspace"]);
        let workspace = reader.section(volumes, "workspace", &["path", "size"]);
        let size = quantity(reader, workspace, "size", "10GB", parse_size);
        for (limit, of_limit, of_request) in [
            (memory, "MEMORY_LIMIT", "MEMORY_REQUEST"),
            (cpus, "CPU_LIMIT", "CPU_REQUEST"),
        ] {
            if let Some(limit) = limit {
                self.parameters.insert(of_limit, limit.to_string());
                self.parameters.insert(of_request, half(&limit).to_string());
            }
        }
        let path = reader.checked(workspace, "path", |path| {
            let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
            match path.starts_with('/') && path.chars().all(is_plain) {
                true => Ok(()),
                false => Err("must be an absolute path".to_owned()),
            }
        });
        self.parameters
            .extend(size.map(|size| ("STORAGE", size.to_string())));
        self.parameters
            .extend(path.map(|path| ("WORKSPACE_PATH", path)));
        self.read_gpu(reader, resources);
    }

    fn read_image(&mut self, reader: &mut FieldReader<'_>, section: Option<&Node>) {
        let image = reader.checked(section, "image", check_image);
        self.parameters.extend(image.map(|image| ("IMAGE", image)));
        let policy = one_of(
            reader,
            section,
            "imagePullPolicy",
            &["Always", "IfNotPresent", "Never"],
        );
        self.image_pull_policy = policy.or(self.image_pull_policy.take());
    }

    fn read_gpu(&mut self, reader: &mut FieldReader<'_>, resources: Option<&Node>) {
        let gpu = reader.section(
            resources,
            "gpu",
            &["enabled", "type", "count", "tier", "memory"],
        );
        let kind = one_of(reader, gpu, "type", &["nvidia", "amd"]);
        let count = reader.number(gpu, "count", 1..=8);
        const TIERS: [(&str, &str); 4] = [
            ("gpu-small", "nvidia-tesla-t4"),
            ("gpu-medium", "nvidia-a10g"),
            ("gpu-large", "nvidia-l40s"),
            ("gpu-xlarge", "nvidia-a100"),
        ];
        let tier = one_of(reader, gpu, "tier", &TIERS.map(|(tier, _)| tier));
        if value(gpu, "memory").is_some() {
            let message = "gpu.memory is ignored: nodes are not chosen by the memory of their GPUs";
            reader.warn(
                location(gpu, "memory"),
                message.to_owned(),
                "choose nodes by providers.kubernetes.nodeSelector",
            );
        }
        if !reader.flag(gpu, "enabled").unwrap_or_default() {
            return;
        }
        let label = TIERS
            .iter()
            .find(|(name, _)| tier.as_deref() == Some(*name));
        self.node_selector
            .extend(label.map(|(_, label)| ("accelerator".to_owned(), (*label).to_owned())));
        self.gpu = Some(Gpu {
            resource: match kind.as_deref() {
                Some("amd") => "amd.com/gpu",
                _ => "nvidia.com/gpu",
            },
            count: count.unwrap_or(1),
        });
    }

    fn read_extensions(&mut self, reader: &mut FieldReader<'_>, root: Option<&Node>) {
        let Some(node) = reader.section(root, "extensions", EXTENSIONS) else {
            let message = "no extensions: none is installed".to_owned();
            reader.warn(location(root, "extensions"), message, "");
            return;
        };
        let section = Some(node);
        let profile = reader.text(section, "profile");
        let active = reader.texts(section, "active");
        if profile.is_some() && !active.is_empty() {
            let message = "extensions.profile and extensions.active cannot be used together";
            let hint = "list the extensions beside a profile under additional";
            reader.reject(location(section, "active"), message.to_owned(), hint);
        }
        let additional = reader.texts(section, "additional");
        let install = reader.flag(section, "auto_install");
        let install = install.or(reader.flag(section, "autoInstall"));
        let lists = [
            ("CUSTOM_EXTENSIONS", active),
            ("ADDITIONAL_EXTENSIONS", additional),
        ];
        self.extensions
            .extend(profile.map(|name| ("INSTALL_PROFILE", name)));
        for (key, list) in lists {
            if !list.is_empty() {
                self.extensions.insert(key, list.join(","));
            }
        }
        if install == Some(false) {
            self.extensions
                .insert("SKIP_AUTO_INSTALL", "true".to_owned());
        }
    }

    fn read_kubernetes(&mut self, reader: &mut FieldReader<'_>, section: Option<&Node>) {
        self.read_image(reader, section);
        self.namespace = reader.checked(section, "namespace", check_dns_label);
        self.context = reader.text(section, "context");
        self.storage_class = reader.text(section, "storageClass");
        let types = ["ClusterIP", "NodePort", "LoadBalancer"];
        let service = one_of(reader, section, "serviceType", &types);
        self.parameters
            .extend(service.map(|name| ("SERVICE_TYPE", name)));
        self.node_selector
            .extend(reader.text_map(section, "nodeSelector"));
        for item in reader.items(section, "tolerations") {
            let known = ["key", "operator", "value", "effect", "tolerationSeconds"];
            match item {
                Node::Mapping(..) => {
                    reader.warn_unknown_keys(item, "tolerations", &known);
                    let mut toleration = item.to_value();
                    if let Value::Object(fields) = &mut toleration {
                        fields.retain(|key, _| known.contains(&key.as_str()));
                    }
                    self.tolerations.push(toleration);
                }
                other => {
                    let message = "an item of tolerations must be a mapping".to_owned();
                    reader.reject(other.location(), message, "");
                }
            }
        }
        self.ingress = read_ingress(reader, section);
        self.secret_name = reader.checked(section, "secretName", |name| {
            let mut labels = name.split('.');
            labels.try_for_each(check_dns_label)
        });
        self.read_metrics(reader, section);
        self.read_quota(reader, section);
    }

    fn read_metrics(&mut self, reader: &mut FieldReader<'_>, section: Option<&Node>) {
        let port = reader.number(section, "metricsPort", 1..=65535);
        match reader.flag(section, "prometheusEnabled") {
            Some(true) => self.metrics_port = Some(port.unwrap_or(9090)),
            _ if port.is_some() => {
                let message =
                    "metricsPort has no effect without prometheusEnabled: true".to_owned();
                reader.warn(location(section, "metricsPort"), message, "");
            }
            _ => {}
        }
    }

    /// Reads the block `resourceQuota`: limits are twice its amounts, and containers have defaults, as with Sindri's own quota.
    fn read_quota(&mut self, reader: &mut FieldReader<'_>, section: Option<&Node>) {
        let Some(block) = reader.section(section, "resourceQuota", &["cpu", "memory", "storage"])
        else {
            return;
        };
        let mut hard = BTreeMap::from([("persistentvolumeclaims".to_owned(), "5".to_owned())]);
        for (key, request, limit) in [
            ("cpu", "requests.cpu", Some(("limits.cpu", "2", "1"))),
            (
                "memory",
                "requests.memory",
                Some(("limits.memory", "4Gi", "2Gi")),
            ),
            ("storage", "requests.storage", None),
        ] {
            let amount = reader.checked(Some(block), key, |text| {
                let parsed = text.parse::<Quantity>();
                parsed.map(drop).map_err(|error| error.to_string())
            });
            let Some(amount) = amount.and_then(|text| text.parse::<Quantity>().ok()) else {
                continue;
            };
            hard.insert(request.to_owned(), amount.to_string());
            let Some((limit, default, default_request)) = limit else {
                continue;
            };
            hard.insert(limit.to_owned(), amount.multiply(2).to_string());
            for (field, amount) in [("default", default), ("defaultRequest", default_request)] {
                self.container_defaults
                    .insert(format!("{field}.{key}"), amount.to_owned());
            }
        }
        self.quota = hard;
    }

    /// Refuses a `secretName` that is the name of the Secret made of `secrets[]`.
    fn check_secret_names(
        &self,
        reader: &mut FieldReader<'_>,
        root: Option<&Node>,
        kubernetes: Option<&Node>,
    ) {
        let made = self.name.as_ref().map(|name| format!("{name}-secrets"));
        if value(root, "secrets").is_some() && made.is_some() && self.secret_name == made {
            let message = format!(
                "secretName {:?} is the name of the Secret that secrets makes",
                made.unwrap_or_default()
            );
            let hint = "give the existing Secret another name, or remove one of both";
            reader.reject(location(kubernetes, "secretName"), message, hint);
        }
    }
}

/// Reads a quantity, or its default.
fn quantity(
    reader: &mut FieldReader<'_>,
    section: Option<&Node>,
    key: &str,
    default: &str,
    parse: fn(&str) -> Result<Quantity, String>,
) -> Option<Quantity> {
    if value(section, key).is_none() {
        return parse(default).ok();
    }
    let text = reader.checked(section, key, |text| parse(text).map(drop))?;
    parse(&text).ok()
}

/// Reads a text that must be one of a list.
fn one_of(
    reader: &mut FieldReader<'_>,
    section: Option<&Node>,
    key: &str,
    allowed: &[&str],
) -> Option<String> {
    reader.checked(section, key, |text| match allowed.contains(&text) {
        true => Ok(()),
        false => Err(format!("must be one of {}", allowed.join(", "))),
    })
}

/// Returns pairs as a JSON object.
pub(super) fn to_object(pairs: &[(String, String)]) -> Map<String, Value> {
    let pairs = pairs.iter();
    pairs
        .map(|(key, value)| (key.clone(), Value::from(value.as_str())))
        .collect()
}
