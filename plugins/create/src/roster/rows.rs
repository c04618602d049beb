//! What each row of a roster asks for: the flags of the command line, overridden by the row's cells. Pure.

use anyhow::{Result, anyhow, bail};
use session_shared::Timestamp;
use session_shared::failure::with_hint;
use session_shared::names::{NamespaceName, TemplateName};

use super::observe::{ExistingSession, NamedObjects, RosterFacts};
use crate::given_session::SessionSource;
use crate::intent::Intent;
use crate::plan::{self, NewSession, Observed};
use crate::spec_flags::check_spec;
use session_shared::roster::reader::{Roster, Row};

/// A validated command line with a roster.
#[derive(Debug)]
pub(super) struct RosterIntent {
    /// Intent of a row without any cell but the user.
    pub(super) base: Intent,
    /// True if the command line names a template.
    pub(super) has_template: bool,
    /// Namespace of rows that name none.
    pub(super) namespace: NamespaceName,
    /// Token of this run.
    pub(super) run: String,
    /// True if a CronJob creates the sessions later.
    pub(super) is_scheduled: bool,
}

/// What is done with a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// The session is created.
    Create,
    /// The session was created by a command that was killed before it had created all objects: the rest is created.
    Complete,
    /// The session is there.
    Keep,
}

/// A row with everything that its creation needs.
pub(super) struct PlannedRow {
    pub(super) intent: Intent,
    pub(super) observed: Observed,
    pub(super) subject: NewSession,
}

impl RosterIntent {
    /// Returns the template of a row: its cell, else the flag.
    pub(super) fn template_of<'a>(&'a self, row: &'a Row) -> Option<&'a TemplateName> {
        match (&row.template, &self.base.session.source) {
            (Some(template), _) => Some(template),
            (None, SessionSource::Template(template)) if self.has_template => Some(template),
            _ => None,
        }
    }

    /// Returns the namespace of a row: its cell, else that of the command.
    pub(super) fn namespace_of<'a>(&'a self, row: &'a Row) -> &'a NamespaceName {
        row.namespace.as_ref().unwrap_or(&self.namespace)
    }

    /// Returns the templates and namespaces that the valid rows name.
    pub(super) fn named_objects(&self, roster: &Roster) -> NamedObjects {
        let mut named = NamedObjects::default();
        for row in roster.rows().filter_map(|(_, row)| row.ok()) {
            named.templates.extend(self.template_of(&row).cloned());
            named.namespaces.insert(self.namespace_of(&row).clone());
        }
        named
    }

    /// Decides what is done with a row.
    ///
    /// # Errors
    /// A session of that name that belongs to another user or is being deleted; a namespace that does not exist.
    pub(super) fn decide(&self, row: &Row, facts: &RosterFacts) -> Result<Action> {
        let name = self.namespace_of(row);
        let Some(namespace) = facts.namespaces.get(name) else {
            bail!("namespace {:?} was not read", name.as_str());
        };
        if !namespace.exists && !self.base.create_namespace {
            let error = anyhow!("namespace {:?} not found", name.as_str());
            return Err(with_hint(
                error,
                "add --create-namespace to create the namespace, too",
            ));
        }
        match namespace.sessions.get(row.name.as_str()) {
            None => Ok(Action::Create),
            Some(existing) => decide_existing(row, existing),
        }
    }

    /// Renders the session of a row.
    ///
    /// # Errors
    /// Every problem of the row's values and its template.
    pub(super) fn plan_row(
        &self,
        row: &Row,
        facts: &RosterFacts,
        now: Timestamp,
    ) -> Result<PlannedRow> {
        let intent = self.row_intent(row)?;
        let name = self.template_of(row);
        let template = name.and_then(|name| facts.templates.get(name)?.clone());
        if template.is_none() {
            let name = name.map(TemplateName::as_str).unwrap_or_default();
            let error = anyhow!("template {name:?} not found");
            return Err(with_hint(
                error,
                "list the templates: kubectl session template list",
            ));
        }
        let observed = Observed {
            owner: row.user.clone(),
            namespace: self.namespace_of(row).clone(),
            template,
            now,
            run: self.run.clone(),
        };
        let subject = plan::plan_session(&intent, &observed)?;
        if self.is_scheduled {
            self.require_schedulable(row, &intent, &subject)?;
        }
        Ok(PlannedRow {
            intent,
            observed,
            subject,
        })
    }

    /// Checks that a CronJob of this namespace can create the session from objects that others may read.
    fn require_schedulable(&self, row: &Row, intent: &Intent, subject: &NewSession) -> Result<()> {
        let (namespace, own) = (self.namespace_of(row), &self.namespace);
        if namespace != own {
            let (namespace, own) = (namespace.as_str(), own.as_str());
            let error = anyhow!(
                "namespace {namespace:?} is not the schedule's, {own:?}: its ServiceAccount has permissions only there"
            );
            return Err(with_hint(
                error,
                "schedule the sessions of each namespace with a roster of their own and -n NAMESPACE",
            ));
        }
        let mut secrets = subject.rendered.rendering.secrets.keys();
        if let Some(secret) = secrets.find(|name| intent.values.from_files.contains_key(*name)) {
            let error = anyhow!(
                "parameter {secret:?} is secret, and the values of a scheduled roster are stored in a ConfigMap and a CronJob"
            );
            return Err(with_hint(
                error,
                "leave the value out if the template generates one, or create the sessions now, without --at and --ready-by",
            ));
        }
        Ok(())
    }

    fn row_intent(&self, row: &Row) -> Result<Intent> {
        let Some(template) = self.template_of(row) else {
            let error = anyhow!("the template is missing");
            return Err(with_hint(
                error,
                "fill the cell, or add --template NAME for rows without",
            ));
        };
        let mut intent = self.base.clone();
        intent.session.name = Some(row.name.clone());
        intent.generate_name = false;
        intent.session.user_id = Some(row.user.clone());
        intent.session.source = SessionSource::Template(template.clone());
        // The rollback of one row must not delete the namespace of all.
        intent.create_namespace = false;
        intent.session.spec.template = Some(template.to_string());
        intent.session.spec.preset = row.preset.clone().or(intent.session.spec.preset);
        if let Some(timeout) = &row.timeout {
            intent.session.spec.timeout = Some(timeout.as_str().into());
        }
        for (parameter, value) in &row.parameters {
            // A file's value as those of --env-file: a secret one goes to the parameters Secret.
            intent.values.from_arguments.remove(parameter);
            let values = &mut intent.values.from_files;
            values.insert(parameter.clone(), value.clone());
        }
        check_spec(&intent.session.spec)?;
        Ok(intent)
    }
}

/// Decides what is done with a row whose session exists.
///
/// # Errors
/// A session of another user; one that is being deleted.
pub(super) fn decide_existing(row: &Row, existing: &ExistingSession) -> Result<Action> {
    let name = row.name.as_str();
    if existing.user != row.user.as_str() {
        let error = anyhow!(
            "session {name:?} belongs to another user, {:?}",
            existing.user
        );
        return Err(with_hint(
            error,
            "give the session another name in column name",
        ));
    }
    if existing.is_being_deleted {
        bail!("session {name:?} is being deleted");
    }
    match existing.is_incomplete {
        true => Ok(Action::Complete),
        false => Ok(Action::Keep),
    }
}
