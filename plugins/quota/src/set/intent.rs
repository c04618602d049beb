//! The validated request of `quota set`.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use session_shared::capacity::container_defaults::ContainerDefaults;
use session_shared::capacity::hours_budget::UserBudget;
use session_shared::capacity::quota_change::{SINDRI_QUOTA, limit_range_name};
use session_shared::capacity::quota_key::{GPU_KEY, add_hard, canonical_key};
use session_shared::client::DryRun;
use session_shared::failure::{usage_error, with_hint};
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::file_connection::{adopt_file_connection, describe_connection};
use session_shared::flags::input_form::input_form;
use session_shared::flags::mutation_options::MutationOptions;
use session_shared::flags::values::read_source;
use session_shared::names::check_dns_subdomain;
use session_shared::objects::resource::SESSION_COUNT;
use session_shared::quantity::Quantity;
use session_shared::report::console::Console;
use session_shared::template::{Conversion, InputForm, Source};

use super::args::{AmountFlags, COUNTED_TIMEOUT, QuotaSetArgs};
use crate::set_hours::{self, parse_hours};

/// Name of the ResourceQuota if neither the command line nor a file names one.
const DEFAULT_NAME: &str = "session-quota";

/// A validated request to set a quota.
#[derive(Clone, Debug)]
pub(crate) struct Intent {
    /// Name of the ResourceQuota.
    pub(crate) name: String,
    /// Name of the LimitRange.
    pub(crate) limits_name: String,
    /// Namespace that a file names; `None` for the connection's.
    pub(crate) namespace: Option<String>,
    /// `spec.hard` of the ResourceQuota; without any, only the LimitRange is set.
    pub(crate) hard: BTreeMap<String, Quantity>,
    /// Defaults of the LimitRange; without any, no LimitRange is set.
    pub(crate) defaults: ContainerDefaults,
    /// Budgets of running hours.
    pub(crate) hours: Vec<UserBudget>,
    /// True to take over objects of others.
    pub(crate) force: bool,
    pub(crate) yes: bool,
    /// Timeout of the wait; `None` does not wait.
    pub(crate) wait: Option<Duration>,
    pub(crate) mutation: MutationOptions,
    pub(crate) connection: ConnectionFlags,
}

/// Validates the command line and the file it names. The file's namespace and context become those of the connection, unless flags
/// name others.
///
/// # Errors
/// Usage errors: nothing to set, an unknown resource, one given twice, an invalid amount; problems of the file.
pub(crate) fn parse_intent(
    args: QuotaSetArgs,
    connection: &ConnectionFlags,
    console: &mut Console,
) -> Result<Intent> {
    let QuotaSetArgs {
        name,
        filename,
        config,
        amounts,
        hours,
        force,
        yes,
        output,
        write_flags,
        wait_flags,
    } = args;
    let hours = parse_hours(&hours)?;
    let mutation = MutationOptions::for_objects(&write_flags, &output, console)?;
    let mut amounts = QuotaAmounts::of_flags(amounts)?;
    let mut connection = connection.clone();
    let mut default_name = DEFAULT_NAME;
    let mut namespace = None;
    if let Some(file) = filename.or_else(|| config.clone()) {
        let source = read_source(&file, console.input())?;
        let is_nvim = config.is_some();
        (default_name, namespace) =
            amounts.merge_file(&source, is_nvim, &mut connection, console)?;
    }
    let (hard, defaults) = amounts.finish(!hours.is_empty())?;
    check_name(name.as_deref(), !hard.is_empty() || !defaults.is_empty())?;
    let name = name.unwrap_or_else(|| default_name.to_owned());
    let waits = wait_flags.wait && mutation.dry_run == DryRun::None && !hard.is_empty();
    Ok(Intent {
        limits_name: limit_range_name(&name),
        name,
        namespace,
        hard,
        defaults,
        hours,
        force,
        yes,
        wait: waits.then(|| wait_flags.timeout_or(COUNTED_TIMEOUT)),
        mutation,
        connection,
    })
}

/// Checks the NAME of a command that sets limits, budgets of hours or both.
///
/// # Errors
/// An invalid name; that of the quota with the budgets, which limits would replace; a name that nothing is set under.
fn check_name(name: Option<&str>, has_limits: bool) -> Result<()> {
    let Some(name) = name else { return Ok(()) };
    check_dns_subdomain(name).map_err(|reason| anyhow!("invalid name {name:?}: {reason}"))?;
    match (name == set_hours::NAME, has_limits) {
        (true, true) => Err(with_hint(
            anyhow!("invalid name {name:?}: the quota of this name holds the budgets of --hours"),
            "choose another NAME",
        )),
        (false, false) => Err(usage_error(format!(
            "NAME is not used with --hours alone: budgets are kept in quota {:?}",
            set_hours::NAME
        ))),
        _ => Ok(()),
    }
}

