//! Chooses Pod, container, port and command of a connection from the session's method and its Pods. Pure.
//!
//! Long because every way to connect is chosen here.

use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;
use session_shared::Pod;
use session_shared::api::{ConnectMethod, IntOrString, Session};
use session_shared::diagnosis::inspect_pod;
use session_shared::encode::shell;
use session_shared::encode::url::Endpoint;
use session_shared::failure::with_hint;
use session_shared::names::SshUser;
use session_shared::objects::endpoint::{PodPort, port_endpoint};
use session_shared::objects::metadata::name_of;
use session_shared::objects::pod_containers::container_status;
use session_shared::objects::pod_ports::{resolve_port, tcp_port_name};
use session_shared::ops::{ContainerTarget, ObservedSession};

use crate::intent::{ConnectMode, Intent};
use crate::port_name::check_port;

/// Default shell of a session without methods: bash if installed, else sh.
const DEFAULT_SHELL: &str =
    "if command -v bash >/dev/null 2>&1; then exec bash -l; else exec sh -l; fi";

/// Connection to a session, resolved from flags and method. `place` is the workload and container given by flags or the method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ConnectTarget {
    /// A command in a container.
    Command {
        argv: Vec<String>,
        place: ContainerTarget,
        /// True if the command is ended with this program.
        kill_on_exit: bool,
    },
    /// A web page: port number or name, and path.
    Page {
        port: String,
        path: String,
        place: ContainerTarget,
    },
    /// An SSH server: port number or name, and user.
    Ssh {
        port: String,
        user: Option<SshUser>,
        place: ContainerTarget,
    },
}

/// Resolves the connection to `session`.
///
/// # Errors
/// An unknown method, with the available ones; a method of another kind than the flags select.
pub(crate) fn resolve_target(intent: &Intent, session: &Session) -> Result<ConnectTarget> {
    let methods = connect_methods(session);
    let method = match (&intent.method, &intent.mode) {
        (Some(name), _) => Some(find_method(methods, name, intent.name.as_str())?),
        (None, ConnectMode::Open | ConnectMode::Print { .. }) => {
            methods.iter().find(|m| m.http.is_some())
        }
        (None, ConnectMode::Ssh | ConnectMode::SshConfig) => {
            methods.iter().find(|m| m.ssh.is_some())
        }
        // A command needs no method: it runs in the default container.
        (None, _) if !intent.command.is_empty() => None,
        (None, _) => methods.first(),
    };
    let found = match method {
        Some(method) => target_of_method(method, intent, session)?,
        None => default_target(intent)?,
    };
    check_mode(&found, intent, methods)?;
    Ok(found)
}

/// Returns the connection methods of the session's last start.
pub(crate) fn connect_methods(session: &Session) -> &[ConnectMethod] {
    session
        .applied()
        .map_or(&[], |applied| applied.connect.as_slice())
}

fn find_method<'a>(
    methods: &'a [ConnectMethod],
    name: &str,
    session: &str,
) -> Result<&'a ConnectMethod> {
    methods
        .iter()
        .find(|method| method.name == name)
        .ok_or_else(|| {
            anyhow!(
                "session {session:?} has no method {name:?}: {}",
                describe_methods(methods)
            )
        })
}

/// Returns the available methods as the end of a message.
fn describe_methods(methods: &[ConnectMethod]) -> String {
    if methods.is_empty() {
        return "no methods are defined, only the default shell is available".to_owned();
    }
    let names: Vec<&str> = methods.iter().map(|method| method.name.as_str()).collect();
    format!("available methods are {}", names.join(", "))
}

