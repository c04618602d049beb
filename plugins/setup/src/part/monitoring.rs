//! `setup monitoring`: what the Prometheus Operator needs to collect a platform's metrics, and alerts.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use clap::Args as Group;
use serde_json::{Value, json};
use session_shared::failure::usage_error;
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::numbers::parse_i32;
use session_shared::go_duration;
use session_shared::labels;
use session_shared::objects::ResourceType;
use session_shared::objects::resource::SERVICE;
use session_shared::ops::planned_object::PlannedObject;
use session_shared::report::console::Console;

use super::flags::{PartFlags, PartIntent};
use super::ingress::ROUTER;
use super::platform::Platform;
use super::site::{Part, PartKind, Requirement, Site};
use crate::policies::{ROUTER_COMPONENT, ROUTER_LABEL};

pub(crate) const LONG_ABOUT: &str = "Have Prometheus collect metrics of a platform and alert

Apply the monitors of the platform of a template, each read every 30 s:

- preview: ServiceMonitors api-monitor, web-monitor and db-monitor
- sindri: PodMonitor sindri-sessions, for environments whose sindri.yaml has prometheusEnabled
- nvim: ServiceMonitor nvim-web-router; gimp, blender, inkscape, gimp-cloud: session-manager

With --alerts, also a PrometheusRule: container restarts, CPU and memory use; for preview also errors, latency and the database. It \
reads the metrics of kube-state-metrics and the kubelet, http_requests_total with the label status, \
http_request_duration_seconds and pg_up. The Prometheus Operator must be installed. Monitors that a session has made are left \
unchanged.";

pub(crate) const EXAMPLES: &str = "  # Collect the metrics of a preview environment, and alert
  kubectl session setup monitoring --for preview --alerts -n pr-17

  # The same, selected by a Prometheus of the chart kube-prometheus-stack
  kubectl session setup monitoring --for preview --alerts --label release=prometheus -n pr-17

  # Delete monitors and alerts
  kubectl session setup monitoring --for preview --remove -n pr-17";

const GROUP: &str = "monitoring.coreos.com";
static SERVICE_MONITOR: ResourceType =
    ResourceType::new(GROUP, "v1", "ServiceMonitor", "servicemonitors", true);
static POD_MONITOR: ResourceType =
    ResourceType::new(GROUP, "v1", "PodMonitor", "podmonitors", true);
static PROMETHEUS_RULE: ResourceType =
    ResourceType::new(GROUP, "v1", "PrometheusRule", "prometheusrules", true);

/// Name of the port of containers and Services that serves metrics beside another one.
pub(crate) const METRICS_PORT: &str = "metrics";

const PLATFORMS: [Platform; 4] = [
    Platform::Nvim,
    Platform::Sindri,
    Platform::Gimp,
    Platform::Preview,
];

/// Flags of `setup monitoring`, unchecked.
#[derive(Group, Clone, Debug, Default)]
pub struct SetupMonitoringArgs {
    #[command(flatten)]
    pub part: PartFlags,

    /// If true, also apply alerts
    #[arg(long)]
    pub alerts: bool,

    /// Label of the objects, by which Prometheus selects them; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub label: Vec<String>,

    /// Alert if the slowest 5 % of requests take longer
    #[arg(long, requires = "alerts", value_name = "DURATION", default_value = "200ms", value_parser = go_duration::parse)]
    pub latency: Duration,

    /// Alert if more requests fail, in percent
    #[arg(long, requires = "alerts", value_name = "PERCENT", default_value = "5", value_parser = parse_i32)]
    pub error_rate: i32,

    /// Alert if a container restarts more often in an hour
    #[arg(long, requires = "alerts", value_name = "COUNT", default_value = "3", value_parser = parse_i32)]
    pub restarts: i32,

    /// Alert if a container uses more CPU or memory, in percent of its limit
    #[arg(long, requires = "alerts", value_name = "PERCENT", default_value = "90", value_parser = parse_i32)]
    pub usage: i32,
}

/// The monitors of a platform, and its alerts.
#[derive(Debug)]
struct Monitoring {
    platform: Platform,
    labels: BTreeMap<String, String>,
    thresholds: Option<Thresholds>,
}

/// Values above which is alerted.
#[derive(Debug)]
struct Thresholds {
    latency: Duration,
    /// In percent.
    error_rate: i32,
    /// In an hour.
    restarts: i32,
    /// In percent of the limit.
    usage: i32,
}

