//! Start of a session that was started before: claims, Services, workloads scaled to 0 and terminated Pods already exist.

use serde_json::{Value, json};

use super::live_objects::{LiveObjects, is_data_of, is_terminated, pod_ref};
use super::rendered_start::{RenderedStart, may_use_existing};
use crate::plan::{Plan, PropagationPolicy, Step};
use session_model::api::Session;
use session_model::labels;
use session_model::objects::Untyped;
use session_model::objects::kept_data::immutable_difference;
use session_model::objects::ownership::{has_kind_and_name, is_data};
use session_model::objects::resource::{JOB, PERSISTENT_VOLUME_CLAIM, POD};
use session_model::objects::rest_method::{RestMethod, is_finished_job};
use session_model::objects::{ObjectRef, ResourceType};
use session_model::quantity::Quantity;

const REQUESTED_SIZE: &str = "/spec/resources/requests/storage";

/// A start together with the live objects of the session.
pub(super) struct RestartPlan<'a> {
    pub(super) session: &'a Session,
    pub(super) start: &'a RenderedStart,
    pub(super) live: &'a LiveObjects,
}

impl RestartPlan<'_> {
    fn uid(&self) -> Option<&str> {
        self.session.uid()
    }

    /// Plans what must happen before anything is created. Claims are expanded first, because the server may refuse. Objects that
    /// this start no longer has and terminated Pods are deleted. Pods being deleted are awaited, because their names are needed.
    pub(super) fn plan_cleanup(&self, objects: &[Value], plan: &mut Plan) {
        plan.push_stage(expansion_steps(self.session, objects, self.live));
        let mut deletions = self.obsolete_deletions(objects);
        let uid = self.uid();
        let ended = self
            .live
            .directly_owned_pods(uid)
            .filter(|pod| is_terminated(pod));
        let mut leaving: Vec<ObjectRef> = ended.map(pod_ref).collect();
        deletions.extend(leaving.iter().map(|pod| delete_step(pod, &POD)));
        let jobs: Vec<ObjectRef> = self.finished_jobs().map(ObjectRef::from_object).collect();
        deletions.extend(jobs.iter().map(|job| delete_step(job, &JOB)));
        plan.push_stage(deletions);
        if !jobs.is_empty() {
            plan.push_stage(vec![Step::WaitDeleted {
                targets: jobs.clone(),
                resource: JOB.clone(),
            }]);
        }
        for pod in self.live.own_pods(uid) {
            let job = self.live.workload_of(pod, uid);
            let going = pod.metadata.deletion_timestamp.is_some()
                || job.is_some_and(|job| jobs.contains(&job));
            if going && !leaving.contains(&pod_ref(pod)) {
                leaving.push(pod_ref(pod));
            }
        }
        if !leaving.is_empty() {
            plan.push_stage(vec![Step::WaitDeleted {
                targets: leaving,
                resource: POD.clone(),
            }]);
        }
    }

    /// Returns the session's Jobs that have ended. A Job runs once: to run again, it is made anew.
    fn finished_jobs(&self) -> impl Iterator<Item = &Value> {
        let own = self.live.owners.iter().filter(|object| self.is_own(object));
        own.filter(|object| is_finished_job(object) && !Untyped(object).is_terminating())
    }

    /// Returns deletions of the session's own objects that the last start created and this one does not have. Never data.
    fn obsolete_deletions(&self, objects: &[Value]) -> Vec<Step> {
        let applied = self.session.applied();
        let before = applied.map(|applied| applied.objects.as_slice());
        let gone = before.unwrap_or_default().iter().filter(|object| {
            !objects
                .iter()
                .any(|wanted| has_kind_and_name(wanted, &object.kind, &object.name))
        });
        gone.filter_map(|object| {
            let (resource, found) = self.live.find_object(&object.kind, &object.name)?;
            let same = Untyped(&found).has_uid(&object.uid);
            let own = Untyped(&found).is_owned_by(self.uid());
            (same && own && !is_data(&found)).then(|| delete_step(object, &resource))
        })
        .collect()
    }

    /// Returns patches that remove the kept-since mark from the session's data, because the data is in use again.
    pub(super) fn unmark_kept(&self) -> Vec<Step> {
        let own = self.live.own_data(self.session);
        let kept = own.filter(|object| Untyped(object).annotation(labels::KEPT_SINCE).is_some());
        let step = |object: &Value| {
            let target = ObjectRef::from_object(object);
            let resource = ResourceType::find_known(&target.api_version, &target.kind)?.clone();
            let annotations = json!({ labels::SESSION_UID: self.uid(), labels::KEPT_SINCE: null });
            Some(Step::Patch {
                target,
                resource,
                patch: json!({ "metadata": { "annotations": annotations } }),
            })
        };
        kept.filter_map(step).collect()
    }

    /// Returns the steps that adopt claims which a StatefulSet to be created would find by name.
    pub(super) fn adopt_claims(&self, objects: &[Value]) -> Vec<Step> {
        let sets = objects
            .iter()
            .filter(|object| Untyped(object).kind() == "StatefulSet");
        let made = sets.filter(|set| {
            let name = Untyped(set).name();
            self.live.find_object("StatefulSet", name).is_none()
        });
        let claims = made.flat_map(statefulset_claims);
        claims.map(|claim| Step::Adopt { claim }).collect()
    }

    /// Returns the step for one object of the start: create, apply or keep.
    pub(super) fn object_step(&self, object: Value) -> Step {
        let existing = may_use_existing(&object, &self.start.use_existing);
        let (kind, name) = (Untyped(&object).kind(), Untyped(&object).name());
        let found = self.live.find_object(kind, name).map(|(_, found)| found);
        // An object of another owner that the last start was allowed to use.
        if let Some(used) = found
            .as_ref()
            .filter(|f| !self.is_own(f) && self.was_recorded(f))
        {
            return Step::LeaveUnchanged {
                object: used.clone(),
            };
        }
        // For an object that is not the session's, the answer to the POST decides. An object that is being deleted is created
        // again once it is gone.
        let Some(found) =
            found.filter(|found| self.is_own(found) && !Untyped(found).is_terminating())
        else {
            return Step::Create {
                object,
                use_existing: existing,
            };
        };
        if is_data(&found) || self.runs(&found) {
            return Step::LeaveUnchanged { object: found };
        }
        Step::Apply {
            object,
            current: found,
        }
    }

    /// Returns true for a workload that has Pods or wants some: a start leaves it as it is.
    fn runs(&self, found: &Value) -> bool {
        self.live.makes_pods(&ObjectRef::from_object(found))
            && Untyped(found).kind() != "CronJob"
            && !self.live.is_at_rest(found, self.session.primary())
    }

    fn is_own(&self, found: &Value) -> bool {
        // The suite writes no ownerReference on data, so one that is there proves nothing.
        match is_data(found) {
            true => is_data_of(found, self.session),
            false => Untyped(found).is_owned_by(self.uid()),
        }
    }

    fn was_recorded(&self, found: &Value) -> bool {
        let applied = self.session.applied();
        let mut before = applied.iter().flat_map(|applied| &applied.objects);
        let found = ObjectRef::from_object(found);
        before.any(|object| *object == found && object.is_same_object(&found))
    }

    /// Returns the step that scales a workload of a kind that is not built in back to its recorded count.
    pub(super) fn scale_steps(&self) -> Vec<Step> {
        let primary = &self.start.rendering.primary;
        let applied = self.session.applied();
        let recorded =
            applied.and_then(|applied| applied.replicas_of(&primary.kind, &primary.name));
        let custom = self.live.custom.as_ref();
        let custom =
            custom.filter(|one| has_kind_and_name(&one.object, &primary.kind, &primary.name));
        let step = custom.and_then(|custom| custom.start_step(primary, recorded));
        step.into_iter().collect()
    }

    /// Keeps the minimums that `resize --min-replicas` wrote into the session's autoscalers, as long as the rendering's maximum
    /// allows them.
    pub(super) fn keep_minimums(&self, objects: &mut [Value]) {
        for object in objects {
            let (kind, name) = (Untyped(object).kind(), Untyped(object).name());
            if kind != "HorizontalPodAutoscaler" {
                continue;
            }
            let found = self.live.find_object(kind, name).map(|(_, found)| found);
            let found = found.filter(|found| self.is_own(found));
            let kept = found.as_ref().and_then(|found| {
                let text = Untyped(found).annotation(labels::MIN_REPLICAS)?;
                text.parse::<i64>().ok()
            });
            let most = object.pointer("/spec/maxReplicas").and_then(Value::as_i64);
            if let Some(count) = kept.filter(|count| most.is_some_and(|most| *count <= most)) {
                object["metadata"]["annotations"][labels::MIN_REPLICAS] = count.to_string().into();
                object["spec"]["minReplicas"] = count.into();
            }
        }
    }

    /// Restores the recorded replica counts of workloads, including those set by an autoscaler: an autoscaler ignores a workload
    /// at 0, and one created without a count gets a single Pod. Running workloads are not changed, so that the current count of an
    /// autoscaler stays. A Job that a stop suspended is
    /// resumed unless its author suspends it.
    pub(super) fn wake(&self, objects: &mut [Value]) {
        let Some(applied) = self.session.applied() else {
            return;
        };
        for object in objects {
            let (kind, name) = (Untyped(object).kind(), Untyped(object).name());
            let count = applied.replicas_of(kind, name);
            let method = RestMethod::of_kind(kind);
            let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) else {
                continue;
            };
            match (method, count.filter(|count| *count > 0)) {
                (Some(RestMethod::Replicas), Some(count)) => {
                    spec.insert("replicas".into(), count.into());
                }
                (Some(RestMethod::Suspend), _) => {
                    spec.entry("suspend").or_insert(false.into());
                }
                _ => {}
            }
        }
    }
}