fn target_of_method(
    method: &ConnectMethod,
    intent: &Intent,
    session: &Session,
) -> Result<ConnectTarget> {
    let port = |port: &Option<IntOrString>| {
        let port = port.as_ref().map(ToString::to_string);
        let port = port.ok_or_else(|| anyhow!("method {:?} defines no port", method.name))?;
        check_port(&port).with_context(|| method_error_context(method, session))?;
        anyhow::Ok(port)
    };
    let place = method_place(method, intent)?;
    if let Some(http) = &method.http {
        let path = http.path.clone().unwrap_or_else(|| "/".to_owned());
        return Ok(ConnectTarget::Page {
            port: port(&http.port)?,
            path,
            place,
        });
    }
    if let Some(ssh) = &method.ssh {
        let user = ssh.user.as_deref().map(str::parse).transpose();
        return Ok(ConnectTarget::Ssh {
            port: port(&ssh.port)?,
            user: user.map_err(|error| altered_user_error(error, method, session))?,
            place,
        });
    }
    let argv = if intent.command.is_empty() {
        method.exec.clone()
    } else {
        intent.command.clone()
    };
    if argv.is_empty() {
        bail!("method {:?} defines no command", method.name);
    }
    let kill_on_exit = intent.kill_on_exit.or(method.kill_on_exit);
    Ok(ConnectTarget::Command {
        argv,
        place,
        kill_on_exit: kill_on_exit.unwrap_or_default(),
    })
}

/// Returns the place of a method, with that of the flags before it. Its container is one of its own workload.
fn method_place(method: &ConnectMethod, intent: &Intent) -> Result<ContainerTarget> {
    let given = intent.place();
    let is_elsewhere = given.workload.is_some();
    let workload = method.workload.as_deref().map(str::parse).transpose();
    let workload = workload.with_context(|| format!("cannot use method {:?}", method.name))?;
    let container = method.container.clone().filter(|_| !is_elsewhere);
    Ok(ContainerTarget {
        workload: given.workload.or(workload),
        container: given.container.or(container),
    })
}

impl Intent {
    /// Returns the place that the flags name.
    pub(crate) fn place(&self) -> ContainerTarget {
        ContainerTarget {
            workload: self.workload.clone(),
            container: self.container.clone(),
        }
    }
}

impl ConnectTarget {
    /// Returns the workload and container of the connection.
    pub(crate) fn place(&self) -> &ContainerTarget {
        let (Self::Command { place, .. } | Self::Page { place, .. } | Self::Ssh { place, .. }) =
            self;
        place
    }
}

fn method_error_context(method: &ConnectMethod, session: &Session) -> String {
    let name = session.name();
    format!("cannot use method {:?} of session {name:?}", method.name)
}

/// Adds context and a hint to an invalid SSH user. A start validates the user, so the status was changed since.
fn altered_user_error(
    error: anyhow::Error,
    method: &ConnectMethod,
    session: &Session,
) -> anyhow::Error {
    let (name, namespace) = (session.name(), session.namespace());
    let again = [
        "kubectl",
        "session",
        "start",
        name,
        "-n",
        namespace,
        "--restart",
    ];
    with_hint(
        error.context(method_error_context(method, session)),
        format!(
            "restart the session to restore its methods: {}",
            shell::quote_command(&again)
        ),
    )
}

fn default_target(intent: &Intent) -> Result<ConnectTarget> {
    let argv = if intent.command.is_empty() {
        ["sh", "-c", DEFAULT_SHELL].map(str::to_owned).to_vec()
    } else {
        intent.command.clone()
    };
    match intent.mode {
        ConnectMode::Ssh | ConnectMode::SshConfig => Ok(ConnectTarget::Ssh {
            port: "22".to_owned(),
            user: None,
            place: intent.place(),
        }),
        _ => Ok(ConnectTarget::Command {
            argv,
            place: intent.place(),
            kill_on_exit: intent.kill_on_exit.unwrap_or_default(),
        }),
    }
}

