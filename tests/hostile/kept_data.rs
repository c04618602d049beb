//! Data that outlives its session, forged owners and forged snapshots.

mod claims;
mod owners;
mod scene;
mod snapshots;

use crate::attack::{Attack, attack};
use claims::{
    claim_that_names_no_run_is_not_taken_up, claim_without_a_volume_is_made_anew,
    class_that_contradicts_kept_data_is_refused, forged_claim_vouches_for_no_forged_secret,
    forged_parameters_secret_is_not_taken_up, kept_data_of_another_template_is_not_taken_up,
    kept_data_of_another_user_is_not_taken_up, kept_data_that_is_not_used_is_told,
    kept_parameters_secret_is_still_taken_up, parameters_secret_without_a_session_is_not_taken_up,
    session_of_another_user_destroys_no_kept_data, user_of_the_same_label_gets_no_kept_data,
};
use owners::{
    autoscaled_deployment_comes_back_with_its_count,
    forged_owner_has_nobody_ask_for_what_they_may_not_see,
    forged_pod_does_not_change_what_list_shows,
    forged_pod_is_not_entered_in_place_of_the_sessions_own,
    forged_pod_is_not_read_in_place_of_the_sessions_own,
    forged_pod_is_not_stopped_with_the_session, forged_pod_of_a_controller_is_not_read,
    forged_pod_of_a_stopped_session_is_not_taken_for_its_workload,
    pod_of_an_earlier_session_is_not_read,
};
use snapshots::{
    forged_newest_snapshot_displaces_no_true_one, forged_snapshot_is_not_cleaned_up,
    forged_snapshot_is_not_restored, snapshot_of_another_namespace_is_not_counted,
    snapshot_of_another_user_is_counted_by_itself, unbound_snapshot_displaces_no_true_one,
};

