//! The command line of `setup secrets`.

use clap::Args as Group;

use crate::part::flags::PartFlags;

pub(crate) const LONG_ABOUT: &str = "Set keys of a Secret, or have it filled from an external store

Set the keys that --from-literal, --from-file and --from-env-file name, in the Secret NAME, which is created if it does not exist. \
Its other keys are kept, whoever set them. Without such flags, print the keys of the Secret and the length of each value.

Values that are stored in a cluster are never printed, in no output format: -o json and yaml have the lengths. Only \
--dry-run=client prints values, base64-encoded: those of the command itself, as a manifest to apply.

A Secret that this command has not made is refused. With --force, the keys are set in it, and everything else of it stays as it is. \
With --remove, the Secret is deleted if this command has made it.

With --external, apply an ExternalSecret: the External Secrets Operator reads its keys from a store, such as Vault or a cloud's \
secret manager, and writes them into the Secret of the same name. Values never pass through this command. The operator must be \
installed, in a version that serves external-secrets.io/v1 or v1beta1. With --remove, the operator deletes the Secret too.

With --for sindri, the name is sindri-secrets, and with --external the store is vault-backend and the key ANTHROPIC_API_KEY unless \
flags name others. Set secretName in the sindri.yaml to use the Secret: its keys become environment variables.";

pub(crate) const EXAMPLES: &str = "  # Set a key from a file, and one from standard input
  kubectl session setup secrets sindri-secrets --from-file ANTHROPIC_API_KEY=key.txt
  pass github | tr -d '\\n' | kubectl session setup secrets sindri-secrets --from-file GITHUB_TOKEN=-

  # Set keys from a file with a KEY=VALUE on each line
  kubectl session setup secrets sindri-secrets --from-env-file .env

  # Print keys and lengths
  kubectl session setup secrets sindri-secrets

  # Remove one key; delete the Secret
  kubectl session setup secrets sindri-secrets --remove-key GITHUB_TOKEN
  kubectl session setup secrets sindri-secrets --remove

  # Fill the Secret of Sindri's environments from Vault
  kubectl session setup secrets --external --for sindri -n dev-environments

  # Fill the password of a lab from Vault
  kubectl session setup secrets lab-session-alice-secrets --external --store vault-backend --data vscode-password=dozlab/sessions/alice#vscode_password

  # Delete the ExternalSecret
  kubectl session setup secrets sindri-secrets --external --remove";

pub(crate) const USAGE: &str = "kubectl session setup secrets NAME [--from-literal KEY=VALUE] [--from-file [KEY=]FILENAME] [--from-env-file FILENAME] [options]
  kubectl session setup secrets NAME [--remove] [options]
  kubectl session setup secrets NAME --external --store STORE --data KEY=PATH[#PROPERTY]... [options]
  kubectl session setup secrets [NAME] --external --for TEMPLATE [options]";

/// Flags of `setup secrets`, unchecked.
#[derive(Group, Clone, Debug, Default)]
pub struct SetupSecretsArgs {
    /// Name of the Secret
    pub name: Option<String>,

    #[command(flatten)]
    pub part: PartFlags,

    #[command(flatten)]
    pub values: SecretValueFlags,

    #[command(flatten)]
    pub store: ExternalStoreFlags,
}

/// Flags for the keys of a Secret, as `kubectl create secret generic` has them.
#[derive(Group, Clone, Debug, Default)]
pub struct SecretValueFlags {
    /// Key and value; may be repeated. Other users of the machine can see it in the list of processes
    #[arg(long, value_name = "KEY=VALUE")]
    pub from_literal: Vec<String>,

    /// File with the value of a key, by default of the key that is the file's name; may be repeated. "-" means standard input
    #[arg(long, value_name = "[KEY=]FILENAME")]
    pub from_file: Vec<String>,

    /// File with one KEY=VALUE per line; may be repeated. "-" means standard input
    ///
    /// Everything behind the first = is the value, quotes included. Blank lines and lines that begin with # are skipped.
    #[arg(long, value_name = "FILENAME")]
    pub from_env_file: Vec<String>,

    /// Key to remove, which this command has set; may be repeated
    #[arg(long, value_name = "KEY")]
    pub remove_key: Vec<String>,

    /// Type of a new Secret; Opaque if not set
    #[arg(long = "type", value_name = "TYPE")]
    pub secret_type: Option<String>,

    /// If true, set keys also in a Secret that this command has not made
    #[arg(long)]
    pub force: bool,
}

impl SecretValueFlags {
    /// Returns true if a flag sets or removes a key.
    pub(crate) fn names_keys(&self) -> bool {
        let flags = [
            &self.from_literal,
            &self.from_file,
            &self.from_env_file,
            &self.remove_key,
        ];
        flags.iter().any(|flag| !flag.is_empty())
    }
}

/// Flags for the store that fills a Secret.
#[derive(Group, Clone, Debug, Default)]
pub struct ExternalStoreFlags {
    /// If true, the Secret is filled from an external store
    #[arg(long, conflicts_with_all = ["from_literal", "from_file", "from_env_file", "remove_key", "secret_type", "force"])]
    pub external: bool,

    /// Store that holds the values
    #[arg(long, value_name = "NAME", requires = "external")]
    pub store: Option<String>,

    /// Kind of the store: ClusterSecretStore, or SecretStore for one of the namespace
    #[arg(
        long,
        value_name = "KIND",
        default_value = "ClusterSecretStore",
        requires = "external"
    )]
    pub store_kind: String,

    /// Key of the Secret and where the store has its value; may be repeated
    #[arg(long, value_name = "KEY=PATH[#PROPERTY]", requires = "external")]
    pub data: Vec<String>,

    /// Time after which the store is read again
    #[arg(
        long,
        value_name = "DURATION",
        default_value = "1h",
        requires = "external"
    )]
    pub refresh_interval: String,
}