/// Validates the flags.
///
/// # Errors
/// Usage errors: another template, a threshold below its range, a label that is none.
pub(crate) fn parse_part(
    args: SetupMonitoringArgs,
    connection: &ConnectionFlags,
    console: &mut Console,
) -> Result<(Box<dyn Part>, PartIntent)> {
    let SetupMonitoringArgs {
        part,
        alerts,
        label,
        latency,
        error_rate,
        restarts,
        usage,
    } = args;
    let (platform, intent) = part.parse("monitoring", &PLATFORMS, connection, console)?;
    if latency.is_zero() {
        return Err(usage_error("invalid value of --latency: must be positive"));
    }
    for (flag, value, least, most) in [
        ("--error-rate", error_rate, 0, 100),
        ("--restarts", restarts, 0, i32::MAX),
        ("--usage", usage, 1, 100),
    ] {
        if value < least || value > most {
            return Err(usage_error(match most {
                i32::MAX => format!("invalid value of {flag} {value}: must be at least {least}"),
                most => format!("invalid value of {flag} {value}: must be {least} to {most}"),
            }));
        }
    }
    let thresholds = Thresholds {
        latency,
        error_rate,
        restarts,
        usage,
    };
    let labels = label.iter().map(|text| parse_label(text));
    let part = Monitoring {
        platform,
        labels: labels.collect::<Result<_>>()?,
        thresholds: alerts.then_some(thresholds),
    };
    Ok((Box::new(part), intent))
}

/// Parses a label of the user's, which must be none of those that say whose an object is.
fn parse_label(text: &str) -> Result<(String, String)> {
    let label = text.split_once('=').filter(|(key, value)| {
        let is_ours = key.starts_with("streaming.platform/") || *key == labels::MANAGED_BY;
        !key.is_empty() && !is_ours && labels::to_label_value(value) == *value
    });
    let label = label.map(|(key, value)| (key.to_owned(), value.to_owned()));
    label.ok_or_else(|| {
        usage_error(format!(
            "invalid value of --label {text:?}: must be KEY=VALUE, with a legal label that is not set by kubectl session"
        ))
    })
}

/// Returns the endpoint of a monitor.
fn endpoint(port: &str) -> Value {
    json!({"port": port, "path": "/metrics", "interval": "30s", "scrapeTimeout": "10s"})
}

/// Returns a ServiceMonitor of the Services of its namespace that have a label.
fn service_monitor(site: &Site, name: &str, label: (&str, &str), port: &str) -> PlannedObject {
    let (key, value) = label;
    let spec = json!({
        "namespaceSelector": {"matchNames": [site.namespace]},
        "selector": {"matchLabels": {key: value}},
        "endpoints": [endpoint(port)],
    });
    site.object(&SERVICE_MONITOR, name, json!({"spec": spec}))
}

/// Name of the Service of a platform that creates its sessions.
fn session_service(platform: Platform) -> Option<&'static str> {
    match platform {
        Platform::Nvim => Some(ROUTER),
        Platform::Gimp => Some("session-manager"),
        Platform::Sindri | Platform::Lab | Platform::Preview => None,
    }
}

impl Monitoring {
    fn monitors(&self, site: &Site) -> Vec<PlannedObject> {
        if let Some(name) = session_service(self.platform) {
            let label = (ROUTER_LABEL, ROUTER_COMPONENT);
            return vec![service_monitor(site, name, label, "http")];
        }
        if self.platform == Platform::Preview {
            let monitors = [("api", "http"), ("web", "http"), ("db", METRICS_PORT)];
            let monitors = monitors.map(|(app, port)| {
                service_monitor(site, &format!("{app}-monitor"), ("app", app), port)
            });
            return monitors.into();
        }
        let sessions =
            json!({"matchExpressions": [{"key": labels::SESSION, "operator": "Exists"}]});
        let spec = json!({
            "namespaceSelector": {"matchNames": [site.namespace]},
            "selector": sessions,
            "podTargetLabels": [labels::SESSION, labels::USER],
            "podMetricsEndpoints": [endpoint(METRICS_PORT)],
        });
        vec![site.object(&POD_MONITOR, "sindri-sessions", json!({"spec": spec}))]
    }

    fn rule(&self, site: &Site, thresholds: &Thresholds) -> PlannedObject {
        let mut rules = resource_alerts(&site.namespace, thresholds);
        if self.platform == Platform::Preview {
            rules.extend(request_alerts(&site.namespace, thresholds));
        }
        let name = format!("{}-alerts", self.platform.name());
        let spec = json!({"groups": [{"name": self.platform.name(), "rules": rules}]});
        site.object(&PROMETHEUS_RULE, &name, json!({"spec": spec}))
    }
}