/// The amounts of a quota, as they are put together from flags and a file.
struct QuotaAmounts {
    hard: BTreeMap<String, Quantity>,
    defaults: ContainerDefaults,
    /// Factor from requests to limits.
    factor: Option<Quantity>,
}

impl QuotaAmounts {
    /// Returns the amounts of the flags.
    ///
    /// # Errors
    /// An unknown resource, one that is given twice, an invalid amount.
    fn of_flags(flags: AmountFlags) -> Result<Self> {
        let AmountFlags {
            max_sessions,
            cpu,
            memory,
            storage,
            claims,
            pods,
            gpu,
            hard,
            limits_factor,
            limit_range,
        } = flags;
        let named = [
            ("max-sessions", SESSION_COUNT, max_sessions),
            ("cpu", "requests.cpu", cpu),
            ("memory", "requests.memory", memory),
            ("storage", "requests.storage", storage),
            ("claims", "persistentvolumeclaims", claims),
            ("pods", "pods", pods),
            ("gpu", GPU_KEY, gpu),
        ];
        Ok(Self {
            hard: read_hard(named, &hard)?,
            defaults: read_defaults(&limit_range)?,
            factor: limits_factor.as_deref().map(parse_factor).transpose()?,
        })
    }

    /// Adds the amounts of a file that no flag gives. Returns the name of its quota and the namespace that it brings.
    ///
    /// # Errors
    /// Problems of the file; one that describes no quota.
    fn merge_file(
        &mut self,
        source: &Source,
        is_nvim: bool,
        connection: &mut ConnectionFlags,
        console: &mut Console,
    ) -> Result<(&'static str, Option<String>)> {
        let file = source.name();
        let (form, converted) = convert(source, is_nvim)?;
        let named = describe_connection(&converted);
        console.note(&format!("{file} is {}{named}", form.describe()));
        // Warnings about the rest of a sindri.yaml do not concern its quota.
        let concerns = |text: &str| form != InputForm::Sindri || text.contains("resourceQuota");
        let warnings = converted.warnings.iter();
        for warning in warnings.filter(|warning| concerns(&warning.message)) {
            console.warn_with_hint(&warning.to_string(), warning.hint.as_deref());
        }
        // After the warnings: a misspelled field is why there is no quota.
        require_quota(file, form, &converted)?;
        let has_own_limits = self.hard.keys().any(|key| key.starts_with("limits."));
        let given: Vec<String> = self.hard.keys().cloned().collect();
        for (key, amount) in &converted.quota {
            if key.starts_with("limits.") {
                // Limits follow the requests, which flags may have changed.
                let twice = Quantity::from_units(2);
                self.factor = self.factor.or((!has_own_limits).then_some(twice));
            } else if !given.iter().any(|given| canonical_key(given) == key) {
                add_hard(&mut self.hard, key, amount).with_context(|| file.to_owned())?;
            }
        }
        if self.defaults.is_empty() {
            for (key, amount) in &converted.container_defaults {
                self.defaults.add(key, amount)?;
            }
            let mut hard = self.hard.clone();
            add_limits(&mut hard, self.factor)?;
            self.defaults.cap(&hard);
        }
        let name = match form {
            InputForm::Sindri => SINDRI_QUOTA,
            _ => DEFAULT_NAME,
        };
        let namespace = adopt_file_connection(file, &converted, connection, console);
        Ok((name, namespace))
    }

    /// Returns the hard limits, with the limits that follow from requests, and the defaults.
    ///
    /// # Errors
    /// There are none at all, and no budgets of hours; a factor without requests.
    fn finish(
        mut self,
        has_hours: bool,
    ) -> Result<(BTreeMap<String, Quantity>, ContainerDefaults)> {
        if self.hard.is_empty() && self.defaults.is_empty() && !has_hours {
            return Err(usage_error(
                "at least one of --max-sessions, --cpu, --memory, --storage, --claims, --pods, --gpu, --hard, --limit-range, --hours, --filename and --config is required",
            ));
        }
        add_limits(&mut self.hard, self.factor)?;
        Ok((self.hard, self.defaults))
    }
}

