//! Time to parse and render a manifest of many objects: what a `create` of them adds before its first request.

use std::fmt::Write as _;
use std::time::Instant;

use anyhow::{Result, ensure};
use session_shared::template::{Manifest, Parameters, SessionIdentity, Source, ValueLayers};

use crate::figure::Samples;
use crate::report::Report;
use crate::settings::Settings;

/// Milliseconds that a thousand objects may take.
const WANTED: f64 = 50.0;
/// Measurements, of which the median counts.
const ROUNDS: usize = 50;

/// Parses and renders the manifest [`ROUNDS`] times.
pub(crate) fn measure(settings: &Settings, report: &mut Report) -> Result<()> {
    let objects = settings.number("objects")?;
    let source = Source::new("bench.yaml", manifest(objects)?)?;
    let mut samples = Samples::default();
    for _ in 0..ROUNDS {
        let began = Instant::now();
        let rendered = count_rendered(&source)?;
        samples.push(began.elapsed().as_secs_f64() * 1e3);
        ensure!(rendered == objects, "{rendered} objects, not {objects}");
    }
    let what = format!("{objects} objects, parsed and rendered");
    report.times.at_most(&what, &samples, WANTED, "ms");
    Ok(())
}

/// Renders a manifest, and returns the number of its objects.
fn count_rendered(source: &Source) -> Result<usize> {
    let manifest = Manifest::parse(source)?;
    let identity = SessionIdentity {
        session: "alice-001".parse()?,
        user: "alice@example.com".parse()?,
        namespace: "labs".parse()?,
        application: None,
    };
    let values = Parameters::merge(&[], &manifest)?.resolve(identity, &ValueLayers::default())?;
    Ok(manifest.render(&values)?.into_objects().len())
}

/// A manifest of Deployments, Services, ConfigMaps and HorizontalPodAutoscalers by turns.
fn manifest(objects: usize) -> Result<String> {
    let mut text = String::new();
    for number in 0..objects {
        let object = match number % 4 {
            0 => DEPLOYMENT,
            1 => SERVICE,
            2 => CONFIG_MAP,
            _ => AUTOSCALER,
        };
        writeln!(
            text,
            "---\n{}",
            object.replace("NUMBER", &number.to_string())
        )?;
    }
    Ok(text)
}

const DEPLOYMENT: &str = r#"apiVersion: apps/v1
kind: Deployment
metadata:
  name: ${SESSION_ID}-NUMBER
  labels: {app: "web-NUMBER", user: "${USER_ID}"}
spec:
  replicas: ${REPLICAS:-1}
  selector: {matchLabels: {app: "web-NUMBER"}}
  template:
    metadata:
      labels: {app: "web-NUMBER"}
    spec:
      containers:
      - name: web
        image: ${IMAGE:-registry.example.com/web:1}
        ports:
        - {name: http, containerPort: 3000}
        env:
        - name: PORT
          value: "3000"
        resources:
          requests: {cpu: 100m, memory: 128Mi}
          limits: {cpu: 500m, memory: 256Mi}
"#;

const SERVICE: &str = r#"apiVersion: v1
kind: Service
metadata:
  name: ${SESSION_ID}-NUMBER
spec:
  selector: {app: "web-NUMBER"}
  ports:
  - name: http
    port: 80
    targetPort: http
"#;

const CONFIG_MAP: &str = r#"apiVersion: v1
kind: ConfigMap
metadata:
  name: ${SESSION_ID}-NUMBER
data:
  # A comment, which is not searched: ${NOTHING}
  LOG_LEVEL: info
  URL: http://${SESSION_ID}:${PORT:-80}/path
  script: |
    #!/bin/sh
    echo "$HOME is the home of $(id -un)"
"#;

const AUTOSCALER: &str = r#"apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: ${SESSION_ID}-NUMBER
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: "${SESSION_ID}-NUMBER"}
  minReplicas: 1
  maxReplicas: 10
  metrics:
  - type: Resource
    resource:
      name: cpu
      target: {type: Utilization, averageUtilization: 70}
"#;