/// Checks that the resolved connection is of the kind that the flags select.
fn check_mode(found: &ConnectTarget, intent: &Intent, methods: &[ConnectMethod]) -> Result<()> {
    let name = &intent.name;
    match (&intent.mode, found) {
        (ConnectMode::Open, ConnectTarget::Page { .. })
        | (ConnectMode::Ssh | ConnectMode::SshConfig, ConnectTarget::Ssh { .. })
        | (
            ConnectMode::Print { .. } | ConnectMode::Stdio { .. } | ConnectMode::Forward { .. },
            _,
        )
        | (ConnectMode::Method, ConnectTarget::Command { .. } | ConnectTarget::Ssh { .. }) => {
            Ok(())
        }
        (ConnectMode::Method, ConnectTarget::Page { .. }) if intent.command.is_empty() => Ok(()),
        (ConnectMode::Method, ConnectTarget::Page { .. }) => {
            bail!("cannot run a command in session \"{name}\": the method is a web page")
        }
        (ConnectMode::Open, _) => bail!(
            "session \"{name}\" has no web page to open: {}",
            describe_methods(methods)
        ),
        (ConnectMode::Ssh | ConnectMode::SshConfig, _) => bail!(
            "cannot use ssh with session \"{name}\": the method is not an SSH server, {}",
            describe_methods(methods)
        ),
    }
}

/// Returns why a command in a container was killed, if the Pod's state explains it.
pub(crate) fn kill_reason(pod: &Pod, container: &str) -> Option<String> {
    let name = name_of(&pod.metadata);
    if pod.metadata.deletion_timestamp.is_some() {
        return Some(format!("pod {name:?} is being deleted"));
    }
    if let Some(eviction) = inspect_pod(pod, &[])
        .cause()
        .filter(|cause| cause.reason == "Evicted")
    {
        let remedy = eviction.remedy.as_deref().unwrap_or_default();
        return Some(format!("{}; {remedy}", eviction.message));
    }
    let status = container_status(pod, container)?;
    let states = [status.state.as_ref(), status.last_state.as_ref()];
    let mut ended = states
        .into_iter()
        .flatten()
        .filter_map(|state| state.terminated.as_ref());
    let reason = ended.next()?.reason.as_deref();
    (reason == Some("OOMKilled")).then(|| {
        let of = format!("container {container:?} of pod {name:?}");
        match has_memory_limit(pod, container) {
            true => format!("{of} was killed: memory limit exceeded"),
            false => format!("{of} was killed: its node ran out of memory"),
        }
    })
}

fn has_memory_limit(pod: &Pod, container: &str) -> bool {
    let mut containers = pod.spec.iter().flat_map(|spec| &spec.containers);
    let found = containers.find(|one| one.name == container);
    let limits = found.and_then(|found| found.resources.as_ref()?.limits.as_ref());
    limits.is_some_and(|limits| limits.contains_key("memory"))
}

/// Returns why a container is not running; `None` if its status says it is running.
pub(crate) fn not_running_reason(pod: &Pod, container: &str) -> Option<String> {
    let name = name_of(&pod.metadata);
    let status = container_status(pod, container)?;
    let (now, before) = (status.state.as_ref()?, status.last_state.as_ref());
    if now.running.is_some() {
        return None;
    }
    let ended = [Some(now), before].into_iter().flatten();
    let why = match (
        ended.filter_map(|state| state.terminated.as_ref()).next(),
        &now.waiting,
    ) {
        (Some(ended), _) => format!("ended with exit code {}", ended.exit_code),
        (None, Some(waiting)) => match &waiting.reason {
            Some(reason) => format!("has not started: {reason}"),
            None => "has not started".to_owned(),
        },
        (None, None) => return None,
    };
    Some(format!("container {container:?} of pod {name:?} {why}"))
}

