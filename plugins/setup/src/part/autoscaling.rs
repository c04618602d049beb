//! `setup autoscaling`: HorizontalPodAutoscalers of the workloads that serve a platform's sessions.

use anyhow::Result;
use clap::Args as Group;
use serde_json::{Value, json};
use session_shared::failure::usage_error;
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::numbers::parse_i32;
use session_shared::objects::ResourceType;
use session_shared::objects::resource::{DEPLOYMENT, HORIZONTAL_POD_AUTOSCALER};
use session_shared::ops::planned_object::PlannedObject;
use session_shared::report::console::Console;

use super::flags::{PartFlags, PartIntent};
use super::ingress::ROUTER;
use super::platform::Platform;
use super::site::{Part, PartKind, Requirement, Site};

pub(crate) const LONG_ABOUT: &str = "Scale the workloads of a platform by their use

Apply the HorizontalPodAutoscalers of the platform of a template, with the figures of its documents:

- nvim: nvim-web-router, 2 to 10 Pods, CPU 70 %
- gimp, blender, inkscape, gimp-cloud: gimp-session-hpa for session-manager, 2 to 20 Pods, CPU 70 %, memory 80 %
- preview: api-hpa and web-hpa, 2 to 10 Pods, CPU 70 %, memory 80 %

An autoscaler that a session has made is left unchanged; see \"kubectl session resize\" for its range.";

pub(crate) const EXAMPLES: &str = "  # Scale the router of nvim-web
  kubectl session setup autoscaling --for nvim -n nvim-web

  # Print the autoscaler of the session manager for an administrator to apply
  kubectl session setup autoscaling --for gimp --max-replicas 40 --dry-run=client -o yaml

  # Delete the autoscalers
  kubectl session setup autoscaling --for gimp --remove";

const PLATFORMS: [Platform; 3] = [Platform::Nvim, Platform::Gimp, Platform::Preview];

/// Flags of `setup autoscaling`, unchecked.
#[derive(Group, Clone, Debug, Default)]
pub struct SetupAutoscalingArgs {
    #[command(flatten)]
    pub part: PartFlags,

    /// Fewest Pods of each workload; defaults to the platform's figure
    #[arg(long, value_name = "COUNT", value_parser = parse_i32)]
    pub min_replicas: Option<i32>,

    /// Most Pods of each workload; defaults to the platform's figure
    #[arg(long, value_name = "COUNT", value_parser = parse_i32)]
    pub max_replicas: Option<i32>,

    /// CPU use to keep, in percent of the requests; defaults to the platform's figure
    #[arg(long, value_name = "PERCENT", value_parser = parse_i32)]
    pub cpu: Option<i32>,

    /// Memory use to keep, in percent of the requests; defaults to the platform's figure
    #[arg(long, value_name = "PERCENT", value_parser = parse_i32)]
    pub memory: Option<i32>,
}