pub(crate) fn attacks() -> Vec<Attack> {
    vec![
        attack!(
            forged_pod_is_not_read_in_place_of_the_sessions_own,
            "Creates a Pod whose ownerReference carries the UID of another's Session, named before the session's own",
            "The session's own Pod is read; a note names the forged one and why it is left alone"
        ),
        attack!(
            forged_pod_is_not_entered_in_place_of_the_sessions_own,
            "Creates such a Pod, ready and marked as primary, before the owner runs a command with `connect`",
            "The command runs in the Pod that status.applied records"
        ),
        attack!(
            forged_pod_is_not_stopped_with_the_session,
            "Has `stop` of another's session delete a Pod that only claims to be its own",
            "`stop` deletes the session's own Pod, by UID, and names the other one"
        ),
        attack!(
            forged_pod_of_a_stopped_session_is_not_taken_for_its_workload,
            "Puts a Pod of the session's name and UID in its place while it is stopped, for the next `start` to take up",
            "`start` refuses, names the Pod and the command that deletes it, and writes nothing"
        ),
        attack!(
            forged_pod_of_a_controller_is_not_read,
            "Creates a Pod whose controlling ownerReference carries the UID of the session's StatefulSet, which does not select it",
            "Only the StatefulSet's own Pod is read; the other one is named"
        ),
        attack!(
            forged_owner_has_nobody_ask_for_what_they_may_not_see,
            "Labels a Pod with a session's name and names an owner of a kind that the user may not read",
            "The owner is not asked for: the session's logs are read as ever"
        ),
        attack!(
            pod_of_an_earlier_session_is_not_read,
            "Keeps a Pod running that names an earlier Session of the name as its owner, with the labels of this one",
            "The session's own Pod is read: another UID is another Session"
        ),
        attack!(
            forged_pod_does_not_change_what_list_shows,
            "Creates a Pod with the labels and the UID of a session that is stopped, to have it shown as running",
            "`list` asks the session itself, and shows it as stopped"
        ),
        attack!(
            autoscaled_deployment_comes_back_with_its_count,
            "Stops a Deployment under a HorizontalPodAutoscaler at 4 replicas and starts it again",
            "It is started with 4 replicas, not with the API's default of 1"
        ),
        attack!(
            forged_parameters_secret_is_not_taken_up,
            "Creates the parameters Secret of a deleted session, with its labels, user id, run and UID, to choose the password of the next",
            "`create` names the Secret, refuses it and takes its own objects back"
        ),
        attack!(
            forged_claim_vouches_for_no_forged_secret,
            "Creates such a Secret and, to vouch for it, a claim with the same labels, user id, run and UID",
            "`create` refuses the Secret: it is younger than the deletion that the oldest claim was kept of"
        ),
        attack!(
            parameters_secret_without_a_session_is_not_taken_up,
            "Creates the parameters Secret of a name before its owner's first `create`, with forged labels",
            "`create` names the Secret and refuses it: nothing that was kept vouches for it"
        ),
        attack!(
            kept_parameters_secret_is_still_taken_up,
            "A careful hand: deletes a session and creates it again",
            "The kept password is taken up: the Secret is older than the claims that name the same Session"
        ),
        attack!(
            claim_that_names_no_run_is_not_taken_up,
            "Creates a claim with a session's labels and user id, filled with files of their own, before its owner's `create`",
            "`create` names the claim and refuses it: it names neither run nor Session"
        ),
        attack!(
            claim_without_a_volume_is_made_anew,
            "Deletes a session whose claim never got a volume, and creates it again with another class",
            "The claim, which holds nothing, is deleted by UID and version and made with the class that is wanted"
        ),
        attack!(
            class_that_contradicts_kept_data_is_refused,
            "Creates a session with `--storage-class` although kept data of another class is taken up",
            "Refused before anything is written, with both ways out"
        ),
        attack!(
            kept_data_that_is_not_used_is_told,
            "Creates a session without the claim that was kept under its name",
            "A note names the claim, whose it was, and the commands that show and delete it"
        ),
        attack!(
            kept_data_of_another_user_is_not_taken_up,
            "Creates a session of the name of another user's deleted one, to get at their kept claim",
            "Refused; the claim stays as it is"
        ),
        attack!(
            session_of_another_user_destroys_no_kept_data,
            "Creates a session of the name of another user's deleted one, and deletes it with `--delete-data`",
            "The other user's kept claim stays as it is"
        ),
        attack!(
            user_of_the_same_label_gets_no_kept_data,
            "Creates a session as user `a.b` where data of user `a@b` is kept, whose label looks alike",
            "Refused: the raw user ids are compared"
        ),
        attack!(
            kept_data_of_another_template_is_not_taken_up,
            "Creates a session of the same name and user from another template, whose Pod would read the kept claim",
            "Refused; the claim stays as it is"
        ),
        attack!(
            forged_newest_snapshot_displaces_no_true_one,
            "Creates a newer VolumeSnapshot of their own claim with the session's labels, before the owner's `prune --keep 1`",
            "The newest true snapshot stays; the forged one is named, and neither counted nor deleted"
        ),
        attack!(
            unbound_snapshot_displaces_no_true_one,
            "Creates a newer VolumeSnapshot that no content is bound to, with a forged status",
            "The newest true snapshot stays; the unbound one is named, and neither counted nor deleted"
        ),
        attack!(
            forged_snapshot_is_not_cleaned_up,
            "Has `cleanup --snapshots-older-than` delete a VolumeSnapshot that is nobody's of ours, by its labels",
            "It is reported and left; the old snapshots of the session go"
        ),
        attack!(
            forged_snapshot_is_not_restored,
            "Labels a VolumeSnapshot of their own claim as one of another's session, to have its files restored there",
            "`snapshot restore` names the claim that it was taken of and refuses; nothing is written"
        ),
        attack!(
            snapshot_of_another_user_is_counted_by_itself,
            "Has a session of the name of another user's deleted one, and prunes its snapshots",
            "The snapshots of the other user are counted by themselves, and their newest stays"
        ),
        attack!(
            snapshot_of_another_namespace_is_not_counted,
            "Creates a newer VolumeSnapshot with the session's labels in a namespace of their own",
            "It is neither counted nor deleted"
        ),
    ]
}