/// Returns the hard limits of the flags: those with a flag of their own, with their key, and those of `--hard`.
fn read_hard<const N: usize>(
    named: [(&str, &str, Option<String>); N],
    pairs: &[String],
) -> Result<BTreeMap<String, Quantity>> {
    let mut hard = BTreeMap::new();
    for (flag, key, amount) in named {
        if let Some(amount) = amount {
            let added = add_hard(&mut hard, key, &amount);
            added.with_context(|| format!("invalid argument for --{flag}"))?;
        }
    }
    for pair in pairs {
        let (key, amount) = split_pair("--hard", "RESOURCE=QUANTITY", pair)?;
        add_hard(&mut hard, key, amount).context("invalid argument for --hard")?;
    }
    Ok(hard)
}

fn read_defaults(pairs: &[String]) -> Result<ContainerDefaults> {
    let mut defaults = ContainerDefaults::default();
    for pair in pairs {
        let (key, amount) = split_pair("--limit-range", "default.cpu=QUANTITY", pair)?;
        let added = defaults.add(key, amount);
        added.context("invalid argument for --limit-range")?;
    }
    defaults
        .check()
        .context("invalid argument for --limit-range")?;
    Ok(defaults)
}

fn split_pair<'a>(flag: &str, form: &str, pair: &'a str) -> Result<(&'a str, &'a str)> {
    pair.split_once('=').ok_or_else(|| {
        let error = anyhow!("invalid argument for {flag}: {pair:?} has no \"=\"");
        with_hint(error, format!("use {flag} {form}"))
    })
}

/// Largest factor from requests to limits.
const FACTOR_MAX: i64 = 1_000_000;

/// Parses a factor from requests to limits.
fn parse_factor(text: &str) -> Result<Quantity> {
    let is_decimal = text.chars().all(|c| c.is_ascii_digit() || c == '.');
    let factor = text.parse::<Quantity>().ok().filter(|_| is_decimal);
    let range = Quantity::from_units(1)..=Quantity::from_units(FACTOR_MAX);
    factor.filter(|factor| range.contains(factor)).ok_or_else(|| {
        usage_error(format!(
            "invalid value of --limits-factor {text:?}: must be a number from 1 to {FACTOR_MAX}, such as 1.5"
        ))
    })
}

/// Adds `limits.cpu` and `limits.memory`, a multiple of what may be requested.
fn add_limits(hard: &mut BTreeMap<String, Quantity>, factor: Option<Quantity>) -> Result<()> {
    let Some(factor) = factor else { return Ok(()) };
    let one = Quantity::from_units(1);
    let mut limits = Vec::new();
    for (key, amount) in &*hard {
        if let "requests.cpu" | "requests.memory" = canonical_key(key) {
            let limit = canonical_key(key).replace("requests.", "limits.");
            limits.push((limit, amount.scale_ratio(&factor, &one)));
        }
    }
    if limits.is_empty() {
        return Err(usage_error("--limits-factor requires --cpu or --memory"));
    }
    for (key, amount) in limits {
        add_hard(hard, &key, &amount.to_string())
            .context("invalid argument for --limits-factor")?;
    }
    Ok(())
}

/// Converts a file. No secret of it is read.
///
/// # Errors
/// Problems of the file; Kubernetes objects.
fn convert(source: &Source, is_config: bool) -> Result<(InputForm, Conversion)> {
    let form = input_form("quota set", source.name(), is_config, source)?;
    let shown = source.name();
    // Secrets do not matter for a quota, but without a value a required one would be a problem.
    let converted = form.convert(source, &mut |_, _| Ok(Some("unread".to_owned())))?;
    let Some(converted) = converted else {
        let error = anyhow!("{shown}: Kubernetes objects describe no quota of sessions");
        return Err(with_hint(
            error,
            "apply a ResourceQuota with kubectl apply, or give its amounts with --hard",
        ));
    };
    Ok((form, converted))
}

/// Checks that a file describes a quota.
fn require_quota(file: &str, form: InputForm, converted: &Conversion) -> Result<()> {
    if !converted.quota.is_empty() {
        return Ok(());
    }
    let (missing, hint) = match form {
        InputForm::Sindri => (
            "no providers.kubernetes.resourceQuota".to_owned(),
            "add resourceQuota to the file, or give its amounts with flags, without --filename: --cpu 4 --memory 8Gi --storage 100Gi",
        ),
        InputForm::NvimConfig => (
            "no max_sessions in table [kubernetes]".to_owned(),
            "add max_sessions to the file, or give it with a flag, without --config: --max-sessions 100",
        ),
        form => (
            format!("{} describes no quota", form.describe()),
            "give its amounts with flags, without --filename: --cpu 4 --memory 8Gi",
        ),
    };
    Err(with_hint(anyhow!("{file}: {missing}"), hint))
}

#[cfg(test)]
#[path = "intent_tests.rs"]
mod tests;