/// The autoscalers of a platform.
#[derive(Debug)]
struct Autoscaling {
    /// Name of each HorizontalPodAutoscaler and of its Deployment.
    targets: &'static [(&'static str, &'static str)],
    min_replicas: i32,
    max_replicas: i32,
    /// Resources and the use to keep, in percent.
    utilization: Vec<(&'static str, i32)>,
    behavior: Option<Value>,
}

/// Validates the flags.
///
/// # Errors
/// Usage errors: another template, a range that is none, a percentage below 1.
pub(crate) fn parse_part(
    args: SetupAutoscalingArgs,
    connection: &ConnectionFlags,
    console: &mut Console,
) -> Result<(Box<dyn Part>, PartIntent)> {
    let SetupAutoscalingArgs {
        part,
        min_replicas,
        max_replicas,
        cpu,
        memory,
    } = args;
    let (platform, intent) = part.parse("autoscaling", &PLATFORMS, connection, console)?;
    let mut part = of_platform(platform);
    part.min_replicas = min_replicas.unwrap_or(part.min_replicas);
    part.max_replicas = max_replicas.unwrap_or(part.max_replicas);
    if part.min_replicas < 1 || part.max_replicas < part.min_replicas {
        return Err(usage_error(format!(
            "invalid range of {} to {} Pods: --min-replicas must be at least 1 and --max-replicas not less",
            part.min_replicas, part.max_replicas
        )));
    }
    for (resource, percent) in [("cpu", cpu), ("memory", memory)] {
        let Some(percent) = percent else { continue };
        if percent < 1 {
            return Err(usage_error(format!(
                "invalid value of --{resource} {percent}: must be at least 1"
            )));
        }
        part.utilization.retain(|(one, _)| *one != resource);
        part.utilization.push((resource, percent));
    }
    part.utilization.sort_unstable();
    Ok((Box::new(part), intent))
}

fn of_platform(platform: Platform) -> Autoscaling {
    let policy = |kind: &str, value: u32, period: u32| json!({"type": kind, "value": value, "periodSeconds": period});
    let down = json!({"stabilizationWindowSeconds": 300, "policies": [policy("Percent", 10, 60)]});
    match platform {
        Platform::Preview => Autoscaling {
            targets: &[("api-hpa", "api"), ("web-hpa", "web")],
            min_replicas: 2,
            max_replicas: 10,
            utilization: vec![("cpu", 70), ("memory", 80)],
            behavior: Some(json!({
                "scaleDown": down,
                "scaleUp": {
                    "stabilizationWindowSeconds": 0,
                    "selectPolicy": "Max",
                    "policies": [policy("Percent", 100, 15), policy("Pods", 4, 15)],
                },
            })),
        },
        Platform::Gimp => Autoscaling {
            targets: &[("gimp-session-hpa", "session-manager")],
            min_replicas: 2,
            max_replicas: 20,
            utilization: vec![("cpu", 70), ("memory", 80)],
            behavior: Some(json!({
                "scaleUp": {
                    "stabilizationWindowSeconds": 60,
                    "policies": [policy("Percent", 100, 15)],
                },
                "scaleDown": down,
            })),
        },
        Platform::Nvim | Platform::Sindri | Platform::Lab => Autoscaling {
            targets: &[(ROUTER, ROUTER)],
            min_replicas: 2,
            max_replicas: 10,
            utilization: vec![("cpu", 70)],
            behavior: None,
        },
    }
}

impl Part for Autoscaling {
    fn name(&self) -> &'static str {
        "autoscaling"
    }

    fn kinds(&self) -> &'static [PartKind] {
        static KINDS: [PartKind; 1] = [PartKind::built_in(&HORIZONTAL_POD_AUTOSCALER)];
        &KINDS
    }

    fn objects(&self, site: &Site) -> Vec<PlannedObject> {
        let metrics = self.utilization.iter().map(|(resource, percent)| {
            let target = json!({"type": "Utilization", "averageUtilization": percent});
            json!({"type": "Resource", "resource": {"name": resource, "target": target}})
        });
        let metrics: Vec<Value> = metrics.collect();
        let objects = self.targets.iter().map(|(name, deployment)| {
            let mut spec = json!({
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": deployment},
                "minReplicas": self.min_replicas,
                "maxReplicas": self.max_replicas,
                "metrics": metrics,
            });
            if let Some(behavior) = &self.behavior {
                spec["behavior"] = behavior.clone();
            }
            site.object(&HORIZONTAL_POD_AUTOSCALER, name, json!({"spec": spec}))
        });
        objects.collect()
    }

    fn requirements(&self, _site: &Site) -> Vec<Requirement> {
        static POD_METRICS: ResourceType =
            ResourceType::new("metrics.k8s.io", "v1beta1", "PodMetrics", "pods", true);
        let deployments = self.targets.iter().map(|(_, name)| Requirement {
            resource: DEPLOYMENT.clone(),
            name: Some((*name).to_owned()),
            effect: "its autoscaler has nothing to scale yet",
        });
        let metrics = Requirement {
            resource: POD_METRICS.clone(),
            name: None,
            effect: "autoscalers do not scale until the metrics server is installed",
        };
        std::iter::once(metrics).chain(deployments).collect()
    }
}