/// Returns the address of the session outside this program: for a web page, the URL by a Service or Ingress that exposes
/// its port. The endpoint recorded in the status is used only for the first web page, for which it was recorded.
///
/// # Errors
/// An invalid endpoint in the status.
pub(crate) fn find_address(
    observed: &ObservedSession,
    entrance: &ConnectTarget,
    network: &[Value],
) -> Result<Option<String>> {
    let status = observed.session.status.as_ref();
    let written = status.and_then(|status| status.endpoint.as_deref());
    let name = observed.session.name();
    let read = |text: &str| {
        let endpoint = text.parse::<Endpoint>();
        endpoint.with_context(|| format!("cannot use the endpoint of session {name:?}"))
    };
    let place = entrance.place();
    if let ConnectTarget::Ssh { port, .. } = entrance {
        // No URL reaches an SSH server.
        let is_service = |object: &&Value| object["kind"] != "Ingress";
        let services: Vec<Value> = network.iter().filter(is_service).cloned().collect();
        let exposed = exposed_endpoint(observed, place, port, &services);
        let written = written.filter(|endpoint| !endpoint.starts_with("http"));
        let endpoint = exposed.as_deref().or(written).map(read).transpose()?;
        return Ok(endpoint.map(|endpoint| endpoint.to_string()));
    }
    let ConnectTarget::Page { port, path, .. } = entrance else {
        let endpoint = written.map(read).transpose()?;
        return Ok(endpoint.map(|endpoint| endpoint.to_string()));
    };
    if let Some(endpoint) = exposed_endpoint(observed, place, port, network) {
        return Ok(Some(read(&endpoint)?.page_url(path)));
    }
    let pages = connect_methods(&observed.session).iter();
    let first = pages.filter_map(|method| method.http.as_ref()).next();
    let is_first = first
        .is_some_and(|http| http.port.as_ref().map(ToString::to_string).as_ref() == Some(port));
    let endpoint = written.filter(|_| is_first).map(read).transpose()?;
    Ok(endpoint.map(|endpoint| endpoint.page_url(path)))
}

/// Returns the endpoint of a Service or Ingress that exposes a port of the session's Pod.
fn exposed_endpoint(
    observed: &ObservedSession,
    place: &ContainerTarget,
    word: &str,
    network: &[Value],
) -> Option<String> {
    let (pod, _) = observed.choose_container(place).ok().flatten()?;
    let number = resolve_port(pod, word).ok()?;
    let name = tcp_port_name(pod, number);
    let node = pod.status.as_ref().and_then(|s| s.host_ip.as_deref());
    let network = network_of_pod(network, pod);
    port_endpoint(&network, node, &PodPort { number, name })
}

/// Returns the objects without the Services of other workloads, whose ports may have the same names. Without a Service that selects
/// the Pod's labels, all of them.
fn network_of_pod(network: &[Value], pod: &Pod) -> Vec<Value> {
    let labels = pod.metadata.labels.as_ref();
    let is_service = |object: &Value| object["kind"] == "Service";
    let selects = |service: &Value| {
        let selector = service.pointer("/spec/selector").and_then(Value::as_object);
        selector.is_some_and(|selector| {
            selector.iter().all(|(key, value)| {
                let label = labels.and_then(|labels| labels.get(key));
                label.map(String::as_str) == value.as_str()
            })
        })
    };
    if !network
        .iter()
        .any(|object| is_service(object) && selects(object))
    {
        return network.to_vec();
    }
    let own = network
        .iter()
        .filter(|object| !is_service(object) || selects(object));
    own.cloned().collect()
}

/// Returns true for a host name that only the cluster's DNS resolves.
pub(crate) fn is_cluster_internal(address: &str) -> bool {
    let host = address.split_once("://").map_or(address, |(_, rest)| rest);
    let host = host.split(['/', ':']).next().unwrap_or_default();
    host.ends_with(".svc") || host.ends_with(".svc.cluster.local")
}

/// Returns port and path of the session's WebSocket: those of the method `ws`. A web page need not speak WebSocket.
pub(crate) fn websocket_port(session: &Session) -> Option<(String, &str)> {
    let mut methods = connect_methods(session).iter();
    let http = methods.find(|method| method.name == "ws")?.http.as_ref()?;
    let port = http.port.as_ref()?.to_string();
    Some((port, http.path.as_deref().unwrap_or_default()))
}