/// Returns the claims that a StatefulSet creates, or finds by name, for its Pods.
fn statefulset_claims(set: &Value) -> Vec<Value> {
    let name = Untyped(set).name();
    let count = set.pointer("/spec/replicas").and_then(Value::as_u64);
    let first = set.pointer("/spec/ordinals/start").and_then(Value::as_u64);
    let (count, first) = (count.unwrap_or(1), first.unwrap_or(0));
    let templates = set
        .pointer("/spec/volumeClaimTemplates")
        .and_then(Value::as_array);
    let claim = |template: &Value, ordinal: u64| {
        let mut claim = template.clone();
        let begin = Untyped(template).name();
        claim["apiVersion"] = "v1".into();
        claim["kind"] = "PersistentVolumeClaim".into();
        claim["metadata"]["name"] = format!("{begin}-{name}-{ordinal}").into();
        claim
    };
    let templates = templates.into_iter().flatten();
    templates
        .flat_map(|template| (first..first + count).map(move |ordinal| claim(template, ordinal)))
        .collect()
}

fn delete_step(target: &ObjectRef, resource: &ResourceType) -> Step {
    Step::Delete {
        target: target.clone(),
        resource: resource.clone(),
        propagation: PropagationPolicy::Background,
    }
}

/// Returns the session's existing claims that `objects` refer to, each with the claim that the rendering or a StatefulSet's claim
/// template wants in its place.
fn matching_claims<'a>(
    session: &'a Session,
    objects: &'a [Value],
    live: &'a LiveObjects,
) -> impl Iterator<Item = (&'a Value, &'a Value)> {
    live.own_data(session)
        .filter(|found| Untyped(found).kind() == "PersistentVolumeClaim")
        .filter_map(|found| {
            let name = Untyped(found).name();
            let wanted = objects
                .iter()
                .find_map(|object| find_wanted_claim(object, name))?;
            Some((found, wanted))
        })
}

