//! The settings of a session while it runs: the template's with the values filled in, else those of the manifest itself.

use std::time::Duration;

use anyhow::{Context, Result};

use session_model::api::{
    ConnectMethod, Hook, Hooks, IntOrString, LifetimePolicy as LifetimeSpec, OnExpiry, SessionSpec,
    SessionTemplateSpec,
};
use session_model::duration::Lifetime;
use session_model::failure::with_hint;
use session_template::{RenderBudget, Values};

/// Settings of a session while it runs: how it is entered, its hooks and its lifetime.
pub(super) struct RunSettings {
    pub(super) connect: Vec<ConnectMethod>,
    pub(super) hooks: Option<Hooks>,
    /// Time until the start expires; `None` for never.
    pub(super) lifetime: Option<Duration>,
    pub(super) on_expiry: OnExpiry,
}

/// Returns the settings of the template, else those of the manifest itself, `own`.
///
/// # Errors
/// A method or hook that is not valid with these values; a lifetime that does not parse or is too long.
pub(super) fn resolve_settings(
    spec: &SessionSpec,
    body: &SessionTemplateSpec,
    own: SessionTemplateSpec,
    values: &Values,
) -> Result<RunSettings> {
    let lifetime = body.lifetime.clone().or(own.lifetime);
    let on_expiry = lifetime.as_ref().and_then(|lifetime| lifetime.on_expiry);
    Ok(RunSettings {
        connect: match body.connect.is_empty() {
            true => validate_methods(own.connect).context("cannot use the connection methods")?,
            false => expand_connect(&body.connect, values)?,
        },
        hooks: match &body.hooks {
            Some(hooks) => Some(expand_hooks(hooks, values)?),
            None => own.hooks,
        },
        lifetime: resolve_lifetime(spec, lifetime.as_ref())?,
        on_expiry: on_expiry.unwrap_or_default(),
    })
}

fn expand_hooks(hooks: &Hooks, values: &Values) -> Result<Hooks> {
    let mut budget = RenderBudget::default();
    let mut expand = |hook: &Option<Hook>| -> Result<Option<Hook>> {
        let Some(hook) = hook else {
            return Ok(None);
        };
        let mut expand = |text: &String| values.expand_text(text, false, &mut budget);
        Ok(Some(Hook {
            command: hook
                .command
                .iter()
                .map(&mut expand)
                .collect::<Result<_>>()?,
            workload: hook.workload.as_ref().map(&mut expand).transpose()?,
            ..hook.clone()
        }))
    };
    let mut expand =
        |hook, name| expand(hook).with_context(|| format!("cannot use the hook {name}"));
    Ok(Hooks {
        sync: expand(&hooks.sync, "sync")?,
        quiesce: expand(&hooks.quiesce, "quiesce")?,
        resume: expand(&hooks.resume, "resume")?,
    })
}

fn expand_connect(methods: &[ConnectMethod], values: &Values) -> Result<Vec<ConnectMethod>> {
    let mut budget = RenderBudget::default();
    let mut expand = |text: &String| values.expand_text(text, false, &mut budget);
    methods
        .iter()
        .map(|method| {
            let mut method = method.clone();
            method.exec = method.exec.iter().map(&mut expand).collect::<Result<_>>()?;
            method.enabled = method.enabled.as_ref().map(&mut expand).transpose()?;
            method.workload = method.workload.as_ref().map(&mut expand).transpose()?;
            if let Some(http) = &mut method.http {
                http.path = http.path.as_ref().map(&mut expand).transpose()?;
                if let Some(IntOrString::Text(port)) = &http.port {
                    http.port = Some(expand(port)?.as_str().into());
                }
            }
            if let Some(ssh) = &mut method.ssh {
                ssh.user = ssh.user.as_ref().map(&mut expand).transpose()?;
                if let Some(IntOrString::Text(port)) = &ssh.port {
                    ssh.port = Some(expand(port)?.as_str().into());
                }
            }
            Ok(method)
        })
        .collect::<Result<_>>()
        .and_then(validate_methods)
        .context("cannot use the connection methods")
}

/// Returns the methods that are enabled.
fn validate_methods(methods: Vec<ConnectMethod>) -> Result<Vec<ConnectMethod>> {
    methods.iter().try_for_each(ConnectMethod::validate)?;
    let enabled = methods.into_iter().filter_map(|mut method| {
        let enabled = method.enabled.take();
        (enabled.as_deref() != Some("false")).then_some(method)
    });
    Ok(enabled.collect())
}

/// Returns the lifetime of a start: the session's, else the template's, else the template's maximum.
///
/// # Errors
/// A value that does not parse, or that exceeds the template's maximum.
fn resolve_lifetime(spec: &SessionSpec, said: Option<&LifetimeSpec>) -> Result<Option<Duration>> {
    let parse = |value: &IntOrString, of: &str| {
        value
            .to_string()
            .parse::<Lifetime>()
            .with_context(|| format!("invalid {of} {:?}", value.to_string()))
    };
    let maximum = said
        .and_then(|said| said.maximum.as_ref())
        .map(|value| parse(value, "lifetime.maximum"))
        .transpose()?;
    let wanted = match (&spec.timeout, said.and_then(|said| said.timeout.as_ref())) {
        (Some(value), _) => parse(value, "timeout")?,
        (None, Some(value)) => parse(value, "lifetime.timeout")?,
        (None, None) => maximum.clone().unwrap_or_else(Lifetime::never),
    };
    if let Some(maximum) = maximum
        && wanted.exceeds(&maximum)
    {
        let error =
            anyhow::anyhow!("lifetime {wanted} exceeds the template's maximum of {maximum}");
        return Err(with_hint(
            error,
            format!("set --expires-in to at most {maximum}"),
        ));
    }
    Ok(wanted.duration())
}
