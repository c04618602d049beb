//! `connect --port-forward` on the real cluster: one connection for all, ends, faults, and what is lost and found again.

mod faults;
mod forwarding;
mod recovery;
mod streams;

use std::io::Write;

use anyhow::Result;

use crate::Live;
use crate::world::World;

pub(crate) fn tests() -> Vec<Live> {
    [streams::tests(), faults::tests(), recovery::tests()]
        .into_iter()
        .flatten()
        .collect()
}

/// What listens in the session: 7000 sends back what it gets, 7001 says what it was sent before, 7002 keeps what it is sent, unless
/// that is nothing, as from its probe.
const SERVERS: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata:
  name: servers
spec:
  replicas: 1
  selector: {matchLabels: {app: servers}}
  template:
    metadata:
      labels: {app: servers}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: main
        image: localhost/busybox:1
        imagePullPolicy: Never
        ports: [{name: echo, containerPort: 7000}]
        readinessProbe: {tcpSocket: {port: 7002}, periodSeconds: 1}
        command:
        - sh
        - -c
        - |
          printf '#!/bin/sh\nexec cat\n' > /tmp/echo
          printf '#!/bin/sh\ncat /tmp/kept\n' > /tmp/tell
          printf '#!/bin/sh\nexec 1>&-\nnew=$(mktemp)\ncat > $new\n[ -s $new ] && mv $new /tmp/kept\n' > /tmp/keep
          chmod +x /tmp/echo /tmp/tell /tmp/keep
          nc -ll -p 7000 -e /tmp/echo & nc -ll -p 7001 -e /tmp/tell & exec nc -ll -p 7002 -e /tmp/keep
"#;

/// A world with a session `s` that serves.
fn serving(world: World) -> Result<World> {
    let mut file = tempfile::NamedTempFile::new()?;
    file.write_all(SERVERS.as_bytes())?;
    world
        .session(&["create", "s", "-f", &file.path().to_string_lossy()])?
        .exits(0)?;
    Ok(world)
}