fn find_wanted_claim<'a>(object: &'a Value, name: &str) -> Option<&'a Value> {
    if has_kind_and_name(object, "PersistentVolumeClaim", name) {
        return Some(object);
    }
    let templates = object.pointer("/spec/volumeClaimTemplates")?.as_array()?;
    let set = Untyped(object).name();
    templates.iter().find(|template| {
        let begin = format!("{}-{set}-", Untyped(template).name());
        name.strip_prefix(&begin).is_some_and(|ordinal| {
            !ordinal.is_empty() && ordinal.bytes().all(|byte| byte.is_ascii_digit())
        })
    })
}

/// Returns the claims that `start` wants larger than they are, each with its patch.
pub fn claim_expansions(
    session: &Session,
    start: &RenderedStart,
    live: &LiveObjects,
) -> Vec<(ObjectRef, Value)> {
    let steps = expansion_steps(session, &start.owned_objects(), live).into_iter();
    steps
        .filter_map(|step| match step {
            Step::Patch { target, patch, .. } => Some((target, patch)),
            _ => None,
        })
        .collect()
}

/// Returns the patches that expand claims. Claims are never shrunk.
fn expansion_steps(session: &Session, objects: &[Value], live: &LiveObjects) -> Vec<Step> {
    let size = |claim: &Value| {
        Untyped(claim)
            .str_at(REQUESTED_SIZE)?
            .parse::<Quantity>()
            .ok()
    };
    matching_claims(session, objects, live)
        .filter_map(|(found, wanted)| {
            let (has, wants) = (size(found)?, size(wanted)?);
            (wants > has).then(|| Step::Patch {
                target: ObjectRef::from_object(found),
                resource: PERSISTENT_VOLUME_CLAIM.clone(),
                patch: json!({ "spec": { "resources": { "requests": { "storage": wants.to_string() } } } }),
            })
        })
        .collect()
}

/// Returns one line about a claim that `start` wants to change in a way Kubernetes does not allow: all fields but the size are
/// immutable. `None` without such a claim.
pub fn find_claim_conflict(
    session: &Session,
    start: &RenderedStart,
    live: &LiveObjects,
) -> Option<String> {
    let objects = start.owned_objects();
    matching_claims(session, &objects, live).find_map(|(found, wanted)| {
        let (field, has, wants) = immutable_difference(found, wanted)?;
        let name = Untyped(found).name();
        Some(format!(
            "cannot change PersistentVolumeClaim {name:?}: spec.{field} is {has} and cannot become {wants}"
        ))
    })
}

/// Returns the claims that a start of `objects` creates or finds by name: those of the rendering, and those of StatefulSets.
pub fn expected_claims(objects: &[Value]) -> Vec<Value> {
    let is_claim = |object: &&Value| Untyped(object).kind() == "PersistentVolumeClaim";
    let claims = objects.iter().filter(is_claim).cloned();
    let sets = objects
        .iter()
        .filter(|object| Untyped(object).kind() == "StatefulSet");
    claims.chain(sets.flat_map(statefulset_claims)).collect()
}