/// Returns an alert on an expression that holds for five minutes.
fn alert(name: &str, severity: &str, expression: String, summary: &str) -> Value {
    json!({
        "alert": name,
        "expr": expression,
        "for": "5m",
        "labels": {"severity": severity},
        "annotations": {"summary": summary},
    })
}

/// Alerts on restarts, and on what containers use of their limits.
fn resource_alerts(namespace: &str, thresholds: &Thresholds) -> Vec<Value> {
    let scope = format!("namespace=\"{namespace}\"");
    let usage = fraction(thresholds.usage);
    let of_limit = |metric: &str, resource: &str| {
        format!(
            "sum by (namespace, pod, container) ({metric}) / sum by (namespace, pod, container) \
             (kube_pod_container_resource_limits{{{scope},resource=\"{resource}\"}}) > {usage}"
        )
    };
    let containers = format!("{scope},container!=\"\"");
    let cpu = format!("rate(container_cpu_usage_seconds_total{{{containers}}}[5m])");
    let memory = format!("container_memory_working_set_bytes{{{containers}}}");
    let restarts = format!(
        "increase(kube_pod_container_status_restarts_total{{{scope}}}[1h]) > {}",
        thresholds.restarts
    );
    vec![
        alert(
            "PodRestarts",
            "warning",
            restarts,
            "Container {{ $labels.container }} of Pod {{ $labels.pod }} restarts",
        ),
        alert(
            "HighCpuUse",
            "warning",
            of_limit(&cpu, "cpu"),
            "Container {{ $labels.container }} of Pod {{ $labels.pod }} is near its CPU limit",
        ),
        alert(
            "HighMemoryUse",
            "warning",
            of_limit(&memory, "memory"),
            "Container {{ $labels.container }} of Pod {{ $labels.pod }} is near its memory limit",
        ),
    ]
}

/// Alerts on failed and slow requests, and on a database that does not answer.
fn request_alerts(namespace: &str, thresholds: &Thresholds) -> Vec<Value> {
    let scope = format!("namespace=\"{namespace}\"");
    let rate = |more: &str| {
        format!("sum by (namespace, service) (rate(http_requests_total{{{scope}{more}}}[5m]))")
    };
    let errors = format!(
        "{} / {} > {}",
        rate(",status=~\"5..\""),
        rate(""),
        fraction(thresholds.error_rate)
    );
    let latency = format!(
        "histogram_quantile(0.95, sum by (namespace, service, le) \
         (rate(http_request_duration_seconds_bucket{{{scope}}}[5m]))) > {}",
        thresholds.latency.as_secs_f64()
    );
    let database = format!("pg_up{{{scope}}} == 0 or absent(pg_up{{{scope}}})");
    vec![
        alert(
            "HighErrorRate",
            "critical",
            errors,
            "Requests to {{ $labels.service }} fail",
        ),
        alert(
            "HighLatency",
            "warning",
            latency,
            "Requests to {{ $labels.service }} are slow",
        ),
        alert(
            "DatabaseUnreachable",
            "critical",
            database,
            "The database does not answer",
        ),
    ]
}

fn fraction(percent: i32) -> f64 {
    f64::from(percent) / 100.0
}

impl Part for Monitoring {
    fn name(&self) -> &'static str {
        "monitoring"
    }

    fn kinds(&self) -> &'static [PartKind] {
        const OPERATOR: &str = "the Prometheus Operator";
        static KINDS: [PartKind; 3] = [
            PartKind::of_provider(&SERVICE_MONITOR, &[], OPERATOR),
            PartKind::of_provider(&POD_MONITOR, &[], OPERATOR),
            PartKind::of_provider(&PROMETHEUS_RULE, &[], OPERATOR),
        ];
        &KINDS
    }

    fn objects(&self, site: &Site) -> Vec<PlannedObject> {
        let mut objects = self.monitors(site);
        objects.extend(self.thresholds.iter().map(|one| self.rule(site, one)));
        for planned in &mut objects {
            for (key, value) in &self.labels {
                planned.object["metadata"]["labels"][key] = value.as_str().into();
            }
        }
        objects
    }

    fn requirements(&self, _site: &Site) -> Vec<Requirement> {
        let service = session_service(self.platform).map(|name| Requirement {
            resource: SERVICE.clone(),
            name: Some(name.to_owned()),
            effect: "there are no metrics of it yet",
        });
        service.into_iter().collect()
    }
}
